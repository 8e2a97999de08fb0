"""Dead letters found again, and published again, without a broker."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from kafka.errors import MessageSizeTooLargeError

from streams import letters, replaying
from streams.commands import letters_shown
from streams.delivery.batch import Refusal
from streams.delivery.dead_letters import dead_letter
from streams.errors import Reason, StartRefused
from streams.letters import Letter, Wanted
from streams.records import RawRecord, Record

START_MS = 1_700_000_000_000


def letter_record(number: int, **changed: Any) -> RawRecord:
    """The `number`-th dead letter: of the clicks, refused a second after the one before it."""
    facts: dict[str, Any] = {
        "reason": Reason.UNKNOWN_KIND,
        "topic": "clicks",
        "key": b"ann",
        "value": b'{"kind": "stare"}',
        "headers": [("source", b"web")],
        "timestamp": START_MS + 1_000 * number - 500,
    }
    facts |= changed
    original = RawRecord(
        facts["topic"],
        number % 3,
        100 + number,
        facts["timestamp"],
        facts["key"],
        facts["value"],
        facts["headers"],
    )
    refusal = Refusal(original, facts["reason"], f"number {number}")
    made = dead_letter("dead-letters", refusal, "recommender")
    at_ms = START_MS + 1_000 * number
    headers = list(made.headers)
    return RawRecord("dead-letters", 0, number, at_ms, made.key, made.value, headers)


class FakeLog:
    """Some partitions of records; offsets count from `begin`."""

    def __init__(self, *partitions: Sequence[RawRecord]) -> None:
        self.records = {
            number: [replace(r, partition=number, offset=at) for at, r in enumerate(records, 5)]
            for number, records in enumerate(partitions)
        }
        self.read_offsets: list[tuple[int, int, int]] = []

    def partitions(self) -> list[int]:
        return list(self.records)

    def bounds(self, partition: int) -> tuple[int, int]:
        return 5, 5 + len(self.records[partition])

    def offset_at(self, partition: int, timestamp_ms: int) -> int:
        found = (r.offset for r in self.records[partition] if r.timestamp >= timestamp_ms)
        return next(found, self.bounds(partition)[1])

    def read(self, partition: int, start: int, stop: int) -> Iterator[Record]:
        self.read_offsets.append((partition, start, stop))
        return iter([r for r in self.records[partition] if start <= r.offset < stop])


def numbers(found: Sequence[Letter] | Iterator[Letter]) -> list[int]:
    return [letter.what.offset - 100 for letter in found]


def log_of_ten() -> FakeLog:
    made = [letter_record(number) for number in range(10)]
    return FakeLog(made[::2], made[1::2])


def test_the_newest_come_last_whatever_their_partition() -> None:
    assert numbers(letters.newest(log_of_ten(), Wanted(), 4)) == [6, 7, 8, 9]


def test_a_long_topic_is_read_backwards_until_there_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letters, "_BLOCK", 10)
    log = FakeLog([letter_record(number) for number in range(1_000)])
    assert numbers(letters.newest(log, Wanted(), 5)) == [995, 996, 997, 998, 999]
    assert log.read_offsets == [(0, 995, 1005)]


class LogOfLargeValues(FakeLog):
    """Makes each record when it is read: a hundred megabytes and more, one after the other."""

    def read(self, partition: int, start: int, stop: int) -> Iterator[Record]:
        for record in super().read(partition, start, stop):
            yield replace(cast(RawRecord, record), value=bytes(1_000_000))


def test_listing_large_letters_takes_no_memory_for_their_values() -> None:
    log = LogOfLargeValues([letter_record(number) for number in range(120)])
    tracemalloc.start()
    try:
        found = letters.newest(log, Wanted(), 100)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [letter.value_bytes for letter in found] == [1_000_000] * 100
    assert most_bytes < 10_000_000


def test_filters_choose_by_each_fact() -> None:
    made = [
        letter_record(0),
        letter_record(1, reason=Reason.BAD_JSON),
        letter_record(2, topic="images", key=None),
        letter_record(3, key=b"bob"),
    ]
    log = FakeLog(made)
    everything = letters.stops_of(log)

    def chosen(**facts: Any) -> list[int]:
        return numbers(letters.every(log, Wanted(**facts), everything))

    assert chosen() == [0, 1, 2, 3]
    assert chosen(reason="bad-json") == [1]
    assert chosen(topic="images") == [2]
    assert chosen(key=b"bob") == [3]
    assert chosen(topic="clicks", partition=0, offset=103) == [3]
    assert chosen(agent="embedder") == []
    assert chosen(since_ms=START_MS + 1_000, until_ms=START_MS + 3_000) == [1, 2]


def test_what_comes_meanwhile_is_not_looked_at() -> None:
    log = log_of_ten()
    stops = letters.stops_of(log)
    log.records[0].append(replace(letter_record(50), offset=10))
    assert 50 not in numbers(letters.every(log, Wanted(), stops))


def test_records_of_others_are_counted_and_passed_over() -> None:
    foreign = RawRecord("dead-letters", 0, 0, START_MS, b"k", b"v", [])
    heard: list[Record] = []
    found = letters.newest(FakeLog([foreign, letter_record(1)]), Wanted(), 5, heard.append)
    assert numbers(found) == [1]
    assert len(heard) == 1


def test_a_place_leads_to_its_letter() -> None:
    log = log_of_ten()
    found = letters.at(log, 1, 6)
    assert found is not None
    assert numbers([found]) == [3]
    assert letters.at(log, 1, 99) is None
    assert letters.at(log, 7, 5) is None


class Sent:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def get(self, timeout: float) -> None:
        if self.error:
            raise self.error


class FakeProducer:
    def __init__(self, refuses: str = "") -> None:
        self.records: list[tuple[str, dict[str, Any]]] = []
        self.refuses = refuses

    def send(self, topic: str, **record: Any) -> Sent:
        self.records.append((topic, record))
        return Sent(MessageSizeTooLargeError("too large") if topic == self.refuses else None)

    def flush(self, timeout: float | None = None) -> None: ...


def all_of(*records: RawRecord) -> list[Letter]:
    log = FakeLog(records)
    return list(letters.every(log, Wanted(), letters.stops_of(log)))


def test_a_replayed_record_is_the_one_that_came() -> None:
    producer = FakeProducer()
    assert replaying.replay(all_of(letter_record(3)), producer, rate_hz=0) == 1
    (topic, record) = producer.records[0]
    assert topic == "clicks"
    assert record == {
        "key": b"ann",
        "value": b'{"kind": "stare"}',
        "headers": [("source", b"web")],
        "timestamp_ms": START_MS + 2_500,
    }


@pytest.mark.parametrize("odd_ms", [-1, 0, 2**62])
def test_a_time_that_no_broker_takes_becomes_now(odd_ms: int) -> None:
    assert replaying.timestamp_ms(odd_ms, START_MS) == START_MS


def test_only_what_could_be_taken_goes_to_topics_of_ours() -> None:
    plan = replaying.Plan()
    ours = frozenset({"clicks", "images"})
    made = all_of(
        letter_record(0),
        letter_record(1, reason=Reason.BAD_JSON),
        letter_record(2, topic="payments"),
    )
    assert [plan.takes(letter, ours, False) for letter in made] == [True, False, False]
    assert plan.count == 1
    assert plan.hopeless == {"bad-json": 1}
    assert plan.foreign == 1
    assert [replaying.Plan().takes(letter, ours, True) for letter in made] == [True, True, False]


def test_replaying_keeps_to_its_rate() -> None:
    now_s = [0.0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    made = all_of(*(letter_record(number) for number in range(11)))
    replaying.replay(made, FakeProducer(), rate_hz=10, clock=lambda: now_s[0], sleep=sleep)
    assert now_s[0] == pytest.approx(1.0)


def test_large_records_under_way_are_bounded_by_their_bytes() -> None:
    """The producer keeps all that is not acknowledged, and so do we."""
    producer = FakeProducer()
    made = all_of(*(letter_record(number, value=bytes(5_000_000)) for number in range(20)))
    acknowledged: list[int] = []
    replaying.replay(made, producer, rate_hz=0, done=acknowledged.append)
    assert acknowledged == [7, 14, 20]


def test_what_the_broker_refuses_is_named() -> None:
    with pytest.raises(StartRefused, match=r"clicks does not take the letter 0:5 .*TooLarge"):
        replaying.replay(all_of(letter_record(0)), FakeProducer("clicks"), rate_hz=0)


def test_who_interrupts_is_told_how_far_it_came_and_can_go_on() -> None:
    made = [letter_record(number) for number in range(10)]
    log = FakeLog(made)
    stops = letters.stops_of(log)

    def interrupted() -> Iterator[Letter]:
        for number, letter in enumerate(letters.every(log, Wanted(), stops)):
            if number == 4:
                raise KeyboardInterrupt
            yield letter

    producer = FakeProducer()
    with pytest.raises(replaying.ReplayStopped) as stopped:
        replaying.replay(interrupted(), producer, rate_hz=0)
    assert stopped.value.count == 4
    assert stopped.value.last is not None
    last = stopped.value.last
    rest = Wanted(after=(last.partition, last.offset))
    assert replaying.replay(letters.every(log, rest, stops), producer, rate_hz=0) == 6
    sent = [record["key"] for _, record in producer.records]
    assert len(sent) == 10


def test_who_interrupts_before_the_first_is_told_so() -> None:
    def at_once() -> Iterator[Letter]:
        raise KeyboardInterrupt
        yield

    with pytest.raises(replaying.ReplayStopped) as stopped:
        replaying.replay(at_once(), FakeProducer(), rate_hz=0)
    assert (stopped.value.count, stopped.value.last) == (0, None)


def test_nothing_shown_can_move_a_terminal() -> None:
    (letter,) = all_of(
        letter_record(
            0,
            key=b"\x1b[2Jann\xff",
            value=b"\x9b31m\xe2\x80\xae" + b"x" * 5_000,
            headers=[("na\x1bme", b"\x07")],
            timestamp=2**62,
        )
    )
    said = "\n".join(letters_shown.lines(letter))
    assert all(c.isprintable() or c == "\n" for c in said)
    assert "(5,007 bytes)" in said
    assert r"\x1b[2Jann\xff" in said


def test_a_picture_is_named_not_shown() -> None:
    (letter,) = all_of(letter_record(0, value=b"\x89PNG\r\n\x1a\n" + bytes(90)))
    assert "value: PNG, 98 bytes (--out FILE writes it)" in letters_shown.lines(letter)
