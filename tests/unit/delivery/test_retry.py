from __future__ import annotations

import asyncio
import logging

import pytest

from streams.delivery import Backoff, BatchClosing, Retry
from streams.delivery.retry import pause
from streams.errors import DependencyDown
from tests.unit.delivery.conftest import Clock, Journal


class Store:
    """Down for the first `failures` calls."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise DependencyDown("store", "connection \x1b[31mrefused")
        return "value"


async def test_it_tries_until_it_works_and_says_down_and_up_once(
    retry: Retry, journal: Journal
) -> None:
    store = Store(failures=5)
    assert await retry.until_it_works("store", store, asyncio.Event()) == "value"
    assert store.calls == 6
    assert journal.said == ["down store", "up store"]
    assert journal.retries["store"] == 5
    assert not retry.anything_down


async def test_pauses_grow_to_the_cap(retry: Retry, clock: Clock) -> None:
    begun_s = clock.now_s
    await retry.until_it_works("store", Store(failures=7), asyncio.Event())
    # 0.1 + 0.2 + 0.4 + 0.8 + 1.6 and then twice the cap of 2 s; the jitter is at its largest.
    assert clock.now_s - begun_s == pytest.approx(7.1)


def test_jitter_is_full() -> None:
    assert Backoff(random=lambda: 0.0).pause_s(9) == 0.0
    assert Backoff(first_s=1.0, longest_s=8.0, random=lambda: 0.5).pause_s(3) == 2.0
    assert Backoff(longest_s=8.0, random=lambda: 1.0).pause_s(10_000) == 8.0


async def test_other_errors_pass_at_once(retry: Retry) -> None:
    async def call() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await retry.until_it_works("store", call, asyncio.Event())


async def test_a_set_event_ends_it_before_the_next_call(retry: Retry) -> None:
    closing = asyncio.Event()
    closing.set()
    store = Store(failures=0)
    with pytest.raises(BatchClosing):
        await retry.until_it_works("store", store, closing)
    assert store.calls == 0


async def test_an_outage_is_logged_now_and_then_without_control_characters(
    retry: Retry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await retry.until_it_works("store", Store(failures=40), asyncio.Event())
    # About 75 s of outage: at its start, every 10 s, and at its end.
    assert 7 <= len(caplog.messages) <= 10
    assert not any("\x1b" in message for message in caplog.messages)
    assert "answers again" in caplog.messages[-1]


async def test_a_pause_ends_early_when_the_batch_closes() -> None:
    closing = asyncio.Event()
    waiting = asyncio.ensure_future(pause(3600.0, closing))
    await asyncio.sleep(0)
    assert not waiting.done()
    closing.set()
    await asyncio.wait_for(waiting, 5)


async def test_a_pause_ends_by_itself() -> None:
    await asyncio.wait_for(pause(0.001, asyncio.Event()), 5)
