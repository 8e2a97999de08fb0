"""The learner's background: what waits while the log is idle is told, and snapshots are written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
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
            if course is None or course.offset != self._seen[0]:
                return
            if course.offset == self._copied and not course.unsent:
                return
            try:
                while course.unsent:
                    await self._tell(course.take(MOST_SENT))
                    course.sent()
                await self._copy(course)
            except BatchClosing:
                course.not_sent()
                return
            course.weights_unsent = False
            self._copied = course.offset

    async def _copy(self, course: Course) -> None:
        learner = course.learner
        copies: list[tuple[int, ItemSignals | None]] = []
        for copy in learner.unpublished():
            copies.append(copy)
            if len(copies) == MOST_SENT:
                await self._tell(copies)
                copies = []
            await self._slices.breathe()
        await self._tell(copies)
        weights = encode_weights(learner.trainer.served(learner.events))
        await self._deliver([Message(self._ranker_topic, WEIGHTS_KEY, weights, ())])

    async def _tell(self, items: list[tuple[int, ItemSignals | None]]) -> None:
        messages = [
            Message(self._signals_topic, signals_key(key), signals_value(item), ())
            for key, item in items
        ]
        if messages:
            await self._deliver(messages)
            self._measures.published(len(messages))
