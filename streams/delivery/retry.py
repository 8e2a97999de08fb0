"""Retry in place: wait for a dependency that is down, loudly, until it works or we must let go."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from streams.delivery.observer import NoObserver, Observer
from streams.errors import DependencyDown
from streams.text import printable

logger = logging.getLogger(__name__)
T = TypeVar("T")

Pause = Callable[[float, asyncio.Event], Awaitable[None]]


class BatchClosing(Exception):
    """The batch must end now, unfinished: its records will come again. Let it pass through."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Capped exponential backoff with full jitter.

    After Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): the n-th pause
    is uniform in [0, min(longest_s, first_s * 2**n)).
    """

    first_s: float = 0.1
    longest_s: float = 2.0
    random: Callable[[], float] = random.random

    def pause_s(self, failures: int) -> float:
        """How long to wait after the `failures`-th failure in a row (1, 2, …)."""
        cap_s = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return cap_s * self.random()


async def pause(seconds: float, closing: asyncio.Event) -> None:
    """Wait `seconds`, or less if `closing` is set meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await closing.wait()
    except TimeoutError:
        return


@dataclass(slots=True)
class _Outage:
    since_s: float
    said_s: float
    failures: int = 0


@dataclass(slots=True)
class Retry:
    """Calls again and again. One instance knows the state of a worker's dependencies.

    A call that fails with DependencyDown is made again after a pause. The first failure and then
    one every `say_every_s` is logged; the observer hears of every retry, and once when the
    dependency went down and when it is up again.
    """

    observer: Observer = field(default_factory=NoObserver)
    backoff: Backoff = field(default_factory=Backoff)
    clock: Callable[[], float] = time.monotonic
    pause: Pause = pause
    say_every_s: float = 10.0
    _outages: dict[str, _Outage] = field(default_factory=dict)

    async def until_it_works(
        self, dependency: str, call: Callable[[], Awaitable[T]], closing: asyncio.Event
    ) -> T:
        """The first result of `call()` that is not DependencyDown; BatchClosing when `closing`."""
        failures = 0
        failed = {dependency}
        while True:
            if closing.is_set():
                raise BatchClosing(f"gave up on {dependency}")
            try:
                result = await call()
            except DependencyDown as down:
                failures += 1
                if down.dependency not in failed:
                    # It answers, and says that something behind it doesn't.
                    self.worked(dependency)
                failed.add(down.dependency)
                self.failed(down.dependency, down.detail, down.summary)
                self.observer.retry(down.dependency)
                await self.pause(self.backoff.pause_s(failures), closing)
            else:
                if self._outages:
                    for each in failed:
                        self.worked(each)
                return result

    def failed(self, dependency: str, detail: str, summary: str = DependencyDown.summary) -> None:
        """Note a failure, and say so if it is the first or the last word was long ago."""
        now_s = self.clock()
        outage = self._outages.get(dependency)
        if outage is None:
            outage = self._outages[dependency] = _Outage(now_s, now_s)
            self.observer.dependency_down(dependency, printable(detail, 400))
        elif now_s - outage.said_s < self.say_every_s:
            outage.failures += 1
            return
        outage.failures += 1
        outage.said_s = now_s
        logger.warning(
            "%s %s (%s), for %.0f s now, %d failures: trying again, nothing is lost",
            dependency,
            summary,
            printable(detail, 400),
            now_s - outage.since_s,
            outage.failures,
        )

    def worked(self, dependency: str) -> None:
        """Note a success: an outage of this dependency, if any, is over."""
        outage = self._outages.pop(dependency, None)
        if outage is not None:
            self.observer.dependency_up(dependency)
            logger.warning(
                "%s answers again, after %.1f s", dependency, self.clock() - outage.since_s
            )

    def is_down(self, dependency: str) -> bool:
        """Whether this one is down as far as the last call to it tells."""
        return dependency in self._outages

    @property
    def anything_down(self) -> bool:
        """Whether some dependency is down as far as the last call to it tells."""
        return bool(self._outages)
