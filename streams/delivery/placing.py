"""Where an agent begins to read, if that is not where its group has committed.

An agent whose state lies beside Kafka, with the offset up to which it goes, reads on from there.
Its answer may take a while, and a group's member must not be silent meanwhile: so it is asked in a
task of its own, and what comes of the partition before is dropped. It comes again after the seek.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.delivery.ledger import Place
from streams.delivery.outbox import KAFKA, describe
from streams.delivery.retry import BatchClosing
from streams.errors import DependencyDown

if TYPE_CHECKING:
    from streams.delivery.app import App

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds: offsets from `first` up to `end`, without it.

    committed  up to where the group is done with it; None if nothing is committed, or more than
               there is.
    """

    first: int
    end: int
    committed: int | None


StartAt = Callable[[int, Bounds], Awaitable[int]]
"""From a partition and its bounds to the offset to begin at."""


class Placing:
    """The owned partitions whose beginning is not known yet."""

    def __init__(self, app: App) -> None:
        self.places: dict[Place, StartAt] = {}
        self._app = app
        self._task: asyncio.Task[None] | None = None

    def begin(self, owned: Iterable[Place]) -> None:
        """A new assignment. `follow` has to come after it for those that are named in `places`."""
        self.stop()
        lanes = self._app.lanes
        self.places = {
            place: start_at
            for place in owned
            if (lane := lanes.get(place[0])) and (start_at := lane.spec.start_at)
        }

    def follow(self, kafka: AIOKafkaConsumer) -> None:
        """Ask, and seek, beside all else."""
        if self.places:
            self._task = asyncio.create_task(self._place_all(kafka), name="placing")

    def stop(self) -> None:
        """Ask no further: the partitions are somebody else's, or the worker ends."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.places = {}

    async def _place_all(self, kafka: AIOKafkaConsumer) -> None:
        epoch = self._app.ledger.epoch
        closing = asyncio.Event()  # a new assignment cancels this task
        try:
            for place, start_at in sorted(self.places.items()):
                await self._place(kafka, place, start_at, epoch, closing)
        except BatchClosing:
            return
        except Exception as bug:  # noqa: BLE001 - the process ends
            self._app.bugs.found("placing", bug)

    async def _place(
        self,
        kafka: AIOKafkaConsumer,
        place: Place,
        start_at: StartAt,
        epoch: int,
        closing: asyncio.Event,
    ) -> None:
        app = self._app
        lane = app.lanes[place[0]]
        bounds = await app.retry.until_it_works(KAFKA, lambda: _bounds(kafka, place), closing)
        offset = await start_at(place[1], bounds)
        if app.ledger.epoch != epoch:
            return
        kafka.seek(TopicPartition(*place), offset)
        if bounds.committed is not None:
            # What is done once more must not move the group's own offset back.
            app.ledger.committed({place: bounds.committed}, epoch)
        del self.places[place]
        lane.buffer.wake()
        logger.info("%s: reads %s-%d from offset %d on", lane.spec.name, *place, offset)


async def _bounds(kafka: AIOKafkaConsumer, place: Place) -> Bounds:
    tp = TopicPartition(*place)
    try:
        firsts, ends = await kafka.beginning_offsets([tp]), await kafka.end_offsets([tp])
        committed = await kafka.committed(tp)
    except KafkaError as error:
        raise DependencyDown(KAFKA, f"asking for offsets: {describe(error)}") from error
    known = None if committed is None or committed > ends[tp] else int(committed)
    return Bounds(int(firsts[tp]), int(ends[tp]), known)
