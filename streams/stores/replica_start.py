"""From where a replica reads: the snapshot's offsets if they hold, or the beginning."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streams.records import Record
from streams.stores import snapshot
from streams.stores.item_index import ItemIndex
from streams.stores.replica_log import Bounds, LogChanged
from streams.stores.snapshot import Origin
from streams.stores.snapshot_files import Anchor, SnapshotRefused

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Place:
    """How far one partition has been read.

    A place that comes from a snapshot is unproven until the record it last read has been seen
    again: a topic that was deleted and made anew may well have a record at that offset, but not
    one of the same time.
    """

    next_offset: int
    last_offset: int | None = None
    last_timestamp_ms: int | None = None
    proven: bool = True

    def start(self) -> int:
        """The offset to read from. Reading the last record again does no harm."""
        if self.proven or self.last_offset is None:
            return self.next_offset
        return self.last_offset

    def pass_over(self, record: Record) -> None:
        """`record` was read. Raises LogChanged if it isn't what stood there."""
        if not self.proven:
            if record.offset == self.last_offset and record.timestamp != self.last_timestamp_ms:
                raise LogChanged("another record stands where the snapshot's last one stood")
            self.proven = True
        self.next_offset = record.offset + 1
        self.last_offset = record.offset
        self.last_timestamp_ms = record.timestamp


@dataclass(slots=True)
class Places:
    """How far each partition has been read; `changes` counts the records."""

    of: dict[int, Place] = field(default_factory=dict)
    changes: int = 0

    def pass_over(self, record: Record) -> None:
        """`record` was read. Raises LogChanged: see `Place`."""
        self.of[record.partition].pass_over(record)
        self.changes += 1

    def settle(self, bounds: Mapping[int, Bounds]) -> dict[int, int]:
        """Partition -> offset to read from, new partitions from their beginning.

        Raises LogChanged if a place isn't in the log.
        """
        gone = self.of.keys() - bounds.keys()
        if gone:
            raise LogChanged(f"the topic has no partition {min(gone)} any more")
        offsets: dict[int, int] = {}
        for partition, (first, end) in bounds.items():
            place = self.of.setdefault(partition, Place(first))
            if not first <= place.next_offset <= end:
                raise LogChanged(
                    f"partition {partition} had been read to {place.next_offset}, "
                    f"and now goes from {first} to {end}"
                )
            offsets[partition] = max(place.start(), first)
        return offsets

    def anchors(self) -> dict[int, Anchor]:
        """What a snapshot keeps."""
        return {
            partition: Anchor(
                next_offset=place.next_offset,
                last_offset=place.last_offset,
                last_timestamp_ms=place.last_timestamp_ms,
            )
            for partition, place in self.of.items()
        }


async def from_snapshot(
    index: ItemIndex, origin: Origin, folder: Path, bounds: Mapping[int, Bounds]
) -> Places:
    """Load the snapshot, and say how far it had read; empty places if there is none that fits."""
    places = Places()
    try:
        anchors = await snapshot.load(index, origin, folder)
        if anchors is None:
            return places
        for partition, anchor in anchors.items():
            places.of[partition] = Place(**anchor.model_dump(), proven=False)
        places.settle(bounds)
    except (SnapshotRefused, LogChanged) as refused:
        index.clear()
        _log.warning("the index snapshot in %s is not used: %s. Reading the topic", folder, refused)
        return Places()
    _log.info("the index snapshot in %s gave %d items", folder, len(index))
    return places
