"""What a worker may rely on the store to hold, and how it notices that the store lost it.

Beside the profiles the store keeps a mark for each source of clicks, "topic-partition": the offset
of the last click that is part of it (streams/stores/profiles.py). A mark that goes back, or that
lies behind what somebody had finished before this worker began, means that the store was emptied
or that an older state came back. Nothing may then be built upon it, or published from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from streams.delivery import Batch, Retry
from streams.errors import StoreBehind
from streams.records import Record
from streams.stores.profiles import NO_MARK, Mark, ProfileStore

logger = logging.getLogger(__name__)

CHECK_EVERY_S = 5.0

FirstRecord = Callable[[str, int, int, int], Awaitable[int | None]]
"""(topic, partition, from, to) -> the offset of the first record there still is in [from, to)."""


def source_of(record: Record) -> str:
    """The name under which profiles and marks know where a record comes from."""
    return f"{record.topic}-{record.partition}"


class Past:
    """The marks that the store must hold, of the sources that this worker has handled.

    first_record  looks into the log; asked once for each newly assigned partition at most.
    """

    def __init__(self, store: ProfileStore, first_record: FirstRecord) -> None:
        self._store = store
        self._first_record = first_record
        self._epoch = -1
        self._known: dict[str, int] = {}

    def begin(self, epoch: int, known: Mapping[str, int]) -> None:
        """What is known of an assignment's sources by whoever chose where to read from."""
        self._epoch, self._known = epoch, dict(known)

    async def marks(self, batch: Batch) -> list[Mark]:
        """The marks to save with this batch. Raises StoreBehind, or DependencyDown."""
        if batch.epoch != self._epoch:
            # Others may have gone on since: what is known is known of one assignment.
            self._epoch, self._known = batch.epoch, {}
        found: dict[str, tuple[Record, Record]] = {}
        for record in batch.records:
            source = source_of(record)
            found[source] = (found.get(source, (record,))[0], record)
        new = [first for source, (first, _) in found.items() if source not in self._known]
        if new:
            await self._recognise(new)
        return [
            Mark(source, self._known[source], last.offset) for source, (_, last) in found.items()
        ]

    def stored(self, marks: Sequence[Mark]) -> None:
        """The store has taken these marks."""
        for mark in marks:
            self._known[mark.source] = max(mark.new, self._known.get(mark.source, NO_MARK))

    async def check(self) -> None:
        """Whether the store still holds what it must. Raises StoreBehind, or DependencyDown."""
        known = dict(self._known)
        stored = await self._store.marks()
        for source, offset in known.items():
            if stored.get(source, NO_MARK) < offset:
                raise StoreBehind(source, stored.get(source, NO_MARK), offset)

    async def _recognise(self, firsts: Sequence[Record]) -> None:
        """Sources whose first records here are `firsts`: all before them was finished by somebody.

        Offsets between the mark and the first record may be none's: transaction markers, what was
        compacted, what retention removed. What the log still has there is missing in the store.
        """
        stored = await self._store.marks()
        for first in firsts:
            source = source_of(first)
            mark = stored.get(source, NO_MARK)
            if mark < first.offset - 1:
                missing = await self._first_record(
                    first.topic, first.partition, mark + 1, first.offset
                )
                if missing is not None:
                    raise StoreBehind(source, mark, first.offset - 1)
                logger.info("%s begins at offset %d, after a gap", source, first.offset)
            self._known[source] = mark


async def watch(past: Past, retry: Retry, stopping: asyncio.Event) -> None:
    """Check the store's past until `stopping` is set, also while no clicks come.

    BatchClosing if it is set while the store is behind or away.
    """
    while not stopping.is_set():
        await retry.until_it_works("redis", past.check, stopping)
        await retry.pause(CHECK_EVERY_S, stopping)
