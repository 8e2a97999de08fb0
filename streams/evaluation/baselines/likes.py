"""Who liked what, as a graph that grows: steps of a walk on it are exact, and take no matrix.

A step looks at each edge of the users or items in question once, so at most at every like so far:
a few milliseconds for some hundred thousand. Memory: about 150 bytes a like, most of it the set of
the pairs that are known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import compiled

Numbers = NDArray[np.int32]
Weights = NDArray[np.float64]

_NONE = -1


class _Edges(NamedTuple):
    """Of each user and item its newest edge; of each edge its ends, and the one before at each."""

    user_heads: Numbers
    item_heads: Numbers
    users: Numbers
    items: Numbers
    user_next: Numbers
    item_next: Numbers


class Likes:
    """A bipartite graph of users and items; each pair counts once.

    most  edges there will be at most.
    """

    def __init__(self, users: int, items: int, most: int) -> None:
        self.user_counts = np.zeros(users, np.int32)
        self.item_counts = np.zeros(items, np.int32)
        self._edges = _Edges(
            user_heads=np.full(users, _NONE, np.int32),
            item_heads=np.full(items, _NONE, np.int32),
            users=np.empty(most, np.int32),
            items=np.empty(most, np.int32),
            user_next=np.empty(most, np.int32),
            item_next=np.empty(most, np.int32),
        )
        self._pairs: set[tuple[int, int]] = set()

    def add(self, user: int, item: int) -> bool:
        """She likes it; False if that was known."""
        if (user, item) in self._pairs:
            return False
        edge, edges = len(self._pairs), self._edges
        self._pairs.add((user, item))
        edges.users[edge], edges.items[edge] = user, item
        edges.user_next[edge], edges.user_heads[user] = edges.user_heads[user], edge
        edges.item_next[edge], edges.item_heads[item] = edges.item_heads[item], edge
        self.user_counts[user] += 1
        self.item_counts[item] += 1
        return True

    def of(self, user: int) -> Numbers:
        """What she likes, newest first: int32 [k]."""
        found = np.empty(self.user_counts[user], np.int32)
        edges = self._edges
        _follow(edges.user_heads[user], edges.user_next, edges.items, found)
        return found

    def step(self, items: Numbers, weights: Weights, shared: Weights, out: Weights) -> None:
        """Two steps, from items over their users to the items of those.

        out[i] = sum over users v who like i of shared[v] times the sum of weights[n] over those
        items[n] that v likes. `shared` is float64 [users], `out` float64 [items].
        """
        _there_and_back(items, weights, shared, out, self._edges)


@compiled
def _follow(edge: int, following: Numbers, ends: Numbers, out: Numbers) -> None:
    for n in range(len(out)):
        out[n] = ends[edge]
        edge = following[edge]


@compiled
def _there_and_back(
    items: Numbers, weights: Weights, shared: Weights, out: Weights, edges: _Edges
) -> None:
    held = np.zeros(len(edges.user_heads))
    reached = np.empty(len(edges.user_heads), np.int32)
    count = 0
    for n in range(len(items)):
        edge = edges.item_heads[items[n]]
        while edge >= 0:
            user = edges.users[edge]
            if held[user] == 0.0:
                reached[count] = user
                count += 1
            held[user] += weights[n]
            edge = edges.item_next[edge]
    out[:] = 0.0
    for n in range(count):
        user = reached[n]
        weight = held[user] * shared[user]
        edge = edges.user_heads[user]
        while edge >= 0:
            out[edges.items[edge]] += weight
            edge = edges.user_next[edge]
