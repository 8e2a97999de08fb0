from __future__ import annotations

import logging
from pathlib import Path

import pytest

from streams.records import RawRecord
from streams.stores import snapshot
from streams.stores.item_index import ItemIndex
from streams.stores.replica_log import LogChanged
from streams.stores.replica_start import Places, from_snapshot
from streams.stores.snapshot import Origin
from streams.stores.snapshot_files import Anchor
from tests.unit.stores.items import DIM, MODEL, view

ORIGIN = Origin("items", "cluster")


def record(offset: int, timestamp_ms: int = 0) -> RawRecord:
    return RawRecord("items", 0, offset, timestamp_ms, b"k", b"v")


def test_new_partitions_are_read_from_their_beginning() -> None:
    places = Places()
    assert places.settle({0: (5, 9), 1: (0, 0)}) == {0: 5, 1: 0}


def test_reading_goes_on_behind_what_was_read() -> None:
    places = Places()
    places.settle({0: (0, 9)})
    places.pass_over(record(3))
    assert places.settle({0: (0, 20), 1: (2, 4)}) == {0: 4, 1: 2}
    assert places.changes == 1


@pytest.mark.parametrize("bounds", [(0, 3), (5, 9)])
def test_a_log_that_does_not_hold_the_place_has_changed(bounds: tuple[int, int]) -> None:
    places = Places()
    places.settle({0: (0, 9)})
    places.pass_over(record(3))
    with pytest.raises(LogChanged, match="had been read to 4"):
        places.settle({0: bounds})


def test_a_partition_that_is_gone_is_a_change() -> None:
    places = Places()
    places.settle({0: (0, 9), 1: (0, 9)})
    with pytest.raises(LogChanged, match="no partition 1"):
        places.settle({0: (0, 9)})


async def from_a_snapshot(folder: Path, anchor: Anchor) -> tuple[ItemIndex, Places]:
    saved = ItemIndex(MODEL, DIM, max_items=100)
    saved.apply(view("a", 1))
    await snapshot.save(saved, {0: anchor}, ORIGIN, folder)
    index = ItemIndex(MODEL, DIM, max_items=100)
    return index, await from_snapshot(index, ORIGIN, folder, {0: (0, 9)})


async def test_after_a_snapshot_its_last_record_is_read_once_more(tmp_path: Path) -> None:
    anchor = Anchor(next_offset=5, last_offset=4, last_timestamp_ms=77)
    index, places = await from_a_snapshot(tmp_path, anchor)
    assert len(index) == 1
    assert places.settle({0: (0, 9)}) == {0: 4}
    places.pass_over(record(4, 77))
    assert places.settle({0: (0, 9)}) == {0: 5}
    assert places.anchors() == {0: anchor}


async def test_another_record_in_its_place_is_another_topic(tmp_path: Path) -> None:
    anchor = Anchor(next_offset=5, last_offset=4, last_timestamp_ms=77)
    _, places = await from_a_snapshot(tmp_path, anchor)
    with pytest.raises(LogChanged, match="another record"):
        places.pass_over(record(4, 78))


async def test_a_last_record_that_was_compacted_away_proves_nothing(tmp_path: Path) -> None:
    anchor = Anchor(next_offset=5, last_offset=4, last_timestamp_ms=77)
    _, places = await from_a_snapshot(tmp_path, anchor)
    places.pass_over(record(6, 99))
    assert places.settle({0: (0, 9)}) == {0: 7}


async def test_a_snapshot_from_beyond_the_log_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        index, places = await from_a_snapshot(tmp_path, Anchor(next_offset=50))
    assert len(index) == 0
    assert places.settle({0: (0, 9)}) == {0: 0}
    assert "is not used" in caplog.text
