"""Prequential replay: before each event every method is asked, then it is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.log import Log
from streams.evaluation.method import Event, Mask, Method
from streams.evaluation.placing import place

WARM_UP = 0.5
TOP = 10
AHEAD = 20
"""How many of her next positive events say whether she liked what stood among the ten."""

Hear = Callable[[int, int], None]


@dataclass(slots=True)
class Course:
    """What one method did: a row for each of the evaluated events."""

    ranks: NDArray[np.float64]
    """Of the item that came; inf where it was not found."""
    tops: NDArray[np.int32]
    """int32 [events, TOP], -1 pads."""
    seconds: float = 0.0


@dataclass(slots=True)
class Asked:
    """The evaluated events and what was known before each; rows as in the methods' courses."""

    rows: NDArray[np.int64]
    """Of the log."""
    user_events: NDArray[np.int32]
    """Events of hers before."""
    item_events: NDArray[np.int32]
    """Events on the item before, of anybody."""
    gaps_s: NDArray[np.float64]
    """Since her last event; nan: there is none."""
    known: NDArray[np.int32]
    """How many unseen items there were to rank."""


@dataclass(slots=True)
class Replayed:
    """All that a replay found out."""

    log: Log
    asked: Asked
    courses: dict[str, Course] = field(default_factory=dict)
    learned: int = 0


def replay(
    log: Log,
    methods: Sequence[Method],
    *,
    warm_up: float = WARM_UP,
    every: int = 1,
    seed: int = 1,
    hear: Hear = lambda done, total: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Replayed:
    """Replay `log`: rank, note the rank of what came, learn.

    warm_up  the share of the log's events after which ranking begins.
    every    rank before every so manieth of the events that would be ranked.
    hear     told (events done, events in all), once in a while.

    An event is ranked if it is positive and on an item that she has not touched before. An item is
    known from `log.since_s` on, or from just after its first event: so one that nobody has touched
    can be found only if the log says that it was there.
    """
    chosen = _choose(log, warm_up, every)
    asked, tops = _empty(len(chosen)), np.full((len(chosen), TOP), -1, np.int32)
    replayed = Replayed(log, asked)
    for method in methods:
        course = Course(np.full(len(chosen), np.inf), tops.copy())
        replayed.courses[method.name] = course
    arrivals = _Arrivals(log, methods)
    touched: dict[int, list[int]] = {}
    last_s: dict[int, float] = {}
    item_events = [0] * len(log.item_ids)
    user_events: dict[int, int] = {}
    shuffled = np.random.default_rng(seed).permutation(len(log.item_ids)).astype(np.int32)
    wanted, at = [*chosen.tolist(), -1], 0
    for row, event in enumerate(log.events()):
        user, item = event.user, event.item
        arrivals.until(event.at_s)
        if row == wanted[at]:
            unseen = arrivals.known.copy()
            unseen[touched.get(user, [])] = False
            asked.rows[at] = row
            asked.user_events[at] = user_events.get(user, 0)
            asked.item_events[at] = item_events[item]
            asked.gaps_s[at] = event.at_s - last_s[user] if user in last_s else np.nan
            asked.known[at] = np.count_nonzero(unseen)
            for method in methods:
                course, start = replayed.courses[method.name], clock()
                scores = method.rank(user, event.at_s, unseen)
                course.seconds += clock() - start
                course.ranks[at], course.tops[at] = place(scores, unseen, item, shuffled, TOP)
            at += 1
        arrivals.touched(item, event.at_s)
        for method in methods:
            start = clock()
            method.learn(event)
            replayed.courses[method.name].seconds += clock() - start
        hers = touched.setdefault(user, [])
        if item not in hers:
            hers.append(item)
        last_s[user] = event.at_s
        item_events[item] += 1
        user_events[user] = user_events.get(user, 0) + 1
        if row % 256 == 0:
            hear(row, len(log))
    hear(len(log), len(log))
    replayed.learned = len(log)
    return replayed


def _choose(log: Log, warm_up: float, every: int) -> NDArray[np.int64]:
    """Rows to rank before: positive, on an item new to her, after the warm-up."""
    pairs = log.users.astype(np.int64) * len(log.item_ids) + log.items
    first = np.zeros(len(log), np.bool_)
    first[np.unique(pairs, return_index=True)[1]] = True
    late = np.arange(len(log)) >= int(warm_up * len(log))
    return np.flatnonzero(first & log.positive & late)[::every]


def _empty(events: int) -> Asked:
    return Asked(
        rows=np.zeros(events, np.int64),
        user_events=np.zeros(events, np.int32),
        item_events=np.zeros(events, np.int32),
        gaps_s=np.zeros(events),
        known=np.zeros(events, np.int32),
    )


class _Arrivals:
    """Tells the methods of items as they become known."""

    def __init__(self, log: Log, methods: Sequence[Method]) -> None:
        self.known: Mask = np.zeros(len(log.item_ids), np.bool_)
        self._methods = methods
        dated = np.flatnonzero(log.since_s < np.inf)
        start_s = float(log.at_s[0]) if len(log) else 0.0
        order = dated[np.argsort(log.since_s[dated], kind="stable")]
        # What was always there arrives as the log begins.
        since_s = np.maximum(log.since_s[order], start_s)
        self._coming = list(zip(since_s.tolist(), order.tolist(), strict=True))[::-1]

    def until(self, now_s: float) -> None:
        while self._coming and self._coming[-1][0] <= now_s:
            since_s, item = self._coming.pop()
            self.touched(item, since_s)

    def touched(self, item: int, at_s: float) -> None:
        """It exists, whatever was said of it before."""
        if not self.known[item]:
            self.known[item] = True
            for method in self._methods:
                method.arrive(item, at_s)


__all__ = ["AHEAD", "TOP", "WARM_UP", "Asked", "Course", "Event", "Hear", "Replayed", "replay"]
