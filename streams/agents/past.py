"""What a worker may rely on the store to hold, and how it notices that the store lost it.

Beside the profiles the store keeps a mark for each source of clicks, "topic-partition": the offset
of the last click that is part of it (streams/stores/profiles.py). A mark that goes back, or that
lies behind what somebody had finished before this worker began, means that the store was emptied
or that an older state came back. Nothing may then be built upon it, or published from it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from streams.delivery import Batch
from streams.errors import StoreBehind
from streams.records import Record
from streams.stores.profiles import NO_MARK, Mark, ProfileStore

logger = logging.getLogger(__name__)

FirstRecord = Callable[[str, int, int, int], Awaitable[int | None]]
"""(topic, partition, from, to) -> the offset of the first record there still is in [from, to)."""


class Begun(NamedTuple):
    """A partition that this worker was given: somebody finished all that lies below `first`."""

    topic: str
    partition: int
    first: int

    @property
    def source(self) -> str:
        return source_name(self.topic, self.partition)


def source_name(topic: str, partition: int) -> str:
    """The name under which profiles and marks know where a record comes from."""
    return f"{topic}-{partition}"


def source_of(record: Record) -> str:
    """The same, of a record."""
    return source_name(record.topic, record.partition)


class Past:
    """The marks that the store must hold, of the sources that this worker has handled.

    first_record  looks into the log. Asked only where a mark lies below what was finished, and
                  again only once the mark has moved.
    finished      where the partitions stand that this worker holds now, as far as it knows: so
                  that a loss is noticed also where no clicks come.
    """

    def __init__(
        self,
        store: ProfileStore,
        first_record: FirstRecord,
        finished: Callable[[], Iterable[Begun]] = lambda: (),
    ) -> None:
        self._store = store
        self._first_record = first_record
        self._finished = finished
        self._epoch = -1
        self._known: dict[str, int] = {}
        self._begun: dict[str, Begun] = {}
        self._lacking: dict[str, tuple[Begun, int]] = {}

    def begin(self, epoch: int, known: Mapping[str, int]) -> None:
        """What is known of an assignment's sources by whoever chose where to read from."""
        self._epoch, self._known = epoch, dict(known)
        self._begun, self._lacking = {}, {}

    async def marks(self, batch: Batch) -> list[Mark]:
        """The marks to save with this batch. Raises StoreBehind, or DependencyDown."""
        if batch.epoch != self._epoch:
            # Others may have gone on since: what is known is known of one assignment.
            self.begin(batch.epoch, {})
        last: dict[str, int] = {}
        new: dict[str, Begun] = {}
        for record in batch.records:
            source = source_of(record)
            if source not in last and source not in self._known:
                new[source] = Begun(record.topic, record.partition, record.offset)
            last[source] = record.offset
        if new:
            self._begun |= new
            await self._recognise(await self._store.marks(), new.values())
        return [Mark(source, self._known[source], offset) for source, offset in last.items()]

    def stored(self, marks: Sequence[Mark]) -> None:
        """The store has taken these marks."""
        for mark in marks:
            self._knows(mark.source, mark.new)

    async def check(self) -> None:
        """Whether the store still holds what it must. Raises StoreBehind, or DependencyDown."""
        # In this order: what is known may grow while the store answers, never shrink.
        begun = {each.source: each for each in self._finished()} | self._begun
        known = dict(self._known)
        stored = await self._store.marks()
        for source, offset in known.items():
            if stored.get(source, NO_MARK) < offset:
                raise StoreBehind(source, stored.get(source, NO_MARK), offset)
        await self._recognise(stored, [begun[source] for source in begun.keys() - known.keys()])

    async def _recognise(self, stored: Mapping[str, int], begun: Iterable[Begun]) -> None:
        """Take the marks of these sources for known, unless the log has more that was finished.

        Offsets between the mark and the first record may be none's: transaction markers, what was
        compacted, what retention removed. What the log still has there is missing in the store.
        """
        epoch = self._epoch
        for each in begun:
            mark = stored.get(each.source, NO_MARK)
            if mark < each.first - 1:
                if self._lacking.get(each.source) != (each, mark):
                    missing = await self._first_record(
                        each.topic, each.partition, mark + 1, each.first
                    )
                    if epoch != self._epoch:
                        return
                    if missing is None:
                        logger.info("%s goes on at %d, after a gap", each.source, each.first)
                        self._knows(each.source, mark)
                        continue
                    self._lacking[each.source] = each, mark
                raise StoreBehind(each.source, mark, each.first - 1)
            self._knows(each.source, mark)

    def _knows(self, source: str, mark: int) -> None:
        self._known[source] = max(mark, self._known.get(source, NO_MARK))
        self._begun.pop(source, None)
