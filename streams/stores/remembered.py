"""Searches remembered: an interest that did not move has the neighbours it had.

A click moves one of a user's interests. The others are asked for again, bit for bit the same, with
every list of hers, and searching is the dearest part of a list. So what a search found is kept by
its query, with the index's count of changes at that moment; what has become findable since is
compared with the query directly, and if that is much, the search is made again. What has gone
since is still in the answer: whoever makes a list leaves out what is not available now, as it must
anyway.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
Vectors = NDArray[np.float32]

_MOST_CHANGES = 64
"""With more changes than this since it was made, a search is made again."""

_STEPS = np.float32(2**14)

NONE = -1


class Searchable(Protocol):
    """What is asked of the item index."""

    @property
    def changes(self) -> int:
        """How many times an item became findable by a vector it was not findable by before."""
        ...

    def changed_since(self, changes: int) -> Sequence[int] | None:
        """The items of the changes after that count; None where that is no longer known."""
        ...

    def available(self, numbers: Numbers) -> NDArray[np.bool_]: ...
    def views(self, number: int) -> Vectors: ...
    def search(self, queries: Vectors, k: int) -> tuple[Numbers, Vectors]: ...


class _Found(NamedTuple):
    changes: int
    numbers: Numbers
    similarities: Vectors


class RememberedSearches:
    """Answers `search` as the index does, from memory where it can.

    most  searches remembered; the one not asked for longest goes first. Each takes about 1.2 kB at
          256 components and 50 neighbours, most of it the query.
    """

    def __init__(self, index: Searchable, most: int) -> None:
        self._index = index
        self._most = most
        self._found: OrderedDict[bytes, _Found] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def search(self, queries: Vectors, k: int) -> tuple[Numbers, Vectors]:
        """The `k` items nearest to each query and their cosines, best first, as ItemIndex.search.

        queries  float32 [q, dim], unit rows. Rows that are equal to 2**-14 in every component, in
                 which interests are stored, are the same query.
        Returns int32 [q, k] and float32 [q, k]; -1 and -inf pad.
        """
        numbers = np.full((len(queries), k), NONE, np.int32)
        similarities = np.full((len(queries), k), -np.inf, np.float32)
        keys = [row.tobytes() for row in np.rint(queries * _STEPS).astype(np.int16)]
        missing: list[int] = []
        now = self._index.changes
        for at, key in enumerate(keys):
            found = self._found.get(key)
            if found is not None and len(found.numbers) == k:
                if found.changes != now:
                    found = self._brought_up_to_date(queries[at], found, k)
                if found is not None:
                    self._remember(key, found)
                    numbers[at] = found.numbers
                    similarities[at] = found.similarities
                    continue
            missing.append(at)
        if missing:
            fresh = self._index.search(queries[missing], k)
            numbers[missing], similarities[missing] = fresh
            for at, some, cosines in zip(missing, *fresh, strict=True):
                self._remember(keys[at], _Found(now, some.copy(), cosines.copy()))
        return numbers, similarities

    def _remember(self, key: bytes, found: _Found) -> None:
        self._found[key] = found
        self._found.move_to_end(key)
        if len(self._found) > self._most:
            self._found.popitem(last=False)

    def _brought_up_to_date(self, query: Vectors, found: _Found, k: int) -> _Found | None:
        changed = self._index.changed_since(found.changes)
        if changed is None or len(changed) > _MOST_CHANGES:
            return None
        touched = np.unique(np.array(changed, np.int32))
        fresh = touched[self._index.available(touched)]
        cosines = np.array(
            [(self._index.views(number) @ query).max() for number in fresh.tolist()], np.float32
        )
        # What is farther than the last of the nearest may have others before it: left out, as
        # they are, until the search is made again.
        near = cosines >= found.similarities[-1]
        still = ~np.isin(found.numbers, touched)
        numbers = np.concatenate([found.numbers[still], fresh[near]])
        similarities = np.concatenate([found.similarities[still], cosines[near]])
        best = np.argsort(-similarities, kind="stable")[:k]
        pads = k - len(best)
        return _Found(
            self._index.changes,
            np.pad(numbers[best], (0, pads), constant_values=NONE),
            np.pad(similarities[best], (0, pads), constant_values=-np.inf),
        )
