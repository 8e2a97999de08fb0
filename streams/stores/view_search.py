"""Nearest rows: exact while there are few, through a graph where there are many.

A new vector always goes to the exact tier, where it is found at once. Beyond EXACT_ROWS a graph is
begun, and `tend` moves vectors over to it whenever there is time; until it has, a search asks both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streams.stores.exact_tier import ExactTier
from streams.stores.graph_tier import GraphTier

# Where the exact tier's cost of a query passes the graph's (tests/bench/bench_index.py).
EXACT_ROWS = 8_192

_MOVED_AT_ONCE = 4
_QUERIES_AT_ONCE = 64  # keeps the matrix of similarities in the cache


class ViewSearch:
    """The rows that may be found. `vectors` is the matrix they point into, float16 [rows, dim]."""

    def __init__(self, vectors: NDArray[np.float16], exact_rows: int = EXACT_ROWS) -> None:
        self._vectors = vectors
        self._dim = vectors.shape[1]
        self._exact_rows = exact_rows
        self._exact = ExactTier(self._dim)
        self.graph: GraphTier | None = None

    def __len__(self) -> int:
        return len(self._exact) + (0 if self.graph is None else len(self.graph))

    @property
    def memory_bytes(self) -> int:
        graph = self.graph
        return self._exact.memory_bytes + (0 if graph is None else graph.memory_bytes)

    @property
    def waiting(self) -> int:
        """Rows that `tend` would move to the graph."""
        graph = self.graph
        if graph is None:
            return len(self._exact) if len(self._exact) > self._exact_rows else 0
        return 0 if graph.frozen else len(self._exact)

    def add(self, row: int) -> None:
        """Let `row` be found, from now on; its vector stands in the matrix already."""
        self._exact.add(row, self._vectors[row])

    def remove(self, row: int) -> None:
        """Let `row` be found no more, before its vector changes or goes."""
        if row in self._exact:
            self._exact.remove(row)
        elif self.graph is not None and row in self.graph:
            self.graph.remove(row)

    def in_graph(self, row: int) -> bool:
        return self.graph is not None and row in self.graph

    def tend(self, budget_s: float, clock: Callable[[], float] = time.perf_counter) -> bool:
        """Move rows to the graph for about `budget_s` seconds. True: there are more to move."""
        if not self.waiting:
            return False
        if self.graph is None:
            self.graph = GraphTier(self._dim)
        end_s = clock() + budget_s
        while self.waiting and clock() < end_s:
            rows = self._exact.last(_MOVED_AT_ONCE)
            self.graph.add(rows, self._vectors[rows].astype(np.float32))
            for row in rows.tolist():
                self._exact.remove(row)
        return self.waiting > 0

    def load_graph(self, path: Path, rows: NDArray[np.int32]) -> None:
        """Read a graph with just these rows; in any thread, while nobody changes or asks this.

        Raises GraphUnreadable.
        """
        graph = GraphTier(self._dim)
        graph.load(path, rows)
        self.graph = graph

    def search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows nearest to each query, best first, and cosines; padded with -1 and -inf.

        queries  float32 [q, dim], unit rows. Returns int32 [q, k] and float32 [q, k].
        """
        rows = np.full((len(queries), k), -1, dtype=np.int32)
        similarities = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            some = slice(start, start + _QUERIES_AT_ONCE)
            found = [tier.search(queries[some], k) for tier in self._tiers()]
            if not found:
                continue
            near, cosines = found[0] if len(found) == 1 else _merged(found, k)
            rows[some, : near.shape[1]] = near
            similarities[some, : near.shape[1]] = np.where(near < 0, -np.inf, cosines)
        return rows, similarities

    def _tiers(self) -> list[ExactTier | GraphTier]:
        return [tier for tier in (self._exact, self.graph) if tier]


def _merged(
    found: list[tuple[NDArray[np.int32], NDArray[np.float32]]], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    rows = np.concatenate([each for each, _ in found], axis=1)
    similarities = np.concatenate([each for _, each in found], axis=1)
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(similarities, order, 1)
