from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.delivery import Retry
from streams.delivery.ledger import Ledger
from streams.delivery.progress import END_OFFSETS_EVERY_S, Progress, positions
from tests.unit.delivery.conftest import Clock, Journal, records

PLACE = ("in", 0)


class FakeConsumer:
    """aiokafka's consumer, as far as progress looks at it."""

    def __init__(self) -> None:
        self.position: int | None = None
        self.end: int | None = None
        self.stable: int | None = None
        self.real_end = 0
        self.asked = 0
        self.down = False

    @property
    def _subscription(self) -> Any:
        state = SimpleNamespace(
            has_valid_position=self.position is not None, position=self.position
        )
        assignment = SimpleNamespace(state_value=lambda tp: state)
        return SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))

    def highwater(self, tp: TopicPartition) -> int | None:
        return self.end

    def last_stable_offset(self, tp: TopicPartition) -> int | None:
        return self.stable

    async def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.asked += 1
        if self.down:
            raise KafkaConnectionError("gone")
        return dict.fromkeys(tps, self.real_end)


@pytest.fixture
def kafka() -> FakeConsumer:
    return FakeConsumer()


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.begin([PLACE])
    return ledger


class Told(list[tuple[Any, int, int]]):
    def __call__(self, place: Any, position: int, end: int) -> None:
        self.append((place, position, end))


def progress(
    ledger: Ledger, retry: Retry, clock: Clock, *, read_committed: bool = False
) -> tuple[Progress, Told]:
    told = Told()
    return Progress(ledger, retry, told, read_committed=read_committed, clock=clock), told


async def test_nothing_is_told_before_there_is_a_position(
    kafka: Any, ledger: Ledger, retry: Retry, clock: Clock
) -> None:
    watch, told = progress(ledger, retry, clock)
    await watch.report(kafka, 1.0)
    assert told == []
    assert positions(kafka, [PLACE]) == {PLACE: None}


async def test_an_idle_partition_is_at_its_end(
    kafka: Any, ledger: Ledger, retry: Retry, clock: Clock
) -> None:
    watch, told = progress(ledger, retry, clock)
    kafka.position = kafka.end = 7
    await watch.report(kafka, 1.0)
    assert told == [(PLACE, 7, 7)]


async def test_records_that_wait_are_not_counted_as_finished(
    kafka: Any, ledger: Ledger, retry: Retry, clock: Clock
) -> None:
    watch, told = progress(ledger, retry, clock)
    kafka.position = kafka.end = 9
    ledger.fetched(PLACE, 9)
    ledger.finished(records(4), ledger.epoch)
    await watch.report(kafka, 1.0)
    assert told == [(PLACE, 4, 9)]


async def test_a_consumer_that_no_longer_fetches_is_noticed_by_asking_for_the_end(
    kafka: Any, ledger: Ledger, retry: Retry, clock: Clock
) -> None:
    watch, told = progress(ledger, retry, clock)
    kafka.position = kafka.end = 7
    kafka.real_end = 1000
    await watch.report(kafka, 1.0)
    assert (kafka.asked, told[-1]) == (0, (PLACE, 7, 7))
    clock.now_s += END_OFFSETS_EVERY_S
    await watch.report(kafka, 1.0)
    assert (kafka.asked, told[-1]) == (1, (PLACE, 7, 1000))
    await watch.report(kafka, 1.0)
    assert kafka.asked == 1


async def test_while_kafka_is_down_it_is_asked_each_time(
    kafka: Any, ledger: Ledger, retry: Retry, clock: Clock, journal: Journal
) -> None:
    watch, _ = progress(ledger, retry, clock)
    kafka.down = True
    clock.now_s += END_OFFSETS_EVERY_S
    await watch.report(kafka, 1.0)
    assert journal.said == ["down kafka"]
    await watch.report(kafka, 1.0)
    kafka.down = False
    await watch.report(kafka, 1.0)
    assert kafka.asked == 3
    assert journal.said == ["down kafka", "up kafka"]


async def test_with_read_committed_the_end_is_that_of_what_is_committed(
    kafka: Any, ledger: Ledger, retry: Retry, clock: Clock
) -> None:
    watch, told = progress(ledger, retry, clock, read_committed=True)
    kafka.position, kafka.end, kafka.stable = 5, 9, 6
    await watch.report(kafka, 1.0)
    assert told == [(PLACE, 5, 6)]
