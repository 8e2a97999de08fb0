"""How items look like what somebody liked: the learner's look at the pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.crowd import LEAST_NEARNESS, MOST_LATEST
from streams.core.learning.compiled import find, find_many, insert
from streams.stores.item_index import ItemIndex

Keys = NDArray[np.uint32]


class PictureLikeness:
    """Looks into an index by `item_key`. It follows the index as that grows."""

    def __init__(self, index: ItemIndex) -> None:
        self._index = index
        self._known = 0
        self._slots = np.full(1024, -1, np.int32)

    def __call__(self, hers: Keys, items: Keys) -> NDArray[np.float32]:
        """The cosine of each item with the nearest of hers, float32 [items].

        `LEAST_NEARNESS` at least, and where it is unknown. hers: keys, latest first. The same as
        where lists are made, since weights must fit what is served.
        """
        self._follow()
        cosines = np.full(len(items), LEAST_NEARNESS, np.float32)
        mine, numbers = self._numbers(hers[:MOST_LATEST]), self._numbers(items)
        mine, known = mine[mine >= 0], numbers >= 0
        if mine.size and known.any():
            vectors = self._index.vectors(numbers[known])
            cosines[known] = (vectors @ self._index.vectors(mine).T).max(axis=1)
        return np.maximum(cosines, LEAST_NEARNESS)

    def _numbers(self, keys: Keys) -> NDArray[np.int32]:
        """The numbers of items that have a vector, -1 for others."""
        state = self._index.state
        found = find_many(self._slots, state.table.keys, keys)
        first = state.rows.first
        there = (found >= 0) & (found < len(first))
        there[there] = first[found[there]] >= 0
        return np.where(there, found, np.int32(-1))

    def _follow(self) -> None:
        table = self._index.state.table
        size = len(table)
        if 2 * size > len(self._slots):
            self._slots = np.full(1 << (4 * size - 1).bit_length(), -1, np.int32)
            self._known = 0
        for number in range(self._known, size):
            # Of two items with one key the first is found.
            if find(self._slots, table.keys, table.keys[number]) < 0:
                insert(self._slots, table.keys, number)
        self._known = size
