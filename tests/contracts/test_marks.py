"""How far the log is part of the store: marks move with whole batches, and losses are noticed."""

from __future__ import annotations

import pytest

from streams.errors import StoreBehind
from streams.stores.profiles import ABSENT, NO_MARK, Mark, ProfileStore, Write, new_version


async def test_a_new_store_has_no_marks(store: ProfileStore) -> None:
    assert await store.marks() == {}


async def test_a_mark_is_stored_with_the_writes_it_covers(store: ProfileStore) -> None:
    marks = [Mark("clicks-0", NO_MARK, 7), Mark("clicks-1", NO_MARK, 2**40)]
    assert await store.save([Write("ada", ABSENT, b"1")], marks) == [True]
    assert await store.marks() == {"clicks-0": 7, "clicks-1": 2**40}


async def test_a_mark_is_stored_also_where_there_is_nothing_to_write(store: ProfileStore) -> None:
    assert await store.save([], [Mark("clicks-0", NO_MARK, 7)]) == []
    assert await store.marks() == {"clicks-0": 7}


async def test_a_mark_never_goes_back(store: ProfileStore) -> None:
    await store.save([], [Mark("clicks-0", NO_MARK, 7)])
    await store.save([], [Mark("clicks-0", 3, 4)])
    assert await store.marks() == {"clicks-0": 7}


async def test_a_refused_write_leaves_the_marks_where_they_are(store: ProfileStore) -> None:
    await store.save([Write("ada", ABSENT, b"1")], [Mark("clicks-0", NO_MARK, 7)])
    writes = [Write("bob", ABSENT, b"1"), Write("ada", new_version(), b"stale")]
    assert await store.save(writes, [Mark("clicks-0", 7, 9)]) == [True, False]
    assert await store.marks() == {"clicks-0": 7}


async def test_a_store_that_lost_its_marks_takes_nothing(store: ProfileStore) -> None:
    write = Write("ada", ABSENT, b"1", [("x", 0.0)])
    with pytest.raises(StoreBehind, match=r"clicks-3 is unknown.*lookstream rebuild") as behind:
        await store.save([write], [Mark("clicks-0", NO_MARK, 1), Mark("clicks-3", 120, 130)])
    assert (behind.value.source, behind.value.stored, behind.value.known) == (
        "clicks-3",
        NO_MARK,
        120,
    )
    assert (await store.load(["ada"]))[0].value is None
    assert await store.marks() == {}
    assert await store.popular(5) == []


async def test_a_store_with_an_older_state_takes_nothing(store: ProfileStore) -> None:
    await store.save([], [Mark("clicks-3", NO_MARK, 100)])
    with pytest.raises(StoreBehind, match="clicks-3 stands at offset 100"):
        await store.save([Write("ada", ABSENT, b"1")], [Mark("clicks-3", 120, 130)])
    assert (await store.load(["ada"]))[0].value is None


async def test_many_writes_move_the_marks_once_all_are_applied(store: ProfileStore) -> None:
    """More than one script's worth."""
    writes = [Write(f"u{n}", ABSENT, b"x") for n in range(600)]
    assert all(await store.save(writes, [Mark("clicks-0", NO_MARK, 7)]))
    assert await store.marks() == {"clicks-0": 7}
    again = [
        Write("u0", new_version(), b"stale"),
        *(Write(f"v{n}", ABSENT, b"x") for n in range(600)),
    ]
    assert (await store.save(again, [Mark("clicks-0", 7, 9)]))[0] is False
    assert await store.marks() == {"clicks-0": 7}
