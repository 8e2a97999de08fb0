"""A learner on its way through the log: what it has passed, and when it publishes.

All of it follows from the records alone: so whoever goes on from an earlier state, or begins anew,
ends in the same state to the bit. Nothing here asks what time it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.interaction import Interaction
from streams.core.learning.learner import Learner, Pictures
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.core.learning.signals import ItemSignals
from streams.core.learning.state import StateRefused, learner_of, state_of
from streams.core.learning.table import Keys

MOST_SOURCES = 10_000
"""Partitions of clicks that are told apart."""
_BACKWARDS_S = 60.0  # clocks of several producers differ; beyond this one of them was wrong


class Course:
    """A learner, and how far it is.

    offset    of the next record to learn from; what lies before it has been passed.
    at_ms     timestamp of the last record that was passed, -1 if there was none.
    marks     source partition -> last click of it that was learned from.
    unsent    keys that were published inside, and not yet to the others: True for signals, False
              for items of which nothing is known any more. See `take`.
    weights_unsent  the same of the ranker's weights.
    """

    def __init__(self, learner: Learner, schedule: Schedule) -> None:
        self.learner = learner
        self.schedule = schedule
        self.offset = 0
        self.at_ms = -1
        self.marks: dict[int, int] = {}
        self.unsent: dict[int, bool] = {}
        self.weights_unsent = False
        self._under_way: dict[int, bool] = {}
        self._clock_s = 0.0
        self._published_s = -math.inf
        self._since = 0
        self._due: list[int] = []

    def takes(self, event: Interaction) -> bool:
        """Whether there is room for its source; there always is for a real one."""
        return event.partition in self.marks or len(self.marks) < MOST_SOURCES

    def knows(self, event: Interaction) -> bool:
        """Whether it was learned from already: it is a copy."""
        return event.offset <= self.marks.get(event.partition, -1)

    def passed(self, offset: int, at_ms: int) -> None:
        """The record at `offset` is done with."""
        self.offset, self.at_ms = offset + 1, at_ms

    def turn_to(self, at_ms: int) -> None:
        """Before the record of `at_ms` is learned from: see whether it is time to publish.

        Mostly it is not. Where it is, `serve` has to be called until it says that it is done.
        """
        at_s = at_ms / 1000.0
        if at_s < self._clock_s - _BACKWARDS_S:
            self._published_s = -math.inf
            self._clock_s = at_s
        self._clock_s = max(self._clock_s, at_s)
        schedule = self.schedule
        waited_s = self._clock_s - self._published_s
        if not self._since or (waited_s < schedule.every_s and self._since < schedule.every_events):
            return
        self._published_s, self._since = self._clock_s, 0
        self.weights_unsent = True
        learner = self.learner
        self.unsent.update(dict.fromkeys(learner.gone(), False))
        learner.table.weights = learner.trainer.served(learner.events)
        self._due = learner.due(self._clock_s, schedule.item_every_s)

    def serve(self, most: int | None = None) -> bool:
        """Publish up to `most` of the items whose time has come; whether there are more."""
        now = self._due if most is None else self._due[:most]
        self._due = self._due[len(now) :]
        self.unsent.update((item.key, True) for item in self.learner.serve(now))
        return bool(self._due)

    def learn(self, event: Interaction, pictures: Pictures | None = None) -> float | None:
        """Learn from it; the ranker's loss where it learned."""
        self.serve()
        self.skip(event)
        self._since += 1
        return self.learner.learn(event, pictures)

    def skip(self, event: Interaction) -> None:
        """Note that it came, and learn nothing."""
        self.marks[event.partition] = event.offset

    def take(self, most: int) -> list[tuple[int, ItemSignals | None]]:
        """Up to `most` of what is unsent, to be sent now; `sent` or `not_sent` must follow.

        As it was published inside, whatever has been learned since; where the table had no room for
        it, as it is now.
        """
        for key in list(islice(self.unsent, most)):
            self._under_way[key] = self.unsent.pop(key)
        learner = self.learner
        return [
            (key, learner.table.item(key) or learner.known(key) if known else None)
            for key, known in self._under_way.items()
        ]

    @property
    def under_way(self) -> bool:
        """Whether something was taken, and it is not known yet whether it was sent."""
        return bool(self._under_way)

    def sent(self) -> None:
        """Everybody has what was taken."""
        self._under_way.clear()

    def not_sent(self) -> None:
        """Perhaps nobody has it: it is to be taken again."""
        self.unsent = self._under_way | self.unsent
        self._under_way = {}

    def state(self) -> dict[str, NDArray[Any]]:
        """All of it as arrays, the learner's own memory among them."""
        self.serve()
        unsent = self._under_way | self.unsent
        numbers = [self.offset, self.at_ms, self._since]
        return {
            **state_of(self.learner),
            "course.numbers": np.array(numbers, np.int64),
            "course.clocks": np.array([self._clock_s, self._published_s]),
            "course.marks": np.array(list(self.marks.items()), np.uint64).reshape(-1, 2),
            "course.unsent": np.array(list(unsent), np.uint32),
            "course.unsent_known": np.array(list(unsent.values()), np.bool_),
        }


def course_of(
    arrays: Mapping[str, NDArray[Any]], rules: LearningRules, schedule: Schedule
) -> Course:
    """The course with this state. Raises StateRefused for what none can have come to."""
    mine = {name: array for name, array in arrays.items() if name.startswith("course.")}
    like = Course(Learner(LearningRules(items=16)), schedule).state()
    for name in (name for name in like if name.startswith("course.")):
        shape = mine[name].shape if name in mine else ()
        free = name not in ("course.numbers", "course.clocks")
        fits = shape[1:] == like[name].shape[1:] if free else shape == like[name].shape
        if not shape or not fits or mine[name].dtype != like[name].dtype:
            raise StateRefused(f"{name} is not what it should be")
    keys: Keys = mine["course.unsent"]
    if len(keys) != len(mine["course.unsent_known"]) or len(mine["course.marks"]) > MOST_SOURCES:
        raise StateRefused("its lists don't fit together")
    learner = learner_of({k: v for k, v in arrays.items() if k not in mine}, rules)
    course = Course(learner, schedule)
    course.offset, course.at_ms, course._since = mine["course.numbers"].tolist()
    course._clock_s, course._published_s = mine["course.clocks"].tolist()
    course.marks = {int(source): int(offset) for source, offset in mine["course.marks"]}
    course.unsent = dict(zip(keys.tolist(), mine["course.unsent_known"].tolist(), strict=True))
    if course.offset < 0 or math.isnan(course._clock_s) or math.isnan(course._published_s):
        raise StateRefused("it is nowhere in the log")
    return course
