from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
)

from streams.delivery import BatchClosing, Message, Retry
from streams.delivery.fence import NotOurs
from streams.delivery.lease import Lease
from streams.delivery.outbox import Outbox
from tests.unit.delivery.conftest import Clock, Journal


class Builder:
    def __init__(self) -> None:
        self.values: list[bytes | None] = []

    def append(self, *, timestamp: Any, key: Any, value: bytes | None, headers: Any) -> object:
        self.values.append(value)
        return object()

    def close(self) -> None:
        return None


class Broker:
    """What was published, and what the broker does to the next record batches."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int, list[bytes | None]]] = []
        self.moods: list[KafkaError | None] = []
        self.limit = 10**9
        self.silent = False
        self.refused_connections = 0
        self.producers: list[Producer] = []
        self.at_send: Callable[[], object] = lambda: None

    def connect(self) -> Producer:
        self.producers.append(Producer(self))
        return self.producers[-1]

    def values(self) -> list[bytes | None]:
        return [value for _, _, values in self.log for value in values]


class Producer:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._closed = False
        self._sender = SimpleNamespace(sender_task=None)
        self.client = SimpleNamespace(close=self._close, send=None, _conns={})

    async def start(self) -> None:
        if self._broker.refused_connections:
            self._broker.refused_connections -= 1
            raise KafkaConnectionError("refused")

    async def stop(self) -> None:
        self._closed = True

    async def _close(self) -> None:
        self._closed = True

    async def partitions_for(self, topic: str) -> set[int]:
        return {0, 1}

    def create_batch(self) -> Builder:
        return Builder()

    async def send_batch(self, batch: Builder, topic: str, *, partition: int) -> Any:
        assert not self._closed
        acked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        broker = self._broker
        broker.at_send()
        mood = broker.moods.pop(0) if broker.moods else None
        if mood is None and sum(len(v or b"") for v in batch.values) > broker.limit:
            mood = MessageSizeTooLargeError()
        if broker.silent:
            return acked
        if mood is not None:
            acked.set_exception(mood)
        else:
            broker.log.append((topic, partition, batch.values))
            acked.set_result(None)
        return acked


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
async def lease(clock: Clock) -> Lease:
    """Held; pauses in the tests are shorter."""
    lease = Lease(300.0, clock)
    lease.granted(clock.now_s)
    return lease


@pytest.fixture
def outbox(broker: Broker, retry: Retry, lease: Lease) -> Outbox:
    connect: Callable[[], Any] = broker.connect
    return Outbox(connect, retry, lease, slow_s=0.01)


def messages(*values: bytes, key: bytes = b"k") -> list[Message]:
    return [Message("out", key, value, ()) for value in values]


async def test_messages_of_one_key_are_published_together_in_order(
    outbox: Outbox, broker: Broker
) -> None:
    assert await outbox.deliver(messages(b"1", b"2", b"3"), asyncio.Event()) == []
    assert [values for _, _, values in broker.log] == [[b"1", b"2", b"3"]]


async def test_place_by_goes_before_the_key(outbox: Outbox, broker: Broker) -> None:
    given = [
        Message("out", key, b"", (), place_by=place)
        for key in (b"a", b"b", b"c")
        for place in (b"item-1", b"item-2", b"item-3", b"item-4")
    ]
    await outbox.deliver(given, asyncio.Event())
    assert sorted(len(values) for _, _, values in broker.log) in ([3, 9], [6, 6])


async def test_keyless_messages_go_everywhere(outbox: Outbox, broker: Broker) -> None:
    await outbox.deliver([Message("out", None, b"v", ())] * 6, asyncio.Event())
    assert [len(values) for _, _, values in broker.log] == [3, 3]


async def test_what_fails_is_published_again_with_a_new_producer(
    outbox: Outbox, broker: Broker, journal: Journal
) -> None:
    broker.moods = [OutOfOrderSequenceNumber(), KafkaConnectionError("gone")]
    await outbox.deliver(messages(b"1", b"2"), asyncio.Event())
    assert broker.values() == [b"1", b"2"]
    assert len(broker.producers) == 3
    assert journal.said == ["down kafka", "up kafka"]
    assert journal.retries["kafka"] == 2


async def test_a_broker_that_is_not_there_is_waited_for(
    outbox: Outbox, broker: Broker, journal: Journal
) -> None:
    broker.refused_connections = 3
    await outbox.start(asyncio.Event())
    await outbox.deliver(messages(b"1"), asyncio.Event())
    assert broker.values() == [b"1"]
    assert journal.said == ["down kafka", "up kafka"]


async def test_a_batch_too_large_for_the_broker_is_sent_one_by_one(
    outbox: Outbox, broker: Broker
) -> None:
    broker.limit = 10
    given = messages(b"12345", b"123456", b"12345678901", b"1")
    refused = await outbox.deliver(given, asyncio.Event())
    assert broker.values() == [b"12345", b"123456", b"1"]
    assert [message for message, _ in refused] == [given[2]]
    assert "bytes" in refused[0][1]


async def test_a_silent_broker_counts_as_down_and_is_waited_for(
    outbox: Outbox, broker: Broker, journal: Journal
) -> None:
    broker.silent = True
    closing = asyncio.Event()
    delivering = asyncio.ensure_future(outbox.deliver(messages(b"1"), closing))
    while "down kafka" not in journal.said:  # noqa: ASYNC110 - the loop's own turns, no sleep
        await asyncio.sleep(0)
    assert not delivering.done()
    closing.set()
    with pytest.raises(BatchClosing):
        await delivering
    # What the producer still held is dropped with it: nobody may publish it later.
    assert broker.producers[0]._closed
    broker.silent = False
    await outbox.deliver(messages(b"2"), asyncio.Event())
    assert broker.values() == [b"2"]


async def test_stopping_closes_the_producer(outbox: Outbox, broker: Broker) -> None:
    await outbox.start(asyncio.Event())
    await outbox.stop(1.0)
    await outbox.stop(1.0)
    assert broker.producers[0]._closed


async def test_a_broker_that_goes_away_right_after_connecting_is_waited_for(
    outbox: Outbox, retry: Retry, journal: Journal
) -> None:
    await outbox.start(asyncio.Event())
    answers: list[object] = [
        KafkaError("Unable to get cluster metadata over all known brokers"),
        SimpleNamespace(topics=lambda: {"in"}, partitions_for_topic=lambda topic: {0, 1}),
    ]

    async def fetch_all_metadata() -> object:
        answer = answers.pop(0)
        if isinstance(answer, KafkaError):
            raise answer
        return answer

    assert outbox.producer is not None
    outbox.producer.client.fetch_all_metadata = fetch_all_metadata
    counts = await retry.until_it_works("kafka", outbox.partition_counts, asyncio.Event())
    assert counts == {"in": 2}
    assert journal.said == ["down kafka", "up kafka"]


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_without_a_lease_it_waits_and_goes_on_when_it_is_back(
    outbox: Outbox, broker: Broker, lease: Lease, clock: Clock
) -> None:
    clock.now_s += 300.0
    delivering = asyncio.ensure_future(outbox.deliver(messages(b"1"), asyncio.Event()))
    await turns()
    assert (broker.values(), delivering.done()) == ([], False)
    lease.renewed(clock.now_s)
    await delivering
    assert broker.values() == [b"1"]


async def test_waiting_for_the_lease_ends_when_the_batch_must(
    outbox: Outbox, broker: Broker, clock: Clock
) -> None:
    clock.now_s += 300.0
    closing = asyncio.Event()
    delivering = asyncio.ensure_future(outbox.deliver(messages(b"1"), closing))
    await turns()
    closing.set()
    with pytest.raises(BatchClosing):
        await delivering
    assert broker.values() == []


async def test_a_batch_of_an_earlier_term_is_not_published_under_the_next_lease(
    outbox: Outbox, broker: Broker, lease: Lease, clock: Clock
) -> None:
    clock.now_s += 300.0
    delivering = asyncio.ensure_future(outbox.deliver(messages(b"old"), asyncio.Event()))
    await turns()
    lease.granted(clock.now_s)
    with pytest.raises(BatchClosing):
        await delivering
    assert broker.values() == []


async def test_a_batch_that_had_to_close_is_not_published_even_if_the_lease_holds(
    outbox: Outbox, broker: Broker
) -> None:
    # A handler that didn't let go, and returns after the partitions were given out anew.
    closing = asyncio.Event()
    closing.set()
    with pytest.raises(BatchClosing):
        await outbox.deliver(messages(b"old"), closing)
    await turns()
    assert broker.values() == []


async def test_a_refusal_at_the_last_moment_is_no_fault_of_kafkas(
    outbox: Outbox, broker: Broker, lease: Lease, clock: Clock, journal: Journal
) -> None:
    def lose() -> None:
        clock.now_s += 300.0
        broker.at_send = lambda: None

    broker.at_send = lose
    broker.moods = [NotOurs()]  # type: ignore[list-item]
    delivering = asyncio.ensure_future(outbox.deliver(messages(b"1"), asyncio.Event()))
    await turns()
    assert (broker.values(), delivering.done(), journal.said) == ([], False, [])
    lease.renewed(clock.now_s)
    await delivering
    assert broker.values() == [b"1"]
    assert broker.producers[0]._closed


async def test_publishing_before_the_group_is_joined_is_a_bug_and_does_not_hang(
    broker: Broker, retry: Retry, clock: Clock
) -> None:
    connect: Callable[[], Any] = broker.connect
    outbox = Outbox(connect, retry, Lease(8.0, clock))
    with pytest.raises(RuntimeError, match="before the group is joined"):
        await outbox.deliver(messages(b"1"), asyncio.Event())
