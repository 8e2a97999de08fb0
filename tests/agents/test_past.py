"""A store that lost what it held is noticed, and nothing is built upon or published from it."""

from __future__ import annotations

import asyncio

import pytest

from streams.agents.past import Begun
from streams.delivery import Batch, BatchClosing, Retry
from streams.errors import LogBegunAnew, StoreBehind
from streams.stores.profiles import Mark
from tests.agents.records import click
from tests.agents.test_recommend import Shop, outcomes


class Losing(Shop):
    """A shop whose store can be emptied, and whose batches are closed at the first pause."""

    async def try_batch(self, *offsets: int, epoch: int = 1) -> Batch:
        async def closed(_seconds: float, closing: asyncio.Event) -> None:
            closing.set()

        records = [click("ann", f"red-{offset % 40}", offset=offset) for offset in offsets]
        batch = Batch(records, Retry(pause=closed), epoch)
        await self.recommender.handle(batch)
        return batch


async def test_the_marks_follow_the_batches() -> None:
    shop = Losing()
    await shop.try_batch(3, 4, 5)
    await shop.try_batch(6)
    assert await shop.store.marks() == {"clicks-0": 6}


async def test_a_refused_click_moves_the_mark_too() -> None:
    shop = Losing()
    await shop.try_batch(3)
    await shop.recommender.handle(Batch([click("ann", "red-1", offset=4, kind="stare")], epoch=1))
    assert await shop.store.marks() == {"clicks-0": 4}


async def test_an_emptied_store_is_waited_for_and_nothing_is_published() -> None:
    shop = Losing()
    await shop.try_batch(3, 4, 5)
    await shop.store.close()
    with pytest.raises(BatchClosing):
        await shop.try_batch(6)
    assert await shop.profiles() == {"ann": None, "bob": None, "cid": None}
    with pytest.raises(StoreBehind, match="clicks-0 is unknown"):
        await shop.past.check()


async def test_a_repeated_click_publishes_nothing_from_an_emptied_store() -> None:
    shop = Losing()
    shop.log = [3, 4, 5]
    await shop.try_batch(3, 4, 5)
    await shop.store.close()
    with pytest.raises(BatchClosing):
        await shop.try_batch(5)


async def test_a_new_owner_notices_what_is_missing_before_its_first_click() -> None:
    shop = Losing()
    shop.log = [100, 101, 102]
    with pytest.raises(BatchClosing):
        await shop.try_batch(103)


async def test_while_the_store_stays_as_it_is_the_log_is_looked_into_once() -> None:
    shop = Losing()
    shop.log = [100, 101, 102]
    for _ in range(3):
        with pytest.raises(BatchClosing):
            await shop.try_batch(103)
        with pytest.raises(StoreBehind):
            await shop.past.check()
    assert shop.looks == 1


async def test_what_a_batch_found_missing_is_missing_after_the_batch_was_given_up() -> None:
    shop = Losing()
    shop.log = [100, 101, 102]
    with pytest.raises(BatchClosing):
        await shop.try_batch(103)
    with pytest.raises(StoreBehind, match="up to offset 102"):
        await shop.past.check()
    await shop.store.save([], [Mark("clicks-0", -1, 102)])
    await shop.past.check()


async def test_a_rebuild_that_ends_before_a_gap_is_enough() -> None:
    """The first click here is 103; 102 is a transaction's marker."""
    shop = Losing()
    shop.log = [100, 101]
    with pytest.raises(BatchClosing):
        await shop.try_batch(103)
    await shop.store.save([], [Mark("clicks-0", -1, 101)])
    await shop.past.check()
    assert outcomes(await shop.try_batch(103)) == ["applied"]


async def test_an_idle_worker_that_was_just_started_notices_too() -> None:
    shop = Losing()
    shop.log = [100, 101, 102]
    shop.held = [Begun("clicks", 0, 103)]
    with pytest.raises(StoreBehind, match="clicks-0 is unknown, though clicks up to offset 102"):
        await shop.past.check()
    await shop.store.save([], [Mark("clicks-0", -1, 102)])
    await shop.past.check()
    await shop.store.close()
    shop.held = []
    with pytest.raises(StoreBehind):
        await shop.past.check()


async def test_a_partition_that_nobody_clicked_in_lacks_nothing() -> None:
    shop = Losing()
    shop.held = [Begun("clicks", 0, 0), Begun("clicks", 1, 40)]
    await shop.past.check()


async def test_nothing_is_listed_as_popular_from_an_emptied_store() -> None:
    shop = Losing()
    await shop.try_batch(3, 4, 5)
    await shop.fallback.refresh()
    before = shop.fallback.current
    await shop.store.close()
    with pytest.raises(StoreBehind):
        await shop.fallback.refresh()
    assert shop.fallback.current is before


async def test_a_new_owner_accepts_a_gap_that_holds_no_records() -> None:
    shop = Losing()
    await shop.try_batch(3, 4)
    shop.log = [3, 4, 9]
    assert outcomes(await shop.try_batch(9, epoch=2)) == ["applied"]


async def test_what_was_known_before_a_rebalance_is_asked_anew() -> None:
    """Another worker went on to 8; then the store went back to 5, which this one knew of."""
    shop = Losing()
    shop.log = list(range(12))
    await shop.try_batch(0, 1, 2, 3, 4, 5)
    with pytest.raises(BatchClosing):
        await shop.try_batch(9, epoch=2)


async def test_once_the_store_is_rebuilt_it_goes_on() -> None:
    shop = Losing()
    await shop.try_batch(3, 4, 5)
    await shop.store.close()
    await shop.store.save([], [Mark("clicks-0", -1, 5)])
    assert outcomes(await shop.try_batch(6)) == ["applied"]
    await shop.past.check()


async def test_clicks_that_come_again_are_known_and_the_log_is_asked_once() -> None:
    shop = Losing()
    shop.log = list(range(10))
    await shop.try_batch(*range(9))
    for offsets in ((3, 4), (5, 6), (7, 8)):
        assert outcomes(await shop.try_batch(*offsets, epoch=2)) == ["duplicate"] * 2
    assert shop.looks == 1
    assert outcomes(await shop.try_batch(9, epoch=2)) == ["applied"]


async def test_a_topic_that_was_made_anew_is_noticed_by_whoever_read_the_old_one() -> None:
    shop = Losing()
    await shop.try_batch(*range(100, 110))
    shop.log = [0, 1]
    before = await shop.profiles()
    with pytest.raises(BatchClosing):
        await shop.try_batch(0, 1)
    with pytest.raises(LogBegunAnew, match=r"clicks-0 goes on at offset 0 and ends before 109"):
        await shop.past.check()
    assert await shop.profiles() == before


async def test_it_stays_noticed_while_the_new_log_grows_past_the_mark() -> None:
    shop = Losing()
    await shop.try_batch(*range(4))
    shop.log = [0]
    with pytest.raises(BatchClosing):
        await shop.try_batch(0)
    shop.log = list(range(10))
    with pytest.raises(BatchClosing):
        await shop.try_batch(0)


async def test_a_topic_that_was_made_anew_is_noticed_by_a_new_worker() -> None:
    shop = Losing()
    await shop.try_batch(*range(100, 110))
    shop.log, shop.held = [], [Begun("clicks", 1, 0)]
    await shop.past.check()
    shop.log = [0, 1]
    with pytest.raises(BatchClosing):
        await shop.try_batch(0, epoch=2)


async def test_it_is_noticed_also_after_clicks_had_come_again() -> None:
    shop = Losing()
    shop.log = list(range(100))
    await shop.try_batch(*range(50))
    await shop.try_batch(30, epoch=2)
    await shop.try_batch(*range(31, 60), epoch=2)
    shop.log = [0]
    with pytest.raises(BatchClosing):
        await shop.try_batch(0, epoch=2)


async def test_once_the_marks_are_those_of_the_new_log_it_goes_on() -> None:
    shop = Losing()
    await shop.try_batch(*range(100, 110))
    shop.log = [0, 1]
    with pytest.raises(BatchClosing):
        await shop.try_batch(0, 1)
    await shop.store.close()
    await shop.store.save([], [Mark("clicks-0", -1, 0)])
    assert outcomes(await shop.try_batch(0, 1)) == ["applied"] * 2
    assert await shop.store.marks() == {"clicks-0": 1}


async def test_an_idle_worker_learns_that_the_marks_are_those_of_a_new_log() -> None:
    shop = Losing()
    await shop.try_batch(*range(100, 110))
    shop.log, shop.held = [0], [Begun("clicks", 0, 110)]
    await shop.store.close()
    await shop.store.save([], [Mark("clicks-0", -1, 0)])
    await shop.past.check()
    shop.log = [0, 1]
    assert outcomes(await shop.try_batch(1)) == ["applied"]


async def test_a_store_behind_the_same_log_is_behind_and_the_log_is_asked_once() -> None:
    shop = Losing()
    shop.log = list(range(110))
    await shop.try_batch(*range(110))
    await shop.store.close()
    for _ in range(3):
        with pytest.raises(StoreBehind):
            await shop.past.check()
    assert shop.looks == 1
