"""The recommender, driven without a broker: a memory store and a catalogue of three tastes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from streams.agents import list_maker
from streams.agents.applying import ClickApplier
from streams.agents.fallback import FallbackItems
from streams.agents.past import Begun, Past
from streams.agents.proving import Proving
from streams.agents.publishing import ListWriter
from streams.agents.recommend import Recommender
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.agents.teaching import Teaching
from streams.core import codec
from streams.core.picks import Pick
from streams.core.rules import TasteRules
from streams.delivery import Batch
from streams.embeddings import FactRecord, ViewRecord, WithdrawnRecord
from streams.errors import DependencyDown, Reason, StateBroken
from streams.events import EventLimits
from streams.recommendations import RecommendationList, parse_list
from streams.records import RawRecord
from streams.stores.item_index import ItemIndex
from streams.stores.memory_profiles import MemoryProfiles
from streams.stores.profiles import Mark, Stored, Write
from tests.agents.records import NOW_MS, click

DIM = 16
MODEL = "toy@1"
TASTES = ("red", "green", "blue")
HALF_LIFE_S = 1000.0


def vector(taste: int, number: int) -> np.ndarray:
    rng = np.random.default_rng(1000 * taste + number)
    centre = np.zeros(DIM)
    centre[taste] = 1.0
    made = centre + 0.18 * rng.standard_normal(DIM)
    return (made / np.linalg.norm(made)).astype(np.float16)


def view(item_id: str, taste: int, number: int) -> ViewRecord:
    return ViewRecord(item_id, "main", MODEL, vector(taste, number), 0, NOW_MS + number)


class CountingStore(MemoryProfiles):
    """Counts round trips, and can be down, or be written by somebody else in between."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = self.saves = self.failures = 0
        self.before_save: list[Write] = []

    async def load(self, user_ids: Sequence[str]) -> list[Stored]:
        if self.failures:
            self.failures -= 1
            raise DependencyDown("redis", "not now")
        self.loads += 1
        return await super().load(user_ids)

    async def save(self, writes: Sequence[Write], marks: Sequence[Mark] = ()) -> list[bool]:
        self.saves += 1
        if self.before_save:
            await super().save([self.before_save.pop()])
        return await super().save(writes, marks)


class Measured:
    """What the recommender told."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.seconds: list[float] = []
        self.held: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def profile_bytes(self, sizes: Iterable[int]) -> None:
        self.sizes += sizes

    def click_to_list(self, seconds: Iterable[float]) -> None:
        self.seconds += seconds

    def reasons(self, held: Mapping[str, int], failed: Mapping[str, int]) -> None:
        self.held.update(held)
        self.failed.update(failed)


class Shop:
    """A recommender over 40 items of each taste."""

    def __init__(
        self,
        store: CountingStore | None = None,
        teaching: Teaching | None = None,
        proven: float = 0.0,
        **rules_given: float,
    ) -> None:
        self.index = ItemIndex(MODEL, DIM)
        for taste, name in enumerate(TASTES):
            for number in range(40):
                self.index.apply(view(f"{name}-{number}", taste, number))
        self.store = CountingStore() if store is None else store
        self.measured = Measured()
        self.now_s = NOW_MS / 1000 + 0.25
        rules = TasteRules(list_length=10, **rules_given)  # type: ignore[arg-type]
        slices = Slices()
        self.log: list[int] = []
        self.held: list[Begun] = []
        self.looks = 0
        self.past = Past(self.store, self, lambda: self.held)
        self.fallback = FallbackItems(self.store, self.index, self.past.check)
        self.recommender = Recommender(
            applier=ClickApplier(
                catalogue=self.index,
                store=self.store,
                past=self.past,
                rules=rules,
                event_limits=EventLimits(),
                popularity_half_life_s=HALF_LIFE_S,
                stages=Stages(),
                slices=slices,
                measures=self.measured,
                teaching=teaching,
            ),
            index=self.index,
            fallback=self.fallback,
            writer=ListWriter("recommendations", self.index, rules, lambda: self.now_s),
            rules=rules,
            remembered_searches=20_000,
            stages=Stages(),
            slices=slices,
            clock=lambda: self.now_s,
            measures=self.measured,
            crowd=teaching.crowd if teaching else None,
            proving=Proving(proven, rules, self.measured),
        )

    async def first_record(self, topic: str, partition: int, start: int, end: int) -> int | None:
        """Offsets that the log still has are in `self.log`."""
        self.looks += 1
        return next((offset for offset in self.log if start <= offset < end), None)

    async def ends(self, topic: str) -> dict[int, int]:
        """Where the log ends: after the last offset in `self.log`, far away without one."""
        self.looks += 1
        return {0: self.log[-1] + 1 if self.log else 2**40}

    async def handle(self, *records: RawRecord) -> Batch:
        batch = Batch(records)
        await self.recommender.handle(batch)
        batch.check()
        return batch

    async def lists(self, *records: RawRecord) -> list[RecommendationList]:
        return read(await self.handle(*records))

    async def profiles(self) -> dict[str, bytes | None]:
        users = ["ann", "bob", "cid"]
        return {u: s.value for u, s in zip(users, await self.store.load(users), strict=True)}


def read(batch: Batch) -> list[RecommendationList]:
    return [parse_list(sent.value) for sent in batch.sends if sent.value is not None]


def outcomes(batch: Batch) -> list[str | None]:
    return [batch.outcome(record) for record in batch.records]


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_the_first_click_already_makes_a_personal_list(shop: Shop) -> None:
    (made,) = await shop.lists(click("ann", "red-3"))
    assert len(made.items) == 10
    assert all(item.item_id.startswith("red-") for item in made.items)
    assert all(item.reason.kind == "looks-like" for item in made.items)
    assert {item.reason.item_id for item in made.items} == {"red-3"}
    assert [item.rank for item in made.items] == list(range(1, 11))


async def test_a_list_names_its_trigger_and_is_found_by_its_user(shop: Shop) -> None:
    batch = await shop.handle(click("ann", "red-3", offset=77, kind="like"))
    (made,) = read(batch)
    assert made.list_id == "clicks-0-77"
    assert (made.trigger.item_id, made.trigger.kind) == ("red-3", "like")  # type: ignore[union-attr]
    assert made.model == MODEL
    assert batch.sends[0].key == b"ann"


async def test_nothing_she_touched_is_listed(shop: Shop) -> None:
    lists = [(await shop.lists(click("ann", f"red-{n}")))[0] for n in range(15)]
    touched = {f"red-{n}" for n in range(15)}
    assert not touched & {item.item_id for item in lists[-1].items}


async def test_every_click_of_a_batch_has_its_list_in_order(shop: Shop) -> None:
    batch = await shop.handle(
        click("ann", "red-1", offset=1),
        click("bob", "blue-1", offset=2),
        click("ann", "red-2", offset=3),
    )
    assert [made.list_id for made in read(batch)] == ["clicks-0-1", "clicks-0-2", "clicks-0-3"]
    assert outcomes(batch) == ["applied"] * 3


async def test_a_batch_takes_two_round_trips(shop: Shop) -> None:
    await shop.handle(*(click(f"user-{n % 50}", f"red-{n % 40}") for n in range(200)))
    assert (shop.store.loads, shop.store.saves) == (1, 1)


async def test_a_profile_does_not_depend_on_the_batches(shop: Shop) -> None:
    clicks = [
        click(user, f"{TASTES[n % 3]}-{n}", at=NOW_MS + 1000 * n)
        for n in range(30)
        for user in ("ann", "bob", "cid")
    ]
    await shop.handle(*clicks)
    other = Shop()
    for at in range(0, len(clicks), 7):
        await other.handle(*clicks[at : at + 7])
    assert await shop.profiles() == await other.profiles()


async def test_a_click_that_comes_again_changes_nothing_and_its_list_is_published_again(
    shop: Shop,
) -> None:
    once = click("ann", "red-1")
    first = await shop.handle(once)
    before = await shop.profiles()
    again = await shop.handle(once)
    assert outcomes(again) == ["duplicate"]
    assert await shop.profiles() == before
    assert read(again)[0].list_id == read(first)[0].list_id
    assert await shop.store.popular(5) == [("red-1", pytest.approx(NOW_MS / 1000 / HALF_LIFE_S))]


async def test_a_profile_written_by_somebody_else_meanwhile_is_loaded_and_applied_again(
    shop: Shop,
) -> None:
    elsewhere = Shop()
    await elsewhere.handle(click("ann", "blue-1", offset=500))
    (theirs,) = await elsewhere.store.load(["ann"])
    assert theirs.value is not None
    absent = (await shop.store.load(["ann"]))[0].version
    shop.store.before_save = [Write("ann", absent, theirs.value)]

    batch = await shop.handle(click("ann", "red-1", offset=501), click("bob", "red-1", offset=502))

    assert outcomes(batch) == ["applied", "applied"]
    profile = codec.decode((await shop.profiles())["ann"] or b"")
    assert profile.events == 2
    assert shop.store.saves == 2


async def test_a_click_that_somebody_else_applied_meanwhile_is_a_duplicate(shop: Shop) -> None:
    one = click("ann", "red-1", offset=900)
    other = Shop()
    await other.handle(one)
    (theirs,) = await other.store.load(["ann"])
    assert theirs.value is not None
    absent = (await shop.store.load(["ann"]))[0].version
    shop.store.before_save = [Write("ann", absent, theirs.value)]
    batch = await shop.handle(one)
    assert outcomes(batch) == ["duplicate"]
    assert len(read(batch)) == 1


async def test_chance_follows_from_the_trigger() -> None:
    shop = Shop(temperature=1.0, explore_share=0.2)
    await shop.handle(click("ann", "red-1", offset=1))
    await shop.fallback.refresh()
    last = click("ann", "red-2", offset=2)
    (first,) = await shop.lists(last)
    (again,) = await shop.lists(last)
    assert first.items == again.items
    assert first.policy == "softmax-1(1)+explore"
    assert [item.reason.kind for item in first.items[8:]] == ["exploring"] * 2
    assert all(0.0 < item.propensity < 1.0 for item in first.items)
    (other,) = await shop.lists(click("ann", "red-2", offset=3))
    assert other.items != first.items


async def test_a_profile_that_cannot_be_read_is_not_overwritten(shop: Shop) -> None:
    garbage = b"written by something else"
    absent = (await shop.store.load(["ann"]))[0].version
    await shop.store.save([Write("ann", absent, garbage)])
    with pytest.raises(StateBroken, match=r"profile of user ann .* or delete its key"):
        await shop.handle(click("bob", "red-1"), click("ann", "red-1"))
    assert await shop.profiles() == {"ann": garbage, "bob": None, "cid": None}


async def test_a_store_that_is_down_is_waited_for() -> None:
    store = CountingStore()
    store.failures = 1
    shop = Shop(store)
    batch = await shop.handle(click("ann", "red-1"))
    assert outcomes(batch) == ["applied"]


async def test_a_click_on_an_unknown_item_is_kept_until_its_picture_comes(shop: Shop) -> None:
    (made,) = await shop.lists(click("ann", "green-99"))
    assert {item.reason.kind for item in made.items} <= {"new", "popular"}
    shop.index.apply(view("green-99", 1, 99))
    (made,) = await shop.lists(click("ann", "no-such-item"))
    assert {item.reason.item_id for item in made.items} == {"green-99"}


async def test_somebody_without_interests_gets_what_is_popular_then_what_is_new() -> None:
    shop = Shop(explore_share=0.0)
    await shop.handle(*(click(f"user-{n}", "blue-7") for n in range(5)), click("bob", "red-9"))
    await shop.fallback.refresh()
    (made,) = await shop.lists(click("ann", "not-yet-known"))
    kinds = [item.reason.kind for item in made.items]
    assert [item.item_id for item in made.items[:2]] == ["blue-7", "red-9"]
    assert kinds == ["popular"] * 2 + ["new"] * 8


async def test_a_withdrawn_item_is_in_no_list_any_more(shop: Shop) -> None:
    (before,) = await shop.lists(click("ann", "red-3"))
    gone = before.items[0].item_id
    shop.index.apply(WithdrawnRecord(gone, NOW_MS))
    hidden = before.items[1].item_id
    shop.index.apply(FactRecord(hidden, "available", False))
    (after,) = await shop.lists(click("ann", "red-4"))
    assert not {gone, hidden} & {item.item_id for item in after.items}


async def test_a_dislike_is_no_popularity(shop: Shop) -> None:
    await shop.handle(click("ann", "red-1", kind="dislike"), click("bob", "red-2", kind="like"))
    popular = await shop.store.popular(5)
    assert [item for item, _ in popular] == ["red-2"]
    assert popular[0][1] == pytest.approx(math.log2(3.0) + NOW_MS / 1000 / HALF_LIFE_S)


async def test_a_user_makes_an_item_popular_once_by_touching_and_once_by_liking_it(
    shop: Shop,
) -> None:
    kinds = ("view", "view", "purchase", "purchase", "like", "click", "view")
    await shop.handle(*(click("ann", "red-1", kind=kind) for kind in kinds[:4]))
    await shop.handle(*(click("ann", "red-1", kind=kind) for kind in kinds[4:]))
    now = NOW_MS / 1000 / HALF_LIFE_S
    ((item, weight),) = await shop.store.popular(5)
    assert (item, 2.0 ** (weight - now)) == ("red-1", pytest.approx(0.25 + 5.0))


async def test_a_bad_click_is_a_dead_letter_and_the_others_go_on(shop: Shop) -> None:
    bad = click("ann", "red-1", kind="stare")
    batch = await shop.handle(bad, click("ann", "red-2"))
    assert outcomes(batch) == ["dead-lettered", "applied"]
    assert batch.refusals[0].reason is Reason.UNKNOWN_KIND
    assert len(read(batch)) == 1


async def test_facts_travel_with_the_list(shop: Shop) -> None:
    shop.index.apply(FactRecord("red-5", "title", "A red thing"))
    shop.index.apply(FactRecord("red-5", "labels", ("warm",)))
    (made,) = await shop.lists(click("ann", "red-3"))
    shown = {item.item_id: item for item in made.items}
    assert (shown["red-5"].title, shown["red-5"].labels) == ("A red thing", ("warm",))


async def test_click_to_list_is_measured_when_the_list_is_acknowledged(shop: Shop) -> None:
    batch = await shop.handle(click("ann", "red-3"))
    assert shop.measured.seconds == []
    for tell in batch.listeners:
        tell()
    assert shop.measured.seconds == [pytest.approx(0.25)]
    assert len(shop.measured.sizes) == 1


async def test_reasons_are_proven_before_a_list_goes_out(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(proven=1.0)
    for number in range(5):
        await shop.lists(click("ann", f"red-{number}", offset=number))
    assert sum(shop.measured.held.values()) == 50
    assert not shop.measured.failed
    assert not caplog.records


async def test_a_reason_that_does_not_hold_is_counted_and_its_list_goes_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop, make_list = Shop(proven=1.0), list_maker.lists.make_list

    def lying(*given: Any, **named: Any) -> list[Pick]:
        picks = make_list(*given, **named)
        picks[3].similarity = 0.99
        return picks

    monkeypatch.setattr(list_maker.lists, "make_list", lying)
    (made,) = await shop.lists(click("ann", "red-3", offset=77))
    assert len(made.items) == 10
    assert dict(shop.measured.failed) == {"looks-like": 1}
    assert shop.measured.held["looks-like"] == 9
    (record,) = caplog.records
    assert "list clicks-0-77, rank 4, looks-like: the similarity is" in record.getMessage()


async def test_a_share_of_the_lists_is_proven_always_the_same() -> None:
    some = Proving(0.25, TasteRules(), Measured())
    taken = [some.takes(f"clicks-0-{n}") for n in range(2_000)]
    assert 400 < sum(taken) < 600
    assert taken == [some.takes(f"clicks-0-{n}") for n in range(2_000)]
    assert all(Proving(1.0, TasteRules(), Measured()).takes(f"clicks-0-{n}") for n in range(99))
    assert not any(Proving(0.0, TasteRules(), Measured()).takes(f"clicks-0-{n}") for n in range(99))
