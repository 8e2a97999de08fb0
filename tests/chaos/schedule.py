"""Which fault, on whom, when, and for how long: all of it follows from the seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.site import EMBEDDERS, LEARNERS, RECOMMENDERS, SESSION_TIMEOUT_S, SPARE

EVERY_S = 2.3
"""One fault in so many seconds, on average."""

BROKER = "broker"
STORE = "store"
LOAD = "load"

_STEADY = tuple(name for name in RECOMMENDERS if name != SPARE)
_WORKERS = (*_STEADY, *_STEADY, *EMBEDDERS, *LEARNERS)  # recommenders twice as often
_KEEPERS = (*_STEADY, *LEARNERS)  # those that keep snapshots


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: how often beside the others, on whom, and how long it lasts (seconds)."""

    weight: float
    targets: Sequence[str]
    shortest_s: float
    longest_s: float


KINDS: Mapping[str, Kind] = {
    "kill": Kind(14, _WORKERS, 0.0, 3.0),
    "term": Kind(10, _WORKERS, 0.0, 3.0),
    "zombie": Kind(8, _WORKERS, SESSION_TIMEOUT_S + 1.5, SESSION_TIMEOUT_S + 4.0),
    "zombie-midway": Kind(6, _STEADY, SESSION_TIMEOUT_S + 1.5, SESSION_TIMEOUT_S + 4.0),
    "pause": Kind(5, _WORKERS, 0.2, 4.0),
    "burst": Kind(4, (SPARE,), 1.0, 6.0),
    "cut-kafka": Kind(7, _WORKERS, 0.5, SESSION_TIMEOUT_S + 5.0),
    "cut-redis": Kind(6, _STEADY, 0.5, 8.0),
    "reset-kafka": Kind(4, _WORKERS, 0.1, 0.5),
    "reset-redis": Kind(4, _STEADY, 0.1, 0.5),
    "slow-kafka": Kind(4, _WORKERS, 2.0, 6.0),
    "slow-redis": Kind(4, _STEADY, 2.0, 6.0),
    "redis-refuses": Kind(5, _STEADY, 0.5, 5.0),
    "clock-jump": Kind(6, _WORKERS, 0.1, 0.5),
    "disk-full": Kind(4, _KEEPERS, 6.0, 14.0),
    "torn-snapshot": Kind(4, _KEEPERS, 0.0, 1.0),
    "broker-kill": Kind(2.5, (BROKER,), 0.0, 4.0),
    "broker-pause": Kind(2, (BROKER,), 0.5, 4.0),
    "redis-kill": Kind(4, (STORE,), 0.0, 4.0),
    "redis-pause": Kind(4, (STORE,), 0.5, 4.0),
    "redis-full": Kind(3, (STORE,), 0.5, 4.0),
    "redis-busy": Kind(3, (STORE,), 0.5, 1.5),
    "producer-retry": Kind(6, (LOAD,), 0.1, 0.2),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `at_s`: seconds after the first; `seed`: for what else it must choose."""

    number: int
    at_s: float
    kind: str
    target: str
    for_s: float
    seed: int

    def __str__(self) -> str:
        return f"{self.kind} of {self.target} at {self.at_s:.1f} s for {self.for_s:.1f} s"


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault as it was inflicted. Times in true seconds since the epoch."""

    fault: Fault
    begun_s: float
    ended_s: float


def schedule(
    seed: int, count: int, *, kinds: Sequence[str] = tuple(KINDS), every_s: float = EVERY_S
) -> list[Fault]:
    """`count` faults. Where there are enough of them, every kind comes at least once."""
    rng = random.Random(f"faults {seed}")
    chosen = list(kinds) if count >= len(kinds) else []
    weights = [KINDS[kind].weight for kind in kinds]
    chosen += rng.choices(list(kinds), weights, k=count - len(chosen))
    rng.shuffle(chosen)
    faults = []
    at_s = 0.0
    for number, name in enumerate(chosen, start=1):
        kind = KINDS[name]
        target = rng.choice(kind.targets)
        for_s = round(rng.uniform(kind.shortest_s, kind.longest_s), 2)
        faults.append(Fault(number, round(at_s, 2), name, target, for_s, rng.randrange(2**32)))
        at_s += rng.uniform(0.2, 2 * every_s - 0.2)
    return faults
