"""What each user did so far, as growing arrays that compiled code can read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Items = NDArray[np.int32]

_NOTHING: Items = np.empty(0, np.int32)


class Histories:
    """One sequence of items for each user, oldest first. 4 to 8 bytes an entry."""

    def __init__(self) -> None:
        self._items: dict[int, Items] = {}
        self._lengths: dict[int, int] = {}

    def of(self, user: int) -> Items:
        """Her items, oldest first: a view, true until the next `add`."""
        return self._items.get(user, _NOTHING)[: self._lengths.get(user, 0)]

    def add(self, user: int, item: int) -> None:
        """Append `item` to hers."""
        length = self._lengths.get(user, 0)
        items = self._items.get(user)
        if items is None or length == len(items):
            grown = np.empty(max(8, 2 * length), np.int32)
            grown[:length] = self.of(user)
            items = self._items[user] = grown
        items[length] = item
        self._lengths[user] = length + 1
