from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from streams.delivery import Batch, BatchClosing, Message, OutcomeError, Retry
from streams.delivery.buffer import Limits
from streams.delivery.lane import AgentSpec, Lane
from streams.delivery.ledger import Ledger
from streams.delivery.parcels import MessageRefused
from streams.errors import DependencyDown, Reason
from tests.unit.delivery.conftest import Journal, records


class FakeOutbox:
    """Keeps what is delivered; refuses values that begin with "large"."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def deliver(
        self, messages: Sequence[Message], closing: asyncio.Event
    ) -> list[tuple[Message, str]]:
        await self.open.wait()
        refused = [m for m in messages if (m.value or b"").startswith(b"large")]
        self.sent += [(m.topic, m.value) for m in messages if m not in refused]
        return [(m, "too large") for m in refused]


class Stage:
    """A lane whose handler is set by the test, with its agent running."""

    def __init__(self, retry: Retry, journal: Journal) -> None:
        self.outbox = FakeOutbox()
        self.ledger = Ledger()
        self.journal = journal
        self.bugs: list[BaseException] = []
        self.where: list[str] = []
        self.handled: list[Batch] = []
        outbox: Any = self.outbox
        self.lane = Lane(
            AgentSpec("agent", "in", self.handle, Limits(max_events=10), "dead", journal),
            outbox=outbox,
            ledger=self.ledger,
            retry=retry,
            on_bug=self.note_bug,
        )
        self.ledger.begin([("in", 0)])

    def note_bug(self, where: str, bug: BaseException) -> None:
        self.where.append(where)
        self.bugs.append(bug)

    async def handle(self, batch: Batch) -> None:
        self.handled.append(batch)
        for each in batch.records:
            batch.send("out", key=b"k", value=each.value, source=each)
            batch.applied(each)

    def fetch(self, count: int, first: int = 0, value: bytes = b"v") -> None:
        self.ledger.fetched(("in", 0), count)
        self.lane.buffer.put(0, records(count, first=first, value=value))

    def committable(self) -> int | None:
        return self.ledger.committable({}).get(("in", 0))


@pytest.fixture
async def stage(retry: Retry, journal: Journal) -> AsyncIterator[Stage]:
    stage = Stage(retry, journal)
    running = asyncio.ensure_future(stage.lane.run())
    yield stage
    running.cancel()
    await asyncio.wait({running})


async def turns(count: int = 20) -> None:
    """Let the event loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_batch_is_published_then_counted_then_committable(stage: Stage) -> None:
    stage.outbox.open.clear()
    stage.fetch(3)
    await turns()
    assert (stage.committable(), stage.journal.outcomes) == (None, {})
    stage.outbox.open.set()
    await turns()
    assert stage.outbox.sent == [("out", b"v")] * 3
    assert stage.committable() == 3
    assert stage.journal.outcomes == {("applied", None): 3}
    assert stage.journal.batches == [3]


async def test_one_batch_is_in_flight_and_takes_what_piled_up_meanwhile(stage: Stage) -> None:
    stage.outbox.open.clear()
    stage.fetch(1)
    await turns()
    stage.fetch(4, first=1)
    stage.fetch(5, first=5)
    await turns()
    assert len(stage.handled) == 1
    stage.outbox.open.set()
    await turns()
    assert stage.journal.batches == [1, 9]
    assert stage.committable() == 10


async def test_dead_letters_are_published_before_anything_is_committable(stage: Stage) -> None:
    async def refuse(batch: Batch) -> None:
        for each in batch.records:
            batch.dead_letter(each, Reason.BAD_JSON, "no")

    stage.handle = refuse  # type: ignore[method-assign]
    stage.lane.spec = AgentSpec("agent", "in", refuse, Limits(), "dead", stage.journal)
    stage.fetch(2, value=b"original")
    await turns()
    assert stage.outbox.sent == [("dead", b"original")] * 2
    assert stage.journal.outcomes == {("dead-lettered", Reason.BAD_JSON): 2}
    assert stage.committable() == 2


async def test_a_result_too_large_makes_a_dead_letter_of_its_record(stage: Stage) -> None:
    async def echo_large(batch: Batch) -> None:
        for each in batch.records:
            batch.send("out", key=None, value=b"large result", source=each)
            batch.applied(each)

    stage.lane.spec = AgentSpec("agent", "in", echo_large, Limits(), "dead", stage.journal)
    stage.fetch(1, value=b"original")
    await turns()
    assert stage.outbox.sent == [("dead", b"original")]
    assert stage.journal.outcomes == {("dead-lettered", Reason.RESULT_TOO_LARGE): 1}


@pytest.mark.parametrize(
    ("mistake", "kind"),
    [("raise", ZeroDivisionError), ("forget", OutcomeError), ("sourceless", MessageRefused)],
)
async def test_a_bug_is_reported_and_nothing_is_committed(
    stage: Stage, mistake: str, kind: type[Exception]
) -> None:
    async def buggy(batch: Batch) -> None:
        if mistake == "raise":
            raise ZeroDivisionError
        if mistake == "sourceless":
            batch.send("out", key=None, value=b"large result")
            batch.applied(batch.records[0])

    stage.lane.spec = AgentSpec("agent", "in", buggy, Limits(), "dead", stage.journal)
    stage.fetch(1)
    await turns()
    assert [type(bug) for bug in stage.bugs] == [kind]
    assert stage.committable() is None
    assert stage.journal.outcomes == {}


async def test_a_bug_is_reported_with_the_places_of_its_records(stage: Stage) -> None:
    async def buggy(_batch: Batch) -> None:
        raise ZeroDivisionError

    stage.lane.spec = AgentSpec("agent", "in", buggy, Limits(), "dead", stage.journal)
    stage.ledger.begin([("in", 0), ("in", 3)])
    stage.fetch(3, first=7)
    stage.ledger.fetched(("in", 3), 1)
    stage.lane.buffer.put(3, [replace(records(1)[0], partition=3, offset=40)])
    await turns()
    assert stage.where == ["agent, at in-0 offsets 7 to 9, in-3 offset 40"]


async def test_settling_drops_what_waits_and_lets_the_batch_in_flight_end(stage: Stage) -> None:
    stage.outbox.open.clear()
    stage.fetch(1)
    await turns()
    stage.fetch(5, first=1)
    settling = asyncio.ensure_future(stage.lane.settle(60, 60))
    await turns()
    assert not settling.done()
    stage.outbox.open.set()
    await asyncio.wait_for(settling, 5)
    assert stage.committable() == 1
    assert stage.lane.buffer.count == 0


async def test_after_the_grace_time_a_batch_is_told_to_close(stage: Stage) -> None:
    async def stuck(batch: Batch) -> None:
        await batch.attempt("store", down)

    async def down() -> None:
        raise DependencyDown("store", "gone")

    stage.lane.spec = AgentSpec("agent", "in", stuck, Limits(), "dead", stage.journal)
    stage.fetch(1)
    await turns()
    await asyncio.wait_for(stage.lane.settle(0.001, 60), 5)
    assert stage.committable() is None
    assert (stage.bugs, stage.journal.outcomes) == ([], {})


async def test_a_batch_that_does_not_let_go_is_dead_and_never_counts(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def deaf(batch: Batch) -> None:
        await go_on.wait()
        for each in batch.records:
            batch.applied(each)

    stage.lane.spec = AgentSpec("agent", "in", deaf, Limits(), "dead", stage.journal)
    stage.fetch(1)
    await turns()
    await asyncio.wait_for(stage.lane.settle(0.001, 0.001), 5)
    # A second settling, as at a stop during a rebalance, does not wait for it again.
    await asyncio.wait_for(stage.lane.settle(3600, 3600), 5)
    go_on.set()
    await turns()
    assert stage.committable() is None
    assert stage.journal.outcomes == {}
    # The lane itself goes on with what is fetched next.
    stage.fetch(1, first=1)
    await turns()
    assert stage.journal.outcomes == {("applied", None): 1}


async def test_a_batch_of_an_older_assignment_is_not_counted(stage: Stage) -> None:
    stage.outbox.open.clear()
    stage.fetch(2)
    await turns()
    stage.ledger.begin([("in", 0)])
    stage.outbox.open.set()
    await turns()
    assert stage.committable() is None
    assert stage.journal.outcomes == {}


async def test_letting_go_is_no_bug(stage: Stage) -> None:
    async def let_go(batch: Batch) -> None:
        batch.send("out", key=None, value=b"unfinished")
        raise BatchClosing

    stage.lane.spec = AgentSpec("agent", "in", let_go, Limits(), "dead", stage.journal)
    stage.fetch(1)
    await turns()
    assert (stage.bugs, stage.outbox.sent, stage.committable()) == ([], [], None)


async def test_listeners_hear_when_the_batch_is_finished(stage: Stage) -> None:
    heard: list[int] = []

    async def listening(batch: Batch) -> None:
        for each in batch.records:
            batch.applied(each)
        batch.send("out", key=None, value=b"v")
        batch.when_finished(lambda: heard.append(len(batch.records)))

    stage.outbox.open.clear()
    stage.lane.spec = AgentSpec("agent", "in", listening, Limits(), "dead", stage.journal)
    stage.fetch(2)
    await turns()
    assert heard == []
    stage.outbox.open.set()
    await turns()
    assert heard == [2]
