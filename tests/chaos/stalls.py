"""How long partitions stood still although there was something to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.journal import Place
from tests.chaos.oracle import Event


@dataclass(frozen=True, slots=True)
class Stall:
    """From `begun_s` on, for `for_s` seconds, no record of a partition was finished, and one
    waited."""

    topic: str
    partition: int
    begun_s: float
    for_s: float

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition} for {self.for_s:.1f} s"


def stalls(events: Iterable[Event], finished: Mapping[Place, float]) -> list[Stall]:
    """Every wait between two finished records of a partition, the longest first.

    events    the log, with when each came (true seconds).
    finished  place -> when it was first finished.
    """
    partitions: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
    for event in events:
        partitions[event.place[:2]].append(event)
    found = []
    for (topic, partition), mine in partitions.items():
        last_s = 0.0
        for event in sorted(mine, key=lambda each: each.place):
            done_s = finished.get(event.place)
            if done_s is None:
                continue
            begun_s = max(last_s, event.sent_s)
            if done_s > begun_s:
                found.append(Stall(topic, partition, begun_s, done_s - begun_s))
            last_s = max(last_s, done_s)
    return sorted(found, key=lambda stall: -stall.for_s)


def longest(found: Sequence[Stall]) -> float:
    """Seconds of the longest one; 0 without any."""
    return found[0].for_s if found else 0.0
