"""Waiting for a condition, with a deadline. The only place in the tests that sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


def wait_until(
    condition: Callable[[], T], deadline_s: float, what: str, *, poll_s: float = POLL_S
) -> T:
    """Ask again and again until `condition()` is true; its value. Fails, naming `what`.

    `condition` itself fails the test at once by raising.
    """
    end_s = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end_s:
            raise AssertionError(f"not within {deadline_s:g} s: {what} (last seen: {value!r:.500})")
        time.sleep(poll_s)


async def wait_until_async(
    condition: Callable[[], T | Awaitable[T]],
    deadline_s: float,
    what: str,
    *,
    poll_s: float = POLL_S,
) -> T:
    """The same inside an event loop; `condition` may be a coroutine function."""
    end_s = time.monotonic() + deadline_s
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() >= end_s:
            raise AssertionError(f"not within {deadline_s:g} s: {what} (last seen: {value!r:.500})")
        await asyncio.sleep(poll_s)
