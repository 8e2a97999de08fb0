"""The learner's background: what waits while the log is idle is told, and snapshots are written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from streams.agents.learn import (
    MOST_SENT,
    WEIGHTS_KEY,
    LearnerAgent,
    signals_key,
    signals_value,
)
from streams.agents.slices import Slices
from streams.core.learning.course import Course
from streams.core.learning.signals import ItemSignals
from streams.core.learning.weights_codec import encode_weights
from streams.delivery import BatchClosing, Message, Retry
from streams.stores.learner_snapshot import LearnerSnapshot, Written

EVERY_S = 0.5
IDLE_S = 1.0


class Measures(Protocol):
    """What is told of copies and snapshots."""

    def published(self, items: int) -> None: ...
    def snapshot(self, written: Written) -> None: ...


class LearnedCopies:
    """Publishes copies, and keeps the snapshot.

    An item waits for its time of publication, and that comes only with another record. So when no
    record has come for IDLE_S, what is known by now is published as it is: a copy. It changes
    nothing of what the learner publishes later or trains its ranker on; so it does not matter when
    copies were made, which doesn't follow from the log. The last copies of an idle log, and the
    publications after earlier ones, are what the topic holds in the end.

    What was told of late waits until it may be told again; what stands in the topic as it is, is
    not told again.

    deliver  publishes messages; returns when they are acknowledged.
    in_charge  whether the partition of interactions is this worker's.
    """

    def __init__(
        self,
        agent: LearnerAgent,
        *,
        snapshot: LearnerSnapshot,
        snapshot_every_s: float,
        signals_topic: str,
        ranker_topic: str,
        retry: Retry,
        deliver: Callable[[list[Message]], Awaitable[object]],
        in_charge: Callable[[], bool],
        slices: Slices,
        measures: Measures,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._agent = agent
        self._snapshot = snapshot
        self._snapshot_every_s = snapshot_every_s
        self._signals_topic = signals_topic
        self._ranker_topic = ranker_topic
        self._retry = retry
        self._deliver = deliver
        self._in_charge = in_charge
        self._slices = slices
        self._measures = measures
        self._clock = clock
        self._saved_s = clock()
        self._seen: tuple[int, float] = (-1, clock())
        self._copied = -1
        self._resting: list[int] = []
        """What is to be copied yet of what was known at `_copied`."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; BatchClosing if it is set while Kafka is down."""
        while not stopping.is_set():
            await self.step()
            await self._retry.pause(EVERY_S, stopping)

    async def step(self) -> None:
        """Once: a snapshot if it is time for one, copies if the log is idle."""
        course = self._agent.course
        if course is None or not self._in_charge():
            return
        now_s = self._clock()
        if now_s - self._saved_s >= self._snapshot_every_s:
            self._saved_s = now_s
            async with self._agent.turn:
                written = await self._snapshot.save(course)
            if written is not None:
                self._measures.snapshot(written)
        if course.offset != self._seen[0]:
            self._seen = (course.offset, now_s)
        elif now_s - self._seen[1] >= IDLE_S and self._agent.may_publish():
            await self._tell_all()

    async def _tell_all(self) -> None:
        """Everything that was published and not sent, and then copies of what has changed since."""
        agent = self._agent
        async with agent.turn:
            course = agent.course
            if course is None or course.offset != self._seen[0] or course.under_way:
                return
            try:
                if course.offset != self._copied or course.unsent:
                    await self._tell_first(course)
                elif self._resting:
                    learner = course.learner
                    await self._copy((key, learner.known(key)) for key in self._resting)
            except BatchClosing:
                course.not_sent()
                self._copied = -1

    async def _tell_first(self, course: Course) -> None:
        self._copied = -1
        while course.unsent:
            await self._tell(course.take(MOST_SENT))
            course.sent()
        learner = course.learner
        await self._copy(learner.unpublished())
        weights = encode_weights(learner.trainer.served(learner.events))
        await self._deliver([Message(self._ranker_topic, WEIGHTS_KEY, weights, ())])
        course.weights_unsent = False
        self._copied = course.offset

    async def _copy(self, items: Iterable[tuple[int, ItemSignals | None]]) -> None:
        told = self._agent.told
        resting: list[int] = []
        copies: list[tuple[int, ItemSignals | None]] = []
        for key, item in items:
            if not told.rests(key):
                copies.append((key, item))
            elif not told.says(key, signals_value(item)):
                resting.append(key)
            if len(copies) == MOST_SENT:
                await self._tell(copies)
                copies = []
            await self._slices.breathe()
        await self._tell(copies)
        self._resting = resting

    async def _tell(self, items: Iterable[tuple[int, ItemSignals | None]]) -> None:
        told = self._agent.told
        values = [(key, signals_value(item)) for key, item in items]
        new = [
            Message(self._signals_topic, signals_key(key), value, ())
            for key, value in values
            if not told.says(key, value)
        ]
        if new:
            await self._deliver(new)
            self._measures.published(len(new))
        for key, value in values:
            told.note(key, value)
