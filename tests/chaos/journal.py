"""What the workers' journals say: every delivery of every record, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Place = tuple[str, int, int]
"""Topic, partition, offset."""

CUT_OFF = "cut off"
"""The process ended before the batch did."""
LET_GO = "let go"
"""The worker gave the batch up: its partitions were taken, or it was told to stop."""


@dataclass(slots=True)
class Delivery:
    """One batch as a handler got it. Times in true seconds since the epoch.

    outcomes  one for each place; none where the batch was let go or cut off, which `ended` says.
    """

    worker: str
    places: Sequence[Place]
    begun_s: float
    ended: str = CUT_OFF
    ended_s: float = 0.0
    outcomes: Sequence[str] = ()


@dataclass(slots=True)
class Account:
    """What one process told."""

    worker: str
    deliveries: list[Delivery]
    listens: bool
    """Whether it had come so far as to listen to SIGTERM."""


def read(worker: str, lines: Iterable[bytes]) -> Account:
    """The account of one process. A line that a kill tore ends it."""
    open_batches: dict[int, Delivery] = {}
    account = Account(worker, [], listens=False)
    for line in lines:
        if not line.endswith(b"\n"):
            break
        said = json.loads(line)
        match said["e"]:
            case "signals":
                account.listens = True
            case "begin":
                places = [(said["topic"], p, o) for p, o in said["r"]]
                delivery = Delivery(worker, places, said["t"])
                open_batches[said["b"]] = delivery
                account.deliveries.append(delivery)
            case "let-go":
                delivery = open_batches.pop(said["b"])
                delivery.ended, delivery.ended_s = LET_GO, said["t"]
            case "end":
                delivery = open_batches.pop(said["b"])
                delivery.ended, delivery.ended_s = "", said["t"]
                delivery.outcomes = said["o"]
    return account


def read_file(worker: str, file: Path) -> Account:
    """The account in a file; an empty one if the process never came so far."""
    if not file.exists():
        return Account(worker, [], listens=False)
    with file.open("rb") as lines:
        return read(worker, lines)


def finishes(deliveries: Iterable[Delivery]) -> Iterator[tuple[Place, str, float]]:
    """(place, outcome, when) of every record of every finished batch."""
    for delivery in deliveries:
        for place, outcome in zip(delivery.places, delivery.outcomes, strict=False):
            yield place, outcome, delivery.ended_s
