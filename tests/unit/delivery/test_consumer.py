"""What Faust and aiokafka call in our consumer, one by one, and in which order things happen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from streams.delivery import App, Batch, agent, make_app
from streams.delivery.connections import NEVER_MS
from streams.delivery.consumer import BatchConsumer, BatchTransport, _Listener
from tests.unit.delivery.conftest import record, records


async def handle(batch: Batch) -> None:
    for each in batch.records:
        batch.applied(each)


class FakeKafka:
    """aiokafka's consumer: `during` happens while a fetch waits."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[TopicPartition, ...], int]] = []
        self.during: Callable[[], object] = lambda: None
        self.fetched: dict[TopicPartition, list[Any]] = {}
        self.threads: set[int] = set()

    async def getmany(self, *wanted: TopicPartition, timeout_ms: int, max_records: int) -> Any:
        self.asked.append((wanted, max_records))
        self.threads.add(threading.get_ident())
        await asyncio.sleep(0)
        self.during()
        return self.fetched


@pytest.fixture
def app() -> App:
    app = make_app("worker", kafka="a:1", group="group", on_bug=lambda code: None)
    agent(app, topic="clicks", handler=handle, dead_letters="dead", max_events=10)
    return app


@pytest.fixture
def kafka() -> FakeKafka:
    return FakeKafka()


@pytest.fixture
def consumer(app: App, kafka: FakeKafka) -> BatchConsumer:
    consumer: Any = app.consumer
    consumer._kafka = kafka
    return consumer


def waiting(app: App) -> int:
    return app.lanes["clicks"].buffer.count


async def test_faust_is_given_our_consumer(app: App) -> None:
    assert isinstance(app.transport, BatchTransport)
    assert isinstance(app.consumer, BatchConsumer)


async def test_aiokafka_never_leaves_the_group_because_nobody_polls(app: App) -> None:
    # Full buffers in an outage: nobody polls for as long as it takes. 24 days at least.
    kafka = app.new_kafka_consumer()
    assert kafka._max_poll_interval_ms == NEVER_MS > 24 * 24 * 3600 * 1000


async def test_what_is_fetched_is_in_the_books_with_no_thread_between(
    app: App, consumer: BatchConsumer, kafka: FakeKafka
) -> None:
    app.begin([("clicks", 0)])
    kafka.fetched = {TopicPartition("clicks", 0): records(3)}
    await consumer._fetch()
    assert waiting(app) == 3
    assert kafka.threads == {threading.get_ident()}


async def test_a_fetch_is_told_how_many_records_there_is_room_for(
    app: App, consumer: BatchConsumer, kafka: FakeKafka
) -> None:
    app.begin([("clicks", 0), ("clicks", 1)])
    await consumer._fetch()
    app.receive({TopicPartition("clicks", 0): records(20)})
    await consumer._fetch()
    assert kafka.asked == [((), 30), ((TopicPartition("clicks", 1),), 10)]


async def test_full_buffers_fetch_nothing_until_there_is_room(
    app: App, consumer: BatchConsumer, kafka: FakeKafka
) -> None:
    app.begin([("clicks", 0)])
    app.receive({TopicPartition("clicks", 0): records(30)})
    fetching = asyncio.ensure_future(consumer._fetch())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (kafka.asked, fetching.done()) == ([], False)
    await app.lanes["clicks"].buffer.take()
    await asyncio.wait_for(fetching, 5)


async def test_records_of_partitions_that_went_during_a_fetch_are_not_taken(
    app: App, consumer: BatchConsumer, kafka: FakeKafka
) -> None:
    app.begin([("clicks", 0)])
    kafka.during = lambda: app.begin([("clicks", 1)])
    kafka.fetched = {TopicPartition("clicks", 0): records(3)}
    await consumer._fetch()
    assert waiting(app) == 0


async def test_records_of_a_new_assignment_count_for_it_though_the_fetch_began_before(
    app: App, consumer: BatchConsumer, kafka: FakeKafka
) -> None:
    app.begin([("clicks", 0)])
    kafka.during = lambda: app.begin([("clicks", 1)])
    given = [record(n, partition=1, topic="clicks") for n in range(3)]
    kafka.fetched = {TopicPartition("clicks", 1): given}
    await consumer._fetch()
    assert waiting(app) == 3
    assert app.ledger.finished(given, app.ledger.epoch)
    assert app.ledger.committable({}) == {("clicks", 1): 3}


async def test_partitions_go_only_after_settling_and_committing(
    app: App, consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def note(what: str, answer: object = None) -> Callable[..., Any]:
        async def noted(*_: object) -> object:
            order.append(what)
            return answer

        return noted

    app.begin([("clicks", 0)])
    app.lease.granted(app.lease.now_s())
    epoch = app.ledger.epoch
    monkeypatch.setattr(app, "settle", note("settle"))
    monkeypatch.setattr(consumer, "commit", note("commit", True))
    monkeypatch.setattr(app, "on_rebalance_start", lambda: order.append("rebalance"))
    monkeypatch.setattr(
        BatchConsumer.__mro__[1], "on_partitions_revoked", note("Faust's own steps")
    )
    await _Listener(consumer).on_partitions_revoked([TopicPartition("clicks", 0)])
    assert order == ["rebalance", "settle", "commit", "Faust's own steps"]
    assert app.ledger.epoch == epoch + 1
    assert list(app.ledger.places) == []
    assert not app.lease.holds()


async def test_faust_does_not_seek(consumer: BatchConsumer) -> None:
    # The fake has no `seek`: aiokafka starts at what is committed by itself, and going there once
    # more would bring records again that are held already.
    await consumer.perform_seek()
    assert await consumer.seek_to_committed() == {}


async def test_single_events_and_their_acknowledgements_are_not_there(
    consumer: BatchConsumer,
) -> None:
    for name in ("_getmany", "_seek", "highwaters", "earliest_offsets", "seek_wait", "position"):
        with pytest.raises(NotImplementedError):
            getattr(consumer, name)(TP("clicks", 0))


@pytest.mark.parametrize("kind", ["Table", "GlobalTable", "SetTable", "SetGlobalTable"])
def test_tables_beside_batch_topics_are_refused(app: App, kind: str) -> None:
    with pytest.raises(NotImplementedError, match="no tables"):
        getattr(app, kind)("counts")
