"""An agent that knows where to begin is asked, and nothing else of its partitions counts before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from streams.delivery import Batch, Bounds, agent, make_app
from streams.delivery.consumer import BatchConsumer, _Listener
from tests.unit.delivery.conftest import record

LOG = TopicPartition("log", 0)


class FakeKafka:
    """A partition with offsets 5 to 100, of which the group is done with those before 90."""

    def __init__(self) -> None:
        self.sought: list[tuple[TopicPartition, int]] = []
        self.committed_offset: int | None = 90
        self.failures = 0

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("away")
        return dict.fromkeys(places, 5)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 100)

    async def committed(self, place: TopicPartition) -> int | None:
        return self.committed_offset

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.sought.append((place, offset))


class Site:
    """An app of two agents, of which the one that reads `log` begins where `answer` says."""

    def __init__(self) -> None:
        self.bugs: list[int] = []
        self.asked: list[tuple[int, Bounds]] = []
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.kafka = FakeKafka()
        self.app = make_app("worker", kafka="a:1", group="group", on_bug=self.bugs.append)
        for topic, start_at in (("log", self.start_at), ("clicks", None)):
            agent(
                self.app,
                topic=topic,
                name=topic,
                handler=handle,
                dead_letters="dead",
                start_at=start_at,
            )
        consumer: Any = self.app.consumer
        consumer._kafka = self.kafka
        self.app.retry.pause = no_pause
        self.consumer: BatchConsumer = consumer

    async def start_at(self, partition: int, bounds: Bounds) -> int:
        self.asked.append((partition, bounds))
        return await asyncio.shield(self.answer)

    def assign(self, *topics: str) -> None:
        self.app.begin([(topic, 0) for topic in topics])
        self.app.placing.follow(self.kafka)  # type: ignore[arg-type]

    def receive(self, topic: str, offset: int) -> int:
        self.app.receive({TopicPartition(topic, 0): [record(offset, topic=topic)]})
        return self.app.lanes[topic].buffer.count


async def handle(batch: Batch) -> None:
    for each in batch.records:
        batch.applied(each)


async def no_pause(seconds: float, closing: asyncio.Event) -> None:
    await asyncio.sleep(0)


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_is_told_what_the_partition_holds_and_its_answer_is_sought() -> None:
    site = Site()
    site.assign("log")
    await turns()
    assert site.asked == [(0, Bounds(first=5, end=100, committed=90))]
    assert site.kafka.sought == []
    site.answer.set_result(42)
    await turns()
    assert site.kafka.sought == [(LOG, 42)]


async def test_until_it_has_answered_its_partition_is_not_fetched_and_others_are() -> None:
    site = Site()
    site.assign("log", "clicks")
    await turns()
    wanted, limit, _ = site.app.wanted()
    assert (list(wanted), limit > 0) == ([("clicks", 0)], True)
    assert (site.receive("log", 90), site.receive("clicks", 7)) == (0, 1)
    site.answer.set_result(42)
    await turns()
    assert site.app.wanted()[0] == ()
    assert site.receive("log", 42) == 1


async def test_a_worker_with_nothing_to_fetch_yet_waits_for_the_answer() -> None:
    site = Site()
    site.assign("log")
    await turns()
    assert site.app.wanted()[1] == 0
    waiting = asyncio.ensure_future(site.app.wait_for_room())
    await turns()
    assert not waiting.done()
    site.answer.set_result(42)
    await turns()
    assert waiting.done()


async def test_what_is_done_once_more_does_not_move_the_groups_offset_back() -> None:
    site = Site()
    site.answer.set_result(42)
    site.assign("log")
    await turns()
    ledger = site.app.ledger
    for offset, offers in ((42, {}), (95, {("log", 0): 96})):
        again = [record(offset, topic="log")]
        ledger.fetched(("log", 0), 1)
        ledger.finished(again, ledger.epoch)
        assert ledger.committable({}) == offers


async def test_a_committed_offset_beyond_the_end_is_of_another_log() -> None:
    site = Site()
    site.kafka.committed_offset = 101
    site.assign("log")
    await turns()
    assert site.asked == [(0, Bounds(first=5, end=100, committed=None))]


async def test_an_answer_for_an_assignment_that_is_over_is_not_sought() -> None:
    site = Site()
    site.assign("log")
    await turns()
    site.assign("clicks")
    site.answer.set_result(42)
    await turns()
    assert site.kafka.sought == []
    assert site.receive("log", 42) == 0


async def test_a_broker_that_is_away_is_asked_again() -> None:
    site = Site()
    site.kafka.failures = 3
    site.answer.set_result(42)
    site.assign("log")
    await turns()
    assert site.kafka.sought == [(LOG, 42)]


async def test_an_agent_that_fails_to_answer_ends_the_process() -> None:
    site = Site()
    site.answer.set_exception(RuntimeError("a bug"))
    site.assign("log")
    await turns()
    assert len(site.bugs) == 1


async def test_the_group_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()

    async def faust(*_: object) -> None:
        return None

    monkeypatch.setattr(BatchConsumer.__mro__[1], "on_partitions_assigned", faust)
    await asyncio.wait_for(_Listener(site.consumer).on_partitions_assigned([LOG]), 5)
    await turns()
    assert [partition for partition, _ in site.asked] == [0]
