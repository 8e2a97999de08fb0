"""How long partitions stood still although there was something to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.journal import Place
from tests.chaos.oracle import Event

Span = tuple[float, float]
"""From, to; true seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Stall:
    """From `begun_s` on, for `in_all_s` seconds, no record of a partition was finished, and one
    waited. `for_s` of them broker and store were there."""

    topic: str
    partition: int
    begun_s: float
    in_all_s: float
    for_s: float

    def __str__(self) -> str:
        place = f"{self.topic}-{self.partition}"
        return f"{place} for {self.for_s:.1f} s ({self.in_all_s:.1f} s with outages)"


def stalls(
    events: Iterable[Event], finished: Mapping[Place, float], outages: Iterable[Span] = ()
) -> list[Stall]:
    """Every wait between two finished records of a partition, the longest first.

    events    the log, with when each came (true seconds).
    finished  place -> when it was first finished.
    outages   when broker or store were not there: while they are down nothing can move.
    """
    partitions: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
    for event in events:
        partitions[event.place[:2]].append(event)
    apart = _apart(outages)
    found = []
    for (topic, partition), mine in partitions.items():
        last_s = 0.0
        for event in sorted(mine, key=lambda each: each.place):
            done_s = finished.get(event.place)
            if done_s is None:
                continue
            begun_s = max(last_s, event.sent_s)
            if done_s > begun_s:
                in_all_s = done_s - begun_s
                served_s = in_all_s - _overlap(begun_s, done_s, apart)
                found.append(Stall(topic, partition, begun_s, in_all_s, served_s))
            last_s = max(last_s, done_s)
    return sorted(found, key=lambda stall: -stall.for_s)


def longest(found: Sequence[Stall]) -> float:
    """Seconds of the longest one; 0 without any."""
    return found[0].for_s if found else 0.0


def _apart(spans: Iterable[Span]) -> list[Span]:
    """The same time as `spans` that may overlap, in spans that don't."""
    merged: list[Span] = []
    for begun_s, ended_s in sorted(spans):
        if merged and begun_s <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], ended_s)
        else:
            merged.append((begun_s, ended_s))
    return merged


def _overlap(begun_s: float, ended_s: float, spans: Sequence[Span]) -> float:
    return sum(max(min(ended_s, end) - max(begun_s, begin), 0.0) for begin, end in spans)
