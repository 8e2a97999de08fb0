"""Approximate nearest neighbours among many vectors: an HNSW graph (usearch).

Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical
Navigable Small World graphs", 2018. Adding costs some tenths of a millisecond, so new vectors wait
in the exact tier until there is time for them.

While the graph is being written to disk it is *frozen*: nothing is added, and what is removed is
only left out of the answers, so that another thread can read the graph meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index, Matches

# Measured (docs/decisions/item-index.md): bfloat16 costs 0.4 of what float16 does on a CPU with
# AVX-512 BF16 and finds the same; int8 finds less. Below an expansion of 80 some queries near a
# small group of items far from all others find none of them.
CONNECTIVITY = 16
EXPANSION_ADD = 128
EXPANSION_SEARCH = 80


class GraphUnreadable(Exception):
    """A graph on disk is not what it should be."""


class GraphTier:
    """Rows with their vectors, found through the graph. Removing is cheap, adding is not."""

    def __init__(self, dim: int) -> None:
        self._index = Index(
            ndim=dim,
            metric="ip",
            dtype="bf16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        self._rows: set[int] = set()
        self._removed: set[int] = set()
        self._frozen = False

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row: int) -> bool:
        return row in self._rows

    @property
    def memory_bytes(self) -> int:
        return int(self._index.memory_usage) + 60 * len(self._rows)

    @property
    def frozen(self) -> bool:
        return self._frozen

    def add(self, rows: NDArray[np.int32], vectors: NDArray[np.float32]) -> None:
        """Make `rows` [n] findable by `vectors`, float32 [n, dim]. None may be here already."""
        if self._frozen:
            raise RuntimeError("a frozen graph takes no vectors")
        self._index.add(rows.astype(np.uint64), vectors, threads=1)
        self._rows.update(rows.tolist())

    def remove(self, row: int) -> None:
        """Forget `row`, which is here."""
        self._rows.remove(row)
        if self._frozen:
            self._removed.add(row)
        else:
            self._index.remove(row)

    def search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows and similarities near each query, best first, -1 where fewer were found.

        queries  float32 [q, dim], unit rows. Returns int32 [q, k] and float32 [q, k].
        """
        wanted = k + min(len(self._removed), k)
        rows = np.full((len(queries), wanted), -1, dtype=np.int32)
        similarities = np.full(rows.shape, -np.inf, dtype=np.float32)
        found: Any = self._index.search(np.ascontiguousarray(queries), wanted, threads=1)
        if isinstance(found, Matches):  # that is how it answers a single query
            rows[0, : len(found)] = found.keys
            similarities[0, : len(found)] = 1.0 - found.distances
            missing = rows < 0
        else:
            rows[:] = found.keys
            similarities[:] = 1.0 - found.distances
            missing = np.arange(wanted) >= found.counts[:, None]
        if self._removed:
            missing |= np.isin(rows, np.fromiter(self._removed, dtype=np.int32))
        rows[missing] = -1
        similarities[missing] = -np.inf
        if self._removed:
            order = np.argsort(missing, axis=1, kind="stable")[:, :k]
            return np.take_along_axis(rows, order, 1), np.take_along_axis(similarities, order, 1)
        return rows, similarities

    @contextlib.contextmanager
    def freeze(self) -> Iterator[None]:
        """Within it the graph on disk and the graph in memory can't drift apart."""
        if self._frozen:
            raise RuntimeError("the graph is being written already")
        self._frozen = True
        try:
            yield
        finally:
            self._frozen = False
            for row in self._removed:
                self._index.remove(row)
            self._removed.clear()

    def save(self, path: Path) -> None:
        """Write the graph; in any thread, but only while frozen."""
        if not self._frozen:
            raise RuntimeError("freeze the graph before saving it")
        self._index.save(str(path))

    def load(self, path: Path, keep: NDArray[np.int32]) -> None:
        """Read what `save` wrote, and forget all rows but `keep`. Raises GraphUnreadable."""
        dim = self._index.ndim
        try:
            self._index.load(str(path))
        except RuntimeError as error:
            raise GraphUnreadable(f"usearch can't read it: {error}") from error
        if self._index.ndim != dim:
            raise GraphUnreadable(f"its vectors have {self._index.ndim} components, not {dim}")
        there = set(np.asarray(self._index.keys, dtype=np.int64).tolist())
        self._rows = set(keep.tolist())
        if not self._rows <= there:
            raise GraphUnreadable(f"it lacks {len(self._rows - there)} rows")
        for row in there - self._rows:
            self._index.remove(row)
