"""The background of a recommender: what is popular and new, and the list for somebody unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from streams.agents.fallback import FallbackItems
from streams.agents.publishing import AnybodysList
from streams.delivery import BatchClosing, Message, Retry
from streams.errors import StoreBehind

EVERY_S = 1.0


class AnybodysAgent:
    """Refreshes the fallback items, and publishes the list under `*` when it changes.

    Every recommender needs the items; one at a time publishes the list: the one that owns
    partition 0 of the clicks, and knows where it stands (`in_charge`): only then does it notice a
    store that lost data. Two of them for a moment, at a rebalance, do no harm.

    deliver  publishes messages; returns when they are acknowledged.
    """

    def __init__(
        self,
        *,
        fallback: FallbackItems,
        anybodys: AnybodysList,
        topic: str,
        retry: Retry,
        deliver: Callable[[list[Message]], Awaitable[object]],
        in_charge: Callable[[], bool],
    ) -> None:
        self._fallback = fallback
        self._anybodys = anybodys
        self._topic = topic
        self._retry = retry
        self._deliver = deliver
        self._in_charge = in_charge

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set; BatchClosing if it is set while a dependency is down."""
        while not stopping.is_set():
            await self.step(stopping)
            await self._retry.pause(EVERY_S, stopping)

    async def step(self, stopping: asyncio.Event) -> None:
        """Once: refresh, and publish what changed."""
        in_charge = self._in_charge()
        await self._retry.until_it_works("redis", self._fallback.refresh, stopping)
        # The batch that found the store behind may have gone to another worker since.
        self._retry.worked(StoreBehind.DEPENDENCY)
        if not in_charge:
            return
        changed = self._anybodys.changed(self._fallback.current)
        if changed is not None:
            list_id, (key, value, headers) = changed
            try:
                await self._deliver([Message(self._topic, key, value, headers)])
            except BatchClosing:
                if stopping.is_set():
                    raise
                # Partition 0 was given out anew meanwhile: the next step sees to whom.
                return
            self._anybodys.published(list_id)
