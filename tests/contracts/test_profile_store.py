"""What every store of profiles promises: in memory, on Valkey, on Redis where there is one."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import replace

import pytest

from streams.stores.profiles import ABSENT, ProfileStore, Stored, Write, new_version
from tests.contracts.conftest import MAX_POPULAR, StoreMaker


async def load_one(store: ProfileStore, user_id: str) -> Stored:
    (stored,) = await store.load([user_id])
    return stored


async def test_an_unknown_user_is_absent(store: ProfileStore) -> None:
    assert await store.load(["nobody"]) == [Stored(ABSENT, None)]


async def test_loading_nobody_and_saving_nothing_is_fine(store: ProfileStore) -> None:
    assert await store.load([]) == []
    assert await store.save([]) == []


async def test_what_was_saved_is_loaded_in_the_order_asked_for(store: ProfileStore) -> None:
    writes = [Write(user, ABSENT, value) for user, value in (("a", b"1"), ("b", b"2"))]
    assert await store.save(writes) == [True, True]
    found = await store.load(["b", "nobody", "a", "b"])
    assert [stored.value for stored in found] == [b"2", None, b"1", b"2"]
    assert [stored.version for stored in found[::3]] == [writes[1].version] * 2


async def test_a_write_computed_from_an_old_version_changes_nothing(store: ProfileStore) -> None:
    await store.save([Write("ada", ABSENT, b"first")])
    old = await load_one(store, "ada")
    await store.save([Write("ada", old.version, b"second")])

    assert await store.save([Write("ada", old.version, b"late", [("x", 0.0)])]) == [False]

    assert (await load_one(store, "ada")).value == b"second"
    assert await store.popular(5) == []


async def test_a_first_write_is_refused_where_a_profile_is(store: ProfileStore) -> None:
    await store.save([Write("ada", ABSENT, b"first")])
    assert await store.save([Write("ada", ABSENT, b"again")]) == [False]
    assert (await load_one(store, "ada")).value == b"first"


async def test_a_later_write_is_refused_where_no_profile_is(store: ProfileStore) -> None:
    """Somebody slept while the profile expired, or while the store lost its data."""
    assert await store.save([Write("ada", new_version(), b"late")]) == [False]
    assert (await load_one(store, "ada")).value is None


async def test_the_users_of_one_save_succeed_and_fail_alone(store: ProfileStore) -> None:
    await store.save([Write("taken", ABSENT, b"theirs")])
    writes = [Write(user, ABSENT, b"ours", [(user, 1.0)]) for user in ("free", "taken", "also")]
    assert await store.save(writes) == [True, False, True]
    assert sorted(item for item, _ in await store.popular(9)) == ["also", "free"]


async def test_writes_to_one_user_in_one_save_happen_in_order(store: ProfileStore) -> None:
    first = Write("ada", ABSENT, b"1", [("x", 0.0)])
    second = Write("ada", first.version, b"2", [("x", 0.0)])
    stale = Write("ada", ABSENT, b"3", [("x", 0.0)])
    assert await store.save([first, second, stale]) == [True, True, False]
    assert (await load_one(store, "ada")).value == b"2"
    assert await store.popular(1) == [("x", 1.0)]


async def test_the_same_write_sent_again_is_applied_once_and_answered_true(
    store: ProfileStore,
) -> None:
    """Its first answer may have been lost on the way: it is ours, and it is in."""
    write = Write("ada", ABSENT, b"1", [("x", 3.0)])
    assert await store.save([write]) == [True]
    assert await store.save([write]) == [True]
    assert await store.popular(1) == [("x", 3.0)]


async def test_the_same_write_sent_again_after_somebody_else_wrote_is_refused(
    store: ProfileStore,
) -> None:
    write = Write("ada", ABSENT, b"1", [("x", 3.0)])
    await store.save([write])
    await store.save([Write("ada", write.version, b"2")])
    assert await store.save([write]) == [False]
    assert (await load_one(store, "ada")).value == b"2"
    assert await store.popular(1) == [("x", 3.0)]


async def test_equal_bytes_of_two_writers_are_still_two_writes(store: ProfileStore) -> None:
    """A zombie computes what the new owner computed: one of them applied it, the other didn't."""
    one = Write("ada", ABSENT, b"same", [("x", 0.0)])
    other = replace(one, version=new_version())
    assert await store.save([one]) == [True]
    assert await store.save([other]) == [False]
    assert await store.popular(1) == [("x", 0.0)]


async def test_of_many_who_write_the_same_user_one_wins_each_version(
    make_store: StoreMaker,
) -> None:
    stores = [await make_store() for _ in range(4)]
    wins = [0] * len(stores)
    rounds = 25

    async def add_one(number: int) -> None:
        store = stores[number]
        while wins[number] < rounds:
            stored = await load_one(store, "hot")
            count = int(stored.value or b"0")
            write = Write("hot", stored.version, str(count + 1).encode(), [("hit", 0.0)])
            wins[number] += (await store.save([write]))[0]
            await asyncio.sleep(0)

    await asyncio.gather(*(add_one(number) for number in range(len(stores))))

    total = rounds * len(stores)
    assert (await load_one(stores[0], "hot")).value == str(total).encode()
    ((_, weight),) = await stores[0].popular(1)
    assert weight == pytest.approx(math.log2(total), abs=1e-9)


@pytest.mark.parametrize(
    "user_id",
    ["Zoë", "日本語", "🛒", "a b", "{tag}", "*", "profile:x", "x" * 256, "quote'\"\\", "e\u0301"],
)
async def test_any_user_id_is_one_user(store: ProfileStore, user_id: str) -> None:
    assert await store.save([Write(user_id, ABSENT, user_id.encode())]) == [True]
    assert (await load_one(store, user_id)).value == user_id.encode()


async def test_item_ids_come_back_as_they_went_in(store: ProfileStore) -> None:
    ids = ["Zoë", "日本語", "🛒", "a b\"'\\", "{tag}", "1e5", "-inf"]
    increments = [(item_id, float(n)) for n, item_id in enumerate(ids)]
    await store.save([Write("ada", ABSENT, b"", increments)])
    assert [item_id for item_id, _ in await store.popular(9)] == ids[::-1]


@pytest.mark.parametrize("size_bytes", [0, 1, 7, 8, 9, 6_000, 3_000_000])
async def test_a_value_of_any_size_comes_back_whole(store: ProfileStore, size_bytes: int) -> None:
    value = random.Random(size_bytes).randbytes(size_bytes)
    assert await store.save([Write("ada", ABSENT, value)]) == [True]
    assert (await load_one(store, "ada")).value == value


async def test_a_value_that_looks_like_a_version_is_a_value(store: ProfileStore) -> None:
    assert await store.save([Write("ada", ABSENT, ABSENT)]) == [True]
    stored = await load_one(store, "ada")
    assert stored.value == ABSENT
    assert await store.save([Write("ada", stored.version, b"next")]) == [True]


async def test_a_thousand_users_are_saved_at_once(store: ProfileStore) -> None:
    users = [f"user-{n}" for n in range(1000)]
    assert all(await store.save([Write(user, ABSENT, user.encode()) for user in users]))
    assert [s.value for s in await store.load(users)] == [user.encode() for user in users]


async def test_popularity_is_the_sum_of_decayed_weights(store: ProfileStore) -> None:
    """Against a reference that adds the powers themselves, about a time where that is possible."""
    rng = random.Random(7)
    half_life_s, now_s = 3600.0, 50 * 3600.0
    reference: dict[str, float] = {}
    writes = []
    for n in range(300):
        at_s, item_id = rng.uniform(0, now_s), f"item-{rng.randrange(12)}"
        weight = rng.choice([0.25, 1.0, 3.0])
        reference[item_id] = reference.get(item_id, 0.0) + weight * 2 ** (
            (at_s - now_s) / half_life_s
        )
        increment = (item_id, math.log2(weight) + at_s / half_life_s)
        writes.append(Write(f"user-{n}", ABSENT, b"", [increment]))
    await store.save(writes)

    found = await store.popular(12)

    decayed = {item_id: 2 ** (weight - now_s / half_life_s) for item_id, weight in found}
    assert decayed == pytest.approx(reference, rel=1e-9)
    assert [w for _, w in found] == sorted((w for _, w in found), reverse=True)


async def test_popularity_never_overflows(store: ProfileStore) -> None:
    """Two thousand half-lives lie between these; as plain numbers they'd be infinite."""
    increments = [("old", 5_000.0), ("old", 5_000.0), ("new", 7_000.0), ("new", -7_000.0)]
    await store.save([Write("ada", ABSENT, b"", increments)])
    assert await store.popular(2) == [("new", 7_000.0), ("old", 5_001.0)]


async def test_popular_gives_as_many_as_there_are(store: ProfileStore) -> None:
    await store.save([Write("ada", ABSENT, b"", [("x", 1.0), ("y", 2.0)])])
    assert await store.popular(0) == []
    assert await store.popular(1) == [("y", 2.0)]
    assert await store.popular(99) == [("y", 2.0), ("x", 1.0)]


async def test_equally_popular_items_come_in_one_order(store: ProfileStore) -> None:
    await store.save([Write("ada", ABSENT, b"", [(i, 1.0) for i in ("b", "é", "a", "Z")])])
    assert [item_id for item_id, _ in await store.popular(9)] == ["é", "b", "a", "Z"]


async def test_the_least_popular_are_forgotten_beyond_the_bound(store: ProfileStore) -> None:
    increments = [(f"item-{n}", float(n)) for n in range(10 * MAX_POPULAR)]
    await store.save([Write("ada", ABSENT, b"", increments)])
    kept = await store.popular(10 * MAX_POPULAR)
    assert MAX_POPULAR <= len(kept) <= 1.1 * MAX_POPULAR
    assert kept == [(item, weight) for item, weight in increments[::-1][: len(kept)]]


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf])
async def test_a_weight_that_is_no_number_is_a_bug(store: ProfileStore, weight: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        await store.save([Write("ada", ABSENT, b"", [("x", weight)])])
    assert (await load_one(store, "ada")).value is None


async def test_it_answers_a_ping(store: ProfileStore) -> None:
    await store.ping()
