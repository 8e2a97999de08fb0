"""What a worker may rely on the store to hold, and how it notices that the store lost it.

Beside the profiles the store keeps a mark for each source of clicks, "topic-partition": the offset
of the last click that is part of it (streams/stores/profiles.py). A mark that goes back, or that
lies behind what somebody had finished before this worker began, means that the store was emptied
or that an older state came back. Nothing may then be built upon it, or published from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from streams.delivery import Batch
from streams.errors import DependencyDown, LogBegunAnew, StoreBehind
from streams.records import Record
from streams.stores.profiles import NO_MARK, Mark, ProfileStore


class Log(Protocol):
    """Looks into topics. `streams/stores/log_look.py` is one."""

    async def first_record(self, topic: str, partition: int, start: int, end: int) -> int | None:
        """The offset of the first record there still is in [start, end)."""

    async def ends(self, topic: str) -> dict[int, int]:
        """Partition -> the offset after its last record."""


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

    log       is asked only where a mark is not the offset before what comes next, and again only
              once the mark has moved.
    finished  where the partitions stand that this worker holds now, as far as it knows: so that a
              loss is noticed also where no clicks come.
    """

    def __init__(
        self,
        store: ProfileStore,
        log: Log,
        finished: Callable[[], Iterable[Begun]] = lambda: (),
    ) -> None:
        self._store = store
        self._log = log
        self._finished = finished
        self._epoch = -1
        self._known: dict[str, int] = {}
        self._begun: dict[str, Begun] = {}
        self._repeated: dict[str, int] = {}
        self._wrong: dict[str, tuple[Begun, int, DependencyDown]] = {}
        self._behind: dict[str, tuple[int, int]] = {}

    def begin(self, epoch: int, known: Mapping[str, int]) -> None:
        """What is known of an assignment's sources by whoever chose where to read from."""
        self._epoch, self._known = epoch, dict(known)
        self._begun, self._repeated, self._wrong, self._behind = {}, {}, {}, {}

    async def marks(self, batch: Batch) -> list[Mark]:
        """The marks to save with this batch. Raises StoreBehind, LogBegunAnew or DependencyDown."""
        if batch.epoch != self._epoch:
            # Others may have gone on since: what is known is known of one assignment.
            self.begin(batch.epoch, {})
        last: dict[str, int] = {}
        new: dict[str, Begun] = {}
        known: dict[str, int] = {}
        for record in batch.records:
            source, offset = source_of(record), record.offset
            if source not in last:
                if self._expects(source, offset):
                    known[source] = self._known[source]
                else:
                    new[source] = Begun(record.topic, record.partition, offset)
                    self._known.pop(source, None)
            last[source] = offset
        if new:
            self._begun |= new
            await self._recognise(await self._store.marks(), new.values())
            known |= {source: self._known[source] for source in new}
        return [Mark(source, known[source], offset) for source, offset in last.items()]

    def _expects(self, source: str, offset: int) -> bool:
        """Whether a batch may go on here: beyond what is known, or at what is known to repeat."""
        known = self._known.get(source)
        return known is not None and (
            offset > known or offset <= self._repeated.get(source, NO_MARK)
        )

    def stored(self, marks: Sequence[Mark]) -> None:
        """The store has taken these marks."""
        for mark in marks:
            self._knows(mark.source, mark.new)
            if mark.new >= self._repeated.get(mark.source, NO_MARK):
                self._repeated.pop(mark.source, None)

    async def check(self) -> None:
        """Whether the store holds what it must. Raises as `marks` does."""
        # In this order: what is known may grow while the store answers, never shrink.
        begun = {each.source: each for each in self._finished()} | self._begun
        known = dict(self._known)
        stored = await self._store.marks()
        for source, offset in known.items():
            if stored.get(source, NO_MARK) < offset:
                await self._fell_behind(source, stored.get(source, NO_MARK), offset)
        await self._recognise(stored, [begun[source] for source in begun.keys() - known.keys()])

    async def _fell_behind(self, source: str, stored: int, known: int) -> None:
        """Raise StoreBehind, unless the log ends before what is known: then that was another log's,
        and `lookstream rebuild --new-log` has been run since."""
        if self._behind.get(source) != (stored, known):
            topic, _, partition = source.rpartition("-")
            if (await self._log.ends(topic)).get(int(partition), 0) <= known:
                self._known.pop(source, None)
                return
            self._behind[source] = stored, known
        raise StoreBehind(source, stored, known)

    async def _recognise(self, stored: Mapping[str, int], begun: Collection[Begun]) -> None:
        """Take the marks of these sources for known, unless they and the log don't fit.

        Below the first record, offsets may be none's: transaction markers, what was compacted, what
        retention removed. What the log still has there is missing in the store. Clicks that the
        store holds already may come again, but not where the log ends before the mark.
        """
        epoch = self._epoch
        ends: dict[str, dict[int, int]] = {}
        for each in begun:
            mark = stored.get(each.source, NO_MARK)
            if (wrong := self._wrong.get(each.source)) and wrong[:2] == (each, mark):
                raise wrong[2]
            error: DependencyDown | None = None
            if mark >= each.first:
                if each.topic not in ends:
                    ends[each.topic] = await self._log.ends(each.topic)
                if ends[each.topic].get(each.partition, 0) <= mark:
                    error = LogBegunAnew(each.source, mark, each.first)
            elif mark < each.first - 1:
                missing = await self._log.first_record(
                    each.topic, each.partition, mark + 1, each.first
                )
                if missing is not None:
                    error = StoreBehind(each.source, mark, each.first - 1)
            if epoch != self._epoch:
                return
            if error is not None:
                self._wrong[each.source] = each, mark, error
                raise error
            if mark >= each.first:
                self._repeated[each.source] = mark
            self._knows(each.source, mark)

    def _knows(self, source: str, mark: int) -> None:
        self._known[source] = max(mark, self._known.get(source, NO_MARK))
        self._begun.pop(source, None)
        self._wrong.pop(source, None)
