"""The newest items, kept in order as items come and go."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
from numpy.typing import NDArray

KEEP = 1024
_Entry = tuple[int, int, int]  # -ms, item key, number: sorts newest first


class Newest:
    """The newest KEEP items or more, out of all that were added and not removed.

    Equal times are ordered by item key, which is the same in every process. When so many were
    removed that the kept ones don't suffice, `rebuild` must be asked: see `has`.
    """

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._complete = True

    def has(self, n: int) -> bool:
        """Whether `first(n)` is right."""
        return self._complete or n <= len(self._entries)

    def first(self, n: int) -> NDArray[np.int32]:
        """Numbers of the newest `n` items, or of all if there are fewer."""
        return np.array([number for _, _, number in self._entries[:n]], dtype=np.int32)

    def add(self, at_ms: int, key: int, number: int) -> None:
        entry = (-at_ms, key, number)
        if not self._complete and (not self._entries or entry > self._entries[-1]):
            return
        insort(self._entries, entry)
        if len(self._entries) > 2 * KEEP:
            del self._entries[KEEP:]
            self._complete = False

    def remove(self, at_ms: int, key: int, number: int) -> None:
        entry = (-at_ms, key, number)
        at = bisect_left(self._entries, entry)
        if at < len(self._entries) and self._entries[at] == entry:
            del self._entries[at]

    def rebuild(
        self,
        n: int,
        at_ms: NDArray[np.int64],
        keys: NDArray[np.uint32],
        numbers: NDArray[np.int32],
    ) -> None:
        """Start again from all items there are: so many that `has(n)`."""
        keep = max(n, KEEP)
        self._complete = len(numbers) <= keep
        if not self._complete:
            # Whoever is as old as the last one kept stays in until the order is known.
            oldest = -np.partition(-at_ms, keep - 1)[keep - 1]
            near = at_ms >= oldest
            at_ms, keys, numbers = at_ms[near], keys[near], numbers[near]
        order = np.lexsort((numbers, keys, -at_ms))[:keep]
        self._entries = [(-int(at_ms[i]), int(keys[i]), int(numbers[i])) for i in order]
