"""Profiles in this process's memory: for tests, and for a demo without a store."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

from streams.errors import StoreBehind
from streams.stores.profiles import ABSENT, NO_MARK, Mark, Stored, Write, add_log2


class MemoryProfiles:
    """The contract of `ProfileStore`, in one process, gone with it.

    max_profiles  beyond it, the profile that was written longest ago is forgotten.
    max_popular   items whose popularity is kept; the least popular are forgotten.
    """

    def __init__(self, *, max_profiles: int = 1_000_000, max_popular: int = 10_000) -> None:
        self._max_profiles = max_profiles
        self._max_popular = max_popular
        self._profiles: OrderedDict[str, tuple[bytes, bytes]] = OrderedDict()
        self._popularity: dict[str, float] = {}
        self._marks: dict[str, int] = {}

    async def start(self) -> None:
        """Nothing can be wrong with it."""

    async def load(self, user_ids: Sequence[str]) -> list[Stored]:
        return [Stored(*self._profiles.get(user_id, (ABSENT, None))) for user_id in user_ids]

    async def save(self, writes: Sequence[Write], marks: Sequence[Mark] = ()) -> list[bool]:
        for mark in marks:
            stored = self._marks.get(mark.source, NO_MARK)
            if stored < mark.known:
                raise StoreBehind(mark.source, stored, mark.known)
        saved = [self._save(write) for write in writes]
        if all(saved):
            for mark in marks:
                self._marks[mark.source] = max(mark.new, self._marks.get(mark.source, NO_MARK))
        return saved

    async def marks(self) -> dict[str, int]:
        return dict(self._marks)

    async def popular(self, n: int) -> list[tuple[str, float]]:
        return self._ranked()[: max(n, 0)]

    async def ping(self) -> None:
        """It answers."""

    async def close(self) -> None:
        self._profiles.clear()
        self._popularity.clear()
        self._marks.clear()

    def _save(self, write: Write) -> bool:
        for _, weight in write.increments:
            if not math.isfinite(weight):
                raise ValueError(f"an increment must be a finite log2 weight, not {weight}")
        version, _ = self._profiles.get(write.user_id, (ABSENT, None))
        if version == write.version:
            return True
        if version != write.expected:
            return False
        self._profiles[write.user_id] = (write.version, write.value)
        self._profiles.move_to_end(write.user_id)
        if len(self._profiles) > self._max_profiles:
            self._profiles.popitem(last=False)
        for item_id, weight in write.increments:
            old = self._popularity.get(item_id)
            self._popularity[item_id] = weight if old is None else add_log2(old, weight)
        self._trim()
        return True

    def _ranked(self) -> list[tuple[str, float]]:
        """Best first; equal weights in reverse order of the ids' bytes, as Redis has it."""
        return sorted(self._popularity.items(), key=lambda e: (e[1], e[0].encode()), reverse=True)

    def _trim(self) -> None:
        if len(self._popularity) > self._max_popular * 1.1:
            self._popularity = dict(self._ranked()[: self._max_popular])
