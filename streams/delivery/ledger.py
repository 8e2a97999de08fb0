"""The ledger: how far each partition is done, and so what may be committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.records import Record

Place = tuple[str, int]


@dataclass(slots=True)
class _Page:
    """One owned partition. Offsets are those of the next record."""

    held: int = 0
    done: int | None = None
    committed: int | None = None


class Ledger:
    """Follows the owned partitions of one assignment at a time.

    `fetched` notes records that are held, `finished` those that are done with. What may be
    committed is the end of the last finished batch; and, where nothing is held at all, the
    position of the consumer itself, which also counts what never becomes a record: transaction
    markers, and what compaction removed. Nothing is derived from offsets being consecutive.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._pages: dict[Place, _Page] = {}

    def begin(self, places: Iterable[Place]) -> int:
        """A new assignment: forget the old one. What was fetched before never counts again."""
        self.epoch += 1
        self._pages = {place: _Page() for place in places}
        return self.epoch

    @property
    def places(self) -> Iterable[Place]:
        """The owned partitions."""
        return self._pages.keys()

    def fetched(self, place: Place, count: int) -> bool:
        """Note `count` records taken from the consumer. False if the partition is not ours."""
        page = self._pages.get(place)
        if page is None:
            return False
        page.held += count
        return True

    def finished(self, records: Sequence[Record], epoch: int) -> bool:
        """A batch is done with. False, and no effect, if it is of an assignment that is over."""
        if epoch != self.epoch:
            return False
        pages = self._pages
        for record in records:
            # In offset order within each partition: the last one stays.
            page = pages[record.topic, record.partition]
            page.held -= 1
            page.done = record.offset + 1
        return True

    def position(self, place: Place, consumed: int | None) -> int | None:
        """Up to where all is finished. `consumed`: the consumer's own position, if it has one."""
        page = self._pages[place]
        if page.held or consumed is None:
            return page.done
        return consumed if page.done is None else max(consumed, page.done)

    def committable(self, consumed: Mapping[Place, int | None]) -> dict[Place, int]:
        """Partition -> offset, where there is something new to commit."""
        found: dict[Place, int] = {}
        for place, page in self._pages.items():
            if page.done is None:
                # Nothing done here yet: what is committed for it, if anything, still holds.
                continue
            position = self.position(place, consumed.get(place))
            if position is not None and (page.committed is None or position > page.committed):
                found[place] = position
        return found

    def committed(self, offsets: Mapping[Place, int], epoch: int) -> None:
        """Note a commit that the broker took."""
        if epoch == self.epoch:
            for place, offset in offsets.items():
                self._pages[place].committed = offset
