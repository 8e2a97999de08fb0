"""What the learner told of each item of late, so that none is told more often than it may be."""

from __future__ import annotations

import time
from collections.abc import Callable


class Told:
    """Keys told within the last `every_s` seconds, when, and what. It ends with the process.

    Publication by the log's own times is one clock, and copies of an idle log go by another: this
    is what both know of each other.

    clock  monotonic, in seconds.
    """

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._told: dict[int, tuple[float, int]] = {}  # the latest last; values by their hash

    def __len__(self) -> int:
        return len(self._told)

    def note(self, key: int, value: bytes | None) -> None:
        """Everybody has this of the item."""
        now_s = self._clock()
        self._told.pop(key, None)
        self._told[key] = now_s, hash(value)
        while self._told:
            oldest = next(iter(self._told))
            if self._told[oldest][0] > now_s - self._every_s:
                break
            del self._told[oldest]

    def rests(self, key: int) -> bool:
        """Whether it is too early to tell of the item again."""
        found = self._told.get(key)
        return found is not None and found[0] > self._clock() - self._every_s

    def says(self, key: int, value: bytes | None) -> bool:
        """Whether the item rests, and this is what was told of it."""
        return self.rests(key) and self._told[key][1] == hash(value)

    def forget(self) -> None:
        """Somebody else may have told of it since."""
        self._told.clear()
