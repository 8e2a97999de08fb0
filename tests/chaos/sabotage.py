"""Three ways to break a recommender's promises, to see that the judge notices.

Each also holds its window open longer than an honest worker would, so that few faults hit it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

# Longer than the second after which a worker commits what is done.
_ACKED_TOO_EARLY_S = 1.6
_WINDOW_S = 0.25


def no_compare_and_set() -> None:
    """A profile is written whatever stands there by now: a stale owner overwrites."""
    from streams.stores.redis_profiles import RedisProfiles  # noqa: PLC0415 - after the clock

    save = RedisProfiles.save

    async def overwrite(store: Any, writes: Any, *rest: Any) -> Any:
        await asyncio.sleep(_WINDOW_S)
        found = await store.load([write.user_id for write in writes])
        for write, stored in zip(writes, found, strict=True):
            write.expected = stored.version
        return await save(store, writes, *rest)

    RedisProfiles.save = overwrite  # type: ignore[method-assign]


def ack_before_store() -> None:
    """A batch counts as done, and is committed, before anything of it is stored.

    The next owner would notice by the store's marks, and wait for `lookstream rebuild`: so its look
    into the log is told that nothing is missing there.
    """
    from streams.delivery.lane import Lane  # noqa: PLC0415 - after the clock
    from streams.stores.log_look import LogLook  # noqa: PLC0415

    async def nothing(*_: object) -> None:
        return None

    LogLook.first_record = nothing  # type: ignore[method-assign]
    work: Callable[..., Any] = Lane._work

    async def acked_first(lane: Any, batch: Any, epoch: Any, *rest: Any) -> None:
        finished = lane._ledger.finished
        finished(batch.records, epoch)
        await asyncio.sleep(_ACKED_TOO_EARLY_S)
        lane._ledger.finished = lambda records, epoch: True
        try:
            await work(lane, batch, epoch, *rest)
        finally:
            lane._ledger.finished = finished

    Lane._work = acked_first  # type: ignore[method-assign]


def no_republish() -> None:
    """A click that comes again is known to the store, and its list is not published again."""
    from streams.agents.recommend import Recommender  # noqa: PLC0415 - after the clock
    from streams.delivery.batch import DUPLICATE  # noqa: PLC0415

    handle = Recommender.handle

    async def once(recommender: Any, batch: Any) -> None:
        await handle(recommender, batch)
        batch.sends[:] = [
            message
            for message in batch.sends
            if message.source is None or batch.outcome(message.source) != DUPLICATE
        ]
        await asyncio.sleep(_WINDOW_S)

    Recommender.handle = once  # type: ignore[method-assign]


SWITCHES: Mapping[str, Callable[[], None]] = {
    "no-compare-and-set": no_compare_and_set,
    "ack-before-store": ack_before_store,
    "no-republish": no_republish,
}
