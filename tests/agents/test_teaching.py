"""A recommender tells the learner what clicks teach, and ranks by what was learned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from streams.agents.teaching import Teaching, TooLarge
from streams.core import codec
from streams.core.crowd import Crowd
from streams.core.learning.interaction import Interaction, decode_interaction
from streams.core.learning.learner import Learner
from streams.core.learning.rules import LearningRules
from streams.core.profile import item_key
from streams.delivery import BatchClosing, Message
from tests.agents.records import click
from tests.agents.test_recommend import CountingStore, Shop, outcomes

RULES = LearningRules(items=500, trusted_items=1)


class Road:
    """What was published for the learner, and what the store had been asked by then."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.told: list[Interaction] = []
        self.users: list[bytes | None] = []
        self.saves_before: list[int] = []
        self.fails: Exception | None = None
        self.refused: list[Message] = []
        self.crowd = Crowd(RULES, least_likes=0.0)
        self.shop = Shop(self.store, teaching=Teaching(self.crowd, "interactions", self.deliver))

    async def deliver(
        self, messages: Sequence[Message], closing: asyncio.Event
    ) -> Sequence[object]:
        if self.fails is not None:
            raise self.fails
        assert not closing.is_set()
        for message in messages:
            assert message.topic == "interactions"
            self.told.append(decode_interaction(message.value or b""))
            self.users.append(message.key)
            self.saves_before.append(self.store.saves)
        return self.refused


@pytest.fixture
def road() -> Road:
    return Road()


async def test_a_click_is_told_before_its_profile_is_stored(road: Road) -> None:
    await road.shop.handle(click("ann", "red-1", offset=5, kind="like"))
    assert [(t.offset, t.item, t.liked) for t in road.told] == [(5, item_key("red-1"), True)]
    assert road.users == [b"ann"]
    assert road.saves_before == [0]


async def test_a_click_that_was_not_stored_is_told_again_the_same(road: Road) -> None:
    await road.shop.handle(click("ann", "red-1", offset=5))
    (before,) = road.told
    other = Road()
    await other.shop.handle(click("ann", "red-1", offset=5))
    assert other.told[0].encode() == before.encode()


async def test_a_click_that_was_stored_teaches_no_more(road: Road) -> None:
    await road.shop.handle(click("ann", "red-1", offset=5))
    batch = await road.shop.handle(click("ann", "red-1", offset=5))
    assert outcomes(batch) == ["duplicate"]
    assert len(road.told) == 1


async def test_nothing_is_stored_of_what_could_not_be_told(road: Road) -> None:
    road.fails = BatchClosing("the partitions are gone")
    with pytest.raises(BatchClosing):
        await road.shop.handle(click("ann", "red-1"))
    assert road.store.saves == 0


async def test_a_topic_that_takes_too_small_records_is_a_bug_with_a_sentence(road: Road) -> None:
    road.refused = [Message("interactions", b"ann", b"", ())]
    with pytest.raises(TooLarge, match=r"max\.message\.bytes"):
        await road.shop.handle(click("ann", "red-1"))


async def test_each_click_of_a_batch_is_told_with_what_came_before_it(road: Road) -> None:
    await road.shop.handle(
        click("ann", "red-1", offset=1),
        click("bob", "blue-1", offset=2),
        click("ann", "red-2", offset=3),
    )
    assert [told.offset for told in road.told] == [1, 2, 3]
    by_offset = {told.offset: told for told in road.told}
    assert by_offset[3].likes.tolist() == [item_key("red-1")]
    assert by_offset[2].likes.tolist() == []


async def test_what_was_learned_ranks_the_lists_and_moves_her_residual(road: Road) -> None:
    learner, offset = Learner(RULES), 0
    for user in range(30):
        for item in ("red-1", "blue-7", "green-9"):
            offset += 1
            await road.shop.handle(click(f"user-{user}", item, offset=offset, kind="like"))
    for told in road.told:
        learner.learn(told)
    for item_signals in learner.publish():
        road.crowd.table.put(item_signals)
    road.crowd.table.weights = learner.table.weights
    (first,) = await road.shop.lists(click("ann", "red-1", offset=900, kind="like"))
    assert {item.item_id for item in first.items[:2]} == {"blue-7", "green-9"}
    assert first.items[0].reason.kind == "people-also-clicked"
    assert first.items[0].reason.item_id == "red-1"
    stored = (await road.shop.profiles())["ann"]
    assert stored is not None
    assert len(codec.decode(stored).residual) == 64
