"""The learner: interactions come in, what the crowd's clicks teach goes out.

In:  `interactions`, one partition, so that there is one order of all clicks.
Out: `item-signals`, what is known of an item, null when it made room; `ranker`, the weights.

What has been learned lies in a `Course`, and follows from the log alone: so the agent begins where
its course is, not where its group has committed, and after a crash all ends as if there had been
none. Publication is a part of it (the ranker trains on what was published). What waits to be
published while the log is idle is told as a copy (learned_copies.py).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from streams.agents.slices import Slices
from streams.agents.told import Told
from streams.core.learning.course import Course
from streams.core.learning.interaction import Interaction, InteractionCorrupt, decode_interaction
from streams.core.learning.learner import Pictures
from streams.core.learning.signals import ItemSignals
from streams.core.learning.weights_codec import encode_weights
from streams.delivery import Batch, BatchClosing, Bounds
from streams.errors import Reason, StateBroken
from streams.records import Record
from streams.stores.learner_snapshot import LearnerSnapshot

WEIGHTS_KEY = b"weights"
MOST_SENT = 2_000
"""Items of one batch's messages: 4 MB. The rest goes with the next ones."""
_SERVED_AT_ONCE = 50

_log = logging.getLogger(__name__)


class Measures(Protocol):
    """What the learner tells of itself. Quick, and raises nothing."""

    def learned(self, outcome: str, interactions: int) -> None: ...
    def loss(self, loss: float) -> None: ...
    def stands(self, course: Course, lag_s: float) -> None: ...
    def published(self, items: int) -> None: ...


class LearnerAgent:
    """Handles one batch of interactions at a time.

    pictures  how items look like what she liked; None: the ranker learns without.
    frozen    read along, count, and change and publish nothing. What passes meanwhile is never
              learned.
    told      what was told of late, as copies too: nothing is told twice within its time.
    turn      held by whoever changes the course or needs it to stand still.
    """

    def __init__(
        self,
        *,
        snapshot: LearnerSnapshot,
        signals_topic: str,
        ranker_topic: str,
        pictures: Pictures | None,
        frozen: bool,
        told: Told,
        slices: Slices,
        measures: Measures,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.turn = asyncio.Lock()
        self.course: Course | None = None
        self._snapshot = snapshot
        self._signals_topic = signals_topic
        self._ranker_topic = ranker_topic
        self._pictures = pictures
        self.frozen = frozen
        self.told = told
        self._slices = slices
        self._measures = measures
        self._clock = clock
        self._hold_until = 0

    async def start_at(self, _partition: int, bounds: Bounds) -> int:
        """Where to read from: the last record that was learned, to know the log by, or the first.

        What the group has committed was published before. Up to there nothing is published again
        one by one: a recommender would see the past go by.
        """
        async with self.turn:
            if self.course is None:
                self.course = await self._snapshot.load()
            course = self.course
            if course.offset > bounds.end:
                _log.warning(
                    "the log ends at %d, and this was learned to %d: it was made anew. Learning "
                    "again from its beginning",
                    bounds.end,
                    course.offset,
                )
                course = self.course = self._snapshot.new()
            elif 0 < course.offset < bounds.first:
                _log.warning(
                    "interactions %d to %d are in the log no more, and were never learned from",
                    course.offset,
                    bounds.first - 1,
                )
            course.not_sent()
            self.told.forget()  # whose partition it was may have told another state
            course.offset = max(course.offset, bounds.first)
            self._hold_until = bounds.committed or 0
            return max(course.offset - (course.at_ms >= 0), bounds.first)

    def may_publish(self) -> bool:
        """Whether it has come to where publishing goes on."""
        course = self.course
        return course is not None and not self.frozen and course.offset >= self._hold_until

    async def handle(self, batch: Batch) -> None:
        """Learn from the batch, and publish what is due."""
        async with self.turn:
            course = self.course
            if course is None:
                raise RuntimeError("records came before it was asked where to begin")
            course.not_sent()  # of a batch that was let go
            outcomes: Counter[str] = Counter()
            try:
                for record in batch.records:
                    if batch.closing:
                        raise BatchClosing("its partition goes; what was learned stays")
                    outcomes[await self._take(batch, course, record)] += 1
                    await self._slices.breathe()
            finally:
                self._tell(course, outcomes)
            if self.may_publish():
                self._send(batch, course)

    async def _take(self, batch: Batch, course: Course, record: Record) -> str:
        if record.offset < course.offset:
            self._prove(course, record)
            batch.duplicate(record)
            return "duplicate"
        event = _read(batch, course, record)
        if event is None:
            course.passed(record.offset, record.timestamp)
            return ""
        if course.knows(event):
            course.passed(record.offset, record.timestamp)
            batch.duplicate(record)
            return "duplicate"
        if self.frozen:
            course.skip(event)
            taught = False
        else:
            course.turn_to(record.timestamp)
            while course.serve(_SERVED_AT_ONCE):
                await self._slices.breathe()
            taught = self._learn(course, event)
        course.passed(record.offset, record.timestamp)
        batch.applied(record)
        return "learned" if taught else "nothing"

    def _learn(self, course: Course, event: Interaction) -> bool:
        loss = course.learn(event, self._pictures)
        if loss is not None and math.isfinite(loss):
            self._measures.loss(loss)
        return event.first or event.liked

    def _prove(self, course: Course, record: Record) -> None:
        """The log must be the one that was learned from. Raises StateBroken."""
        if record.offset == course.offset - 1 and record.timestamp != course.at_ms:
            self._snapshot.set_aside()
            raise StateBroken(
                f"{record.topic} is not the log that the learner's snapshot was learned from: at "
                f"offset {record.offset} lies another record. The snapshot was set aside; the next "
                f"start learns again from the beginning of the log"
            )

    def _send(self, batch: Batch, course: Course) -> None:
        taken = course.take(MOST_SENT)
        weights = course.weights_unsent
        values = [(key, signals_value(item)) for key, item in taken]
        new = [each for each in values if not self.told.says(*each)]  # a copy told the rest
        for key, value in new:
            batch.send(self._signals_topic, key=signals_key(key), value=value)
        if weights:
            encoded = encode_weights(course.learner.table.weights)
            batch.send(self._ranker_topic, key=WEIGHTS_KEY, value=encoded)
        if not taken and not weights:
            return

        def finished() -> None:
            course.sent()
            course.weights_unsent = False
            # What a copy told counts from now on too: inside, its time begins with this.
            for key, value in values:
                self.told.note(key, value)
            self._measures.published(len(new))

        batch.when_finished(finished)

    def _tell(self, course: Course, outcomes: Counter[str]) -> None:
        for outcome, count in outcomes.items():
            if outcome:
                self._measures.learned(outcome, count)
        self._measures.stands(course, max(self._clock() - course.at_ms / 1000.0, 0.0))


def signals_key(key: int) -> bytes:
    """The key of an item's record: its 32-bit key in hexadecimal."""
    return b"%08x" % key


def signals_value(item: ItemSignals | None) -> bytes | None:
    """The value of an item's record."""
    return None if item is None else item.encode()


def _read(batch: Batch, course: Course, record: Record) -> Interaction | None:
    try:
        event = decode_interaction(record.value or b"")
    except InteractionCorrupt as corrupt:
        batch.dead_letter(record, Reason.BAD_INTERACTION, str(corrupt))
        return None
    if not course.takes(event):
        detail = f"partition {event.partition} of the clicks is one more than can be"
        batch.dead_letter(record, Reason.BAD_INTERACTION, detail)
        return None
    return event
