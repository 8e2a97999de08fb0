"""Finding one user's newest record in a topic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from streams.errors import StartRefused
from streams.lists import KafkaLog, newest, open_log, partition_of
from streams.records import RawRecord, Record


class Log:
    """A topic in memory; counts what was read. A partition may begin late and have gaps."""

    def __init__(self, *partitions: Sequence[tuple[int, str, bytes | None]]) -> None:
        self._partitions = partitions
        self.read_records = 0

    def partitions(self) -> Sequence[int]:
        return range(len(self._partitions))

    def bounds(self, partition: int) -> tuple[int, int]:
        offsets = [offset for offset, _, _ in self._partitions[partition]]
        return (offsets[0], offsets[-1] + 1) if offsets else (0, 0)

    def read(self, partition: int, start: int, stop: int) -> Iterator[Record]:
        for offset, key, value in self._partitions[partition]:
            if start <= offset < stop:
                self.read_records += 1
                yield RawRecord("lists", partition, offset, 1000 + offset, key.encode(), value)


def filled(records: int) -> list[tuple[int, str, bytes | None]]:
    return [(offset, f"user-{offset}", b"%d" % offset) for offset in range(records)]


@pytest.mark.parametrize(
    ("key", "hashed"),  # from Kafka's own UtilsTest.testMurmur2
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_lies_where_javas_producer_puts_it(key: bytes, hashed: int) -> None:
    assert partition_of(key, 8) == (hashed & 0x7FFFFFFF) % 8
    assert partition_of(key, 1) == 0


def test_the_newest_record_of_a_user_is_her_list() -> None:
    log = Log([(5, "ada", b"old"), (6, "bob", b"x"), (9, "ada", b"new"), (10, "bob", b"y")])
    found = newest(log, "ada")
    assert found is not None
    assert (found.partition, found.offset, found.timestamp_ms, found.value) == (0, 9, 1009, b"new")


def test_a_user_nobody_knows_has_none() -> None:
    assert newest(Log(filled(2000)), "ada") is None


def test_an_empty_topic_and_one_without_partitions_have_none() -> None:
    assert newest(Log([]), "ada") is None
    assert newest(Log(), "ada") is None


def test_a_deleted_list_is_found_as_deleted() -> None:
    found = newest(Log([(0, "ada", b"list"), (1, "ada", None)]), "ada")
    assert found is not None
    assert found.value is None


def test_a_recent_list_is_found_without_reading_the_whole_topic() -> None:
    log = Log(filled(100_000))
    found = newest(log, "user-99990")
    assert found is not None
    assert found.value == b"99990"
    assert log.read_records <= 500


def test_an_old_list_is_found_by_reading_nothing_twice() -> None:
    log = Log(filled(100_000))
    found = newest(log, "user-0")
    assert found is not None
    assert log.read_records == 100_000


def test_only_her_own_partition_is_read() -> None:
    partitions: list[list[tuple[int, str, bytes | None]]] = [filled(10) for _ in range(8)]
    hers = partition_of(b"ada", 8)
    partitions[hers].append((10, "ada", b"list"))
    log = Log(*partitions)
    assert newest(log, "ada") is not None
    assert log.read_records == 11


def test_a_list_from_before_partitions_were_added_is_found_everywhere() -> None:
    hers = partition_of(b"ada", 2)
    parts: list[list[tuple[int, str, bytes | None]]] = [[], []]
    parts[1 - hers] = [(3, "ada", b"before")]
    assert newest(Log(*parts), "ada") is None
    found = newest(Log(*parts), "ada", everywhere=True)
    assert found is not None
    assert found.value == b"before"


def test_of_two_partitions_the_later_list_counts() -> None:
    log = Log([(3, "ada", b"before")], [(2, "bob", b""), (7, "ada", b"after")])
    found = newest(log, "ada", everywhere=True)
    assert found is not None
    assert found.value == b"after"


class Stuck:
    """A consumer that never gets on."""

    def assign(self, partitions: object) -> None: ...
    def seek(self, partition: object, offset: int) -> None: ...
    def position(self, partition: object) -> int:
        return 3

    def poll(self, timeout_ms: int) -> dict[object, object]:
        return {}


def test_reading_ends_at_its_deadline() -> None:
    now_s = iter(range(100))
    log = KafkaLog(Stuck(), "lists", deadline_s=5.0, clock=lambda: next(now_s))
    with pytest.raises(StartRefused, match=r"partition 0 at offset 3.*--within"):
        list(log.read(0, 0, 10))


def test_a_broker_that_is_not_there_is_a_sentence() -> None:
    with (
        pytest.raises(StartRefused, match=r"does not answer at 127\.0\.0\.1:1"),
        open_log("127.0.0.1:1", "lists", within_s=0.2),
    ):
        pytest.fail("connected to nothing")
