"""The list for anybody: published when it changes, and never from a store that lost its data."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from streams.agents.anybody import AnybodysAgent
from streams.agents.past import Begun
from streams.agents.publishing import AnybodysList
from streams.agents.teaching import Teaching
from streams.core.crowd import Crowd
from streams.core.learning.rules import LearningRules
from streams.core.rules import TasteRules
from streams.delivery import Batch, BatchClosing, Message, Retry
from streams.delivery.observer import NoObserver
from streams.recommendations import parse_list
from streams.stores.profiles import Mark
from tests.agents.records import click
from tests.agents.test_recommend import Shop


class Journal(NoObserver):
    def __init__(self) -> None:
        self.down: set[str] = set()

    def dependency_down(self, dependency: str, detail: str) -> None:
        self.down.add(dependency)

    def dependency_up(self, dependency: str) -> None:
        self.down.discard(dependency)


class Publisher(Shop):
    """A shop with the agent; a pause while something is down stops it, as SIGTERM would."""

    def __init__(self, teaching: Teaching | None = None) -> None:
        super().__init__(teaching=teaching)
        self.journal = Journal()
        self.retry = Retry(observer=self.journal, pause=self.stopped)
        self.in_charge = True
        self.sent: list[Message] = []
        self.partitions_gone = False
        self.agent = AnybodysAgent(
            fallback=self.fallback,
            anybodys=AnybodysList(self.index, TasteRules(list_length=10), lambda: self.now_s),
            topic="recommendations",
            retry=self.retry,
            deliver=self.deliver,
            in_charge=lambda: self.in_charge,
        )

    async def stopped(self, _seconds: float, stopping: asyncio.Event) -> None:
        stopping.set()

    async def deliver(self, messages: list[Message]) -> None:
        if self.partitions_gone:
            raise BatchClosing("its partitions are gone")
        self.sent += messages

    async def step(self) -> int:
        """How many lists it published."""
        before = len(self.sent)
        await self.agent.step(asyncio.Event())
        return len(self.sent) - before


async def unheard(messages: Sequence[Message], _closing: asyncio.Event) -> Sequence[object]:
    """A topic of interactions that nobody reads."""
    return []


async def test_it_is_published_when_it_changes() -> None:
    shop = Publisher()
    assert [await shop.step(), await shop.step()] == [1, 0]
    await shop.handle(click("ann", "green-7", kind="like"))
    assert [await shop.step(), await shop.step()] == [1, 0]
    assert b"green-7" in (shop.sent[-1].value or b"")


@pytest.mark.parametrize("learning", [True, False])
@pytest.mark.parametrize("kinds", [["purchase"] * 30, ["purchase", "dislike"] * 30])
async def test_one_account_does_not_outdo_many_people(kinds: list[str], learning: bool) -> None:
    shop = Publisher(
        Teaching(Crowd(LearningRules(items=500)), "interactions", unheard) if learning else None
    )
    await shop.handle(*(click(f"honest-{n}", "green-7") for n in range(20)))
    await shop.handle(*(click("bot", "red-1", kind=kind) for kind in kinds))
    await shop.step()
    first, second = parse_list(shop.sent[-1].value or b"").items[:2]
    assert (first.item_id, first.reason.kind) == ("green-7", "popular")
    assert (second.item_id, second.reason.kind) == ("red-1", "popular")


async def test_who_is_not_in_charge_publishes_nothing() -> None:
    shop = Publisher()
    shop.in_charge = False
    assert await shop.step() == 0


async def test_nothing_is_published_from_a_store_that_lost_its_data() -> None:
    shop = Publisher()
    await shop.handle(click("ann", "green-7", kind="like"))
    assert await shop.step() == 1
    await shop.store.close()
    with pytest.raises(BatchClosing):
        await shop.step()
    assert (len(shop.sent), shop.journal.down) == (1, {"profiles"})


async def test_a_worker_that_was_just_started_publishes_nothing_from_it_either() -> None:
    shop = Publisher()
    shop.log, shop.held = [0, 1], [Begun("clicks", 0, 2)]
    with pytest.raises(BatchClosing):
        await shop.step()
    assert shop.sent == []


async def test_the_worker_is_ready_again_when_another_has_the_batch_that_found_the_loss() -> None:
    shop = Publisher()
    shop.log = [0, 1]
    with pytest.raises(BatchClosing):
        await shop.recommender.handle(Batch([click("ann", "red-1", offset=2)], shop.retry))
    assert shop.journal.down == {"profiles"}
    await shop.store.save([], [Mark("clicks-0", -1, 1)])
    await shop.step()
    assert shop.journal.down == set()


async def test_when_partitions_are_given_out_anew_it_looks_again_who_is_in_charge() -> None:
    shop = Publisher()
    shop.partitions_gone = True
    assert await shop.step() == 0
    shop.partitions_gone = False
    assert [await shop.step(), await shop.step()] == [1, 0]


async def test_when_the_worker_stops_while_it_publishes_it_ends() -> None:
    shop = Publisher()
    shop.partitions_gone = True
    stopping = asyncio.Event()

    async def stop_and_deliver(messages: list[Message]) -> None:
        stopping.set()
        await shop.deliver(messages)

    shop.agent._deliver = stop_and_deliver
    with pytest.raises(BatchClosing):
        await shop.agent.step(stopping)
