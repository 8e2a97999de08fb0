from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from streams.delivery.buffer import Buffer, Limits, size_of
from tests.unit.delivery.conftest import record, records


async def test_an_idle_agent_is_woken_by_the_first_record() -> None:
    buffer = Buffer(Limits())
    taking = asyncio.ensure_future(buffer.take())
    await asyncio.sleep(0)
    assert not taking.done()
    buffer.put(0, given := records(1))
    assert await taking == given


async def test_a_busy_agent_takes_all_that_piled_up() -> None:
    buffer = Buffer(Limits(max_events=100))
    for n in range(5):
        buffer.put(0, records(3, first=3 * n))
    assert len(await buffer.take()) == 15
    assert (buffer.count, buffer.size_bytes) == (0, 0)


async def test_a_batch_has_at_most_so_many_records_and_keeps_their_order() -> None:
    buffer = Buffer(Limits(max_events=4))
    buffer.put(0, records(10))
    taken = [r.offset for _ in range(3) for r in await buffer.take()]
    assert taken == list(range(10))


async def test_a_batch_has_at_most_so_many_bytes_but_at_least_one_record() -> None:
    size = size_of(record(0, value=b"x" * 1000))
    buffer = Buffer(Limits(max_bytes=2 * size + 1))
    buffer.put(0, records(5, value=b"x" * 1000))
    assert [len(await buffer.take()) for _ in range(3)] == [2, 2, 1]
    assert buffer.size_bytes == 0
    buffer.put(0, [record(9, value=b"x" * 10_000)])
    assert len(await buffer.take()) == 1


async def test_partitions_share_a_batch() -> None:
    buffer = Buffer(Limits(max_events=12))
    buffer.put(0, records(100))
    buffer.put(1, records(2, partition=1))
    buffer.put(2, records(100, partition=2))
    shares = Counter(r.partition for r in await buffer.take())
    assert shares == {0: 4, 1: 2, 2: 6}


async def test_partitions_take_turns_in_beginning() -> None:
    buffer = Buffer(Limits(max_events=1))
    for partition in range(3):
        buffer.put(partition, records(2, partition=partition))
    taken = [(await buffer.take())[0].partition for _ in range(6)]
    assert taken == [0, 1, 2, 0, 1, 2]


async def test_order_within_a_partition_holds_over_many_batches() -> None:
    buffer = Buffer(Limits(max_events=7))
    seen: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for n in range(20):
        for partition in range(3):
            buffer.put(partition, records(partition + 1, partition=partition, first=10 * n))
        for each in await buffer.take():
            seen[each.partition].append(each.offset)
    while buffer.count:
        for each in await buffer.take():
            seen[each.partition].append(each.offset)
    assert all(offsets == sorted(offsets) for offsets in seen.values())
    assert [len(offsets) for offsets in seen.values()] == [20, 40, 60]


async def test_a_batch_that_is_not_full_lingers_for_more() -> None:
    buffer = Buffer(Limits(max_events=3, linger_s=3600))
    taking = asyncio.ensure_future(buffer.take())
    buffer.put(0, records(2))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not taking.done()
    buffer.put(0, records(1, first=2))
    assert len(await asyncio.wait_for(taking, 5)) == 3


async def test_lingering_ends_by_itself() -> None:
    buffer = Buffer(Limits(linger_s=0.001))
    buffer.put(0, records(1))
    assert len(await asyncio.wait_for(buffer.take(), 5)) == 1


async def test_there_is_no_room_when_it_is_full_by_count() -> None:
    buffer = Buffer(Limits(max_events=2, waiting=3))
    assert buffer.room() == 6
    buffer.put(0, records(5))
    assert buffer.room() == 1
    buffer.put(0, records(10, first=5))
    assert buffer.room() == 0
    await buffer.take()
    assert buffer.count == 13


async def test_there_is_no_room_when_it_is_full_by_bytes() -> None:
    size = size_of(record(0, value=b"x" * 1000))
    buffer = Buffer(Limits(max_events=1000, max_bytes=2 * size, waiting=2))
    buffer.put(0, records(1, value=b"x" * 1000))
    # Records to come are likely as large: three more fit, and one that is over.
    assert buffer.room() == 4
    buffer.put(0, records(3, value=b"x" * 1000, first=1))
    assert buffer.room() == 0


async def test_room_wakes_the_one_who_waits_for_it() -> None:
    buffer = Buffer(Limits(max_events=1))
    buffer.put(0, records(3))
    waiting = asyncio.ensure_future(buffer.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await buffer.take()
    await asyncio.wait_for(waiting, 5)


async def test_dropping_makes_room_and_leaves_nothing_to_take() -> None:
    buffer = Buffer(Limits(max_events=1))
    buffer.put(0, records(3))
    waiting = asyncio.ensure_future(buffer.wait_for_room())
    await asyncio.sleep(0)
    buffer.clear()
    await asyncio.wait_for(waiting, 5)
    assert (buffer.count, buffer.size_bytes, buffer.waiting(0)) == (0, 0, 0)
    taking = asyncio.ensure_future(buffer.take())
    await asyncio.sleep(0)
    assert not taking.done()
    taking.cancel()


async def test_a_partition_with_more_than_its_share_is_greedy_once_it_is_half_full() -> None:
    buffer = Buffer(Limits(max_events=10, waiting=2))
    buffer.put(0, records(9))
    assert not buffer.greedy(0, 4)
    buffer.put(0, records(1, first=9))
    assert buffer.greedy(0, 4)
    assert not buffer.greedy(1, 4)


@pytest.mark.parametrize("bad", [{"max_events": 0}, {"max_bytes": 0}, {"linger_s": -1.0}])
def test_limits_must_make_sense(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="positive limits"):
        Limits(**bad)
