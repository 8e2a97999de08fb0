"""A header name that is not UTF-8 stops nobody."""

from __future__ import annotations

import struct

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from streams.delivery.header_names import ForgivingRecords, forgive_header_names

GZIP = 1


def batch(
    names: list[str], base_offset: int = 0, hostile: bytes | None = b"\xff\xfe", codec: int = 0
) -> bytes:
    """A record for each header name; in the one called `xx` the name is then `hostile`."""
    builder = DefaultRecordBatchBuilder(
        2, codec, 0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=99999
    )
    for offset, name in enumerate(names):
        key = b"key-%d" % offset
        builder.append(offset, 1000 + offset, key, b"value", [(name, b"v"), ("same", b"w")])
    data = bytearray(builder.build())
    if hostile is not None and codec == 0:
        at = data.index(b"xx")
        data[at : at + 2] = hostile
    struct.pack_into(">q", data, 0, base_offset)
    struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))
    return bytes(data)


def read(data: bytes, kind: type = ForgivingRecords) -> list[tuple[int, bytes, list[str]]]:
    records = PartitionRecords(
        TopicPartition("t", 0), kind(data), [], 0, None, None, True, READ_UNCOMMITTED
    )
    return [(r.offset, r.key, [name for name, _ in r.headers]) for r in records]


def test_aiokafka_itself_still_stumbles() -> None:
    with pytest.raises(UnicodeDecodeError):  # when this passes, header_names.py may go
        read(batch(["fine", "xx"]), MemoryRecords)


def test_the_record_and_those_around_it_are_read() -> None:
    assert read(batch(["fine", "xx", "fine too"])) == [
        (0, b"key-0", ["fine", "same"]),
        (1, b"key-1", ["\\xff\\xfe", "same"]),
        (2, b"key-2", ["fine too", "same"]),
    ]


def test_batches_after_it_are_read() -> None:
    data = batch(["xx"]) + batch(["a", "b"], 1, hostile=None) + batch(["xx", "c"], 3)
    assert [offset for offset, _, _ in read(data)] == [0, 1, 2, 3, 4]


def test_good_names_are_read_as_ever() -> None:
    data = batch(["grüße", "b"], hostile=None) + batch(["c"], 2, hostile=None)
    assert read(data) == read(data, MemoryRecords)


def test_compressed_batches_are_read_as_ever() -> None:
    data = batch(["a", "b"], hostile=None, codec=GZIP)
    assert read(data) == read(data, MemoryRecords)


def test_a_part_of_a_batch_at_the_end_of_a_fetch_is_left_for_the_next() -> None:
    data = batch(["xx"])
    assert [offset for offset, _, _ in read(data + batch(["a"], 1, hostile=None)[:-3])] == [0]


def test_every_consumer_of_the_process_reads_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    forgive_header_names()
    forgive_header_names()
    assert fetcher.MemoryRecords is ForgivingRecords
