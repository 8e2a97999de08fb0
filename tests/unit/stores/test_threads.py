from __future__ import annotations

import asyncio
import threading

import pytest

from streams.stores.threads import in_thread


async def test_it_gives_what_the_call_gives() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


async def test_a_cancelled_waiter_still_waits_for_the_call() -> None:
    entered, leave = threading.Event(), threading.Event()
    ended = False

    def work() -> None:
        nonlocal ended
        entered.set()
        leave.wait(10)
        ended = True

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(entered.wait, 10)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=0)
    assert not done
    leave.set()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert ended
