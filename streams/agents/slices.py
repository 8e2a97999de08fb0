"""Work in slices, so that the event loop is never held for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Slices:
    """Gives the event loop a turn whenever `longest_s` seconds have passed since the last one here.

    Heartbeats, the consumer and the metrics page live in the same loop as the agents: CPU work
    that goes on for long must let them in.
    """

    def __init__(
        self, longest_s: float = 0.006, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._since_s = clock()

    async def breathe(self) -> None:
        """Yield to the loop if the last time is long enough ago. Call it between pieces of work."""
        if self._clock() - self._since_s >= self._longest_s:
            await asyncio.sleep(0)
            self._since_s = self._clock()
