"""The learner under delivery, with a made-up broker: where it begins, what a rebalance leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from streams.delivery import App, Message, agent, make_app
from tests.agents.learning import Log, Process
from tests.agents.test_learn import clean_pass, records

LOG = TopicPartition("interactions", 0)


class FakeKafka:
    """Gives what the log holds from where it was told to read, in small fetches."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.at = log.committed or 0

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, self.log.first)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, len(self.log.records))

    async def committed(self, place: TopicPartition) -> int | None:
        return self.log.committed

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.at = offset

    def fetch(self, most: int) -> list[Any]:
        found = self.log.records[self.at : self.at + most]
        self.at += len(found)
        return list(found)


class Member:
    """One member of the group: an app with the learner as its agent."""

    def __init__(self, log: Log, folder: Path, bugs: list[int]) -> None:
        self.log = log
        self.kafka = FakeKafka(log)
        self.process = Process(log, folder)
        self.app: App = make_app("learner", kafka="a:1", group="group", on_bug=bugs.append)
        agent(
            self.app,
            topic="interactions",
            handler=self.process.agent.handle,
            dead_letters="dead-letters",
            max_events=50,
            start_at=self.process.agent.start_at,
        )
        self.gate = asyncio.Event()
        self.gate.set()
        outbox: Any = self.app.outbox
        outbox.deliver = self._deliver
        self.lane = self.app.lanes["interactions"]
        self.loop = asyncio.create_task(self.lane.run())

    async def _deliver(
        self, messages: Sequence[Message], closing: asyncio.Event
    ) -> list[tuple[Message, str]]:
        await self.gate.wait()
        self.log.put(list(messages))
        return []

    def assign(self) -> None:
        self.app.begin([("interactions", 0)])
        self.app.placing.follow(self.kafka)  # type: ignore[arg-type]

    async def read(self, until: Callable[[], bool]) -> None:
        """Fetch whenever there is room, as the consumer does, and commit what is finished."""
        async with asyncio.timeout(60):
            while not until():
                _, limit, _ = self.app.wanted()
                if limit:
                    self.app.receive({LOG: self.kafka.fetch(min(limit, 64))})
                await asyncio.sleep(0)
                for (_, _), offset in self.app.ledger.committable({}).items():
                    self.log.committed = offset

    def done(self) -> bool:
        return self.log.committed == len(self.log.records)

    async def end(self) -> None:
        self.app.placing.stop()
        self.loop.cancel()
        await asyncio.gather(self.loop, return_exceptions=True)


@pytest.fixture
def bugs() -> list[int]:
    return []


async def test_it_learns_the_log_and_a_second_start_reads_only_one_record_again(
    tmp_path: Path, bugs: list[int]
) -> None:
    log = Log(records(400))
    first = Member(log, tmp_path, bugs)
    first.assign()
    await first.read(first.done)
    await first.process.idle()
    first.process.now_s += 200.0
    await first.process.copies.step()
    await first.end()
    newest = dict(log.newest)
    assert newest == (await clean_pass(log.records, tmp_path)).log.newest
    log.records = records(500)
    second = Member(log, tmp_path, bugs)
    second.assign()
    await second.read(second.done)
    await second.end()
    assert second.process.heard.outcomes["duplicate"] == 1
    assert sum(second.process.heard.outcomes.values()) == 101
    assert bugs == []


async def test_a_rebalance_in_the_middle_of_a_batch_leaves_nothing_out(
    tmp_path: Path, bugs: list[int]
) -> None:
    log = Log(records(400))
    member = Member(log, tmp_path, bugs)
    member.assign()
    await member.read(lambda: (log.committed or 0) >= 100)
    for _ in range(3):
        member.gate.clear()  # what it publishes doesn't arrive
        course = member.process.course
        before = course.offset
        await member.read(lambda: course.offset > before)  # noqa: B023
        settled = asyncio.create_task(member.lane.settle(0.0, 0.0))
        await settled
        member.app.begin(())
        member.gate.set()
        member.assign()
        await member.read(lambda: (log.committed or 0) > before)  # noqa: B023
    await member.read(member.done)
    await member.process.rest()
    await member.end()
    assert log.newest == (await clean_pass(log.records, tmp_path)).log.newest
    assert bugs == []


async def test_a_member_without_a_snapshot_moves_the_groups_offset_never_back(
    tmp_path: Path, bugs: list[int]
) -> None:
    log = Log(records(400))
    first = Member(log, tmp_path / "a", bugs)
    first.assign()
    await first.read(first.done)
    await first.end()
    sent = len(log.sent)
    log.records = records(450)
    other = Member(log, tmp_path / "b", bugs)
    other.assign()
    seen: list[int] = []

    def watched() -> bool:
        seen.append(log.committed or 0)
        silent = other.process.agent.course is None or other.process.course.offset < 400
        assert not silent or len(log.sent) == sent
        return other.done()

    await other.read(watched)
    await other.process.rest()
    await other.end()
    assert seen == sorted(seen)
    assert log.newest == (await clean_pass(log.records, tmp_path)).log.newest
    assert bugs == []
