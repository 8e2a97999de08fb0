"""Exact nearest neighbours among some thousands of vectors.

Vectors lie as bfloat16 in blocks that numkong packs the way its matrix product wants them; a block
is packed again when a vector in it has changed. Rounding to bfloat16 moves a similarity by less
than .001. On a CPU with AVX-512 BF16 a query among 4,000 vectors of 256 costs about 27 us in a
batch, on one without it two to three times that; OpenBLAS needs 1.5 times as much, and much more
for batches of two to sixteen (tests/bench/bench_index.py).
"""

from __future__ import annotations

from typing import Any

import numkong
import numpy as np
from numpy.typing import NDArray

from streams.stores.top import GROUP, PAD, top_k

BLOCK_ROWS = 2048


class ExactTier:
    """Rows with their vectors: added and removed in microseconds, searched one by one.

    A row is a number the caller chose; rows lie dense, so the last one fills the place of one that
    was removed.
    """

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._blocks: list[_Block] = []
        self._rows = np.empty(0, dtype=np.int32)
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, row: int) -> bool:
        return row in self._places

    @property
    def memory_bytes(self) -> int:
        """Raw and packed blocks, and about 100 bytes a row for finding it."""
        return len(self._blocks) * BLOCK_ROWS * self._dim * 2 * 2 + 100 * len(self._places)

    def add(self, row: int, vector: NDArray[np.float16]) -> None:
        """Make `row` findable by `vector`, float16 [dim]. It must not be here already."""
        place = len(self._places)
        if place == len(self._blocks) * BLOCK_ROWS:
            self._blocks.append(_Block(self._dim))
            self._rows = np.resize(self._rows, len(self._blocks) * BLOCK_ROWS)
        self._blocks[place // BLOCK_ROWS].put(place % BLOCK_ROWS, vector)
        self._rows[place] = row
        self._places[row] = place

    def remove(self, row: int) -> None:
        """Forget `row`, which is here."""
        place = self._places.pop(row)
        last = len(self._places)
        if place != last:
            moved = int(self._rows[last])
            source, target = self._blocks[last // BLOCK_ROWS], self._blocks[place // BLOCK_ROWS]
            target.copy(place % BLOCK_ROWS, source, last % BLOCK_ROWS)
            self._rows[place] = moved
            self._places[moved] = place
        if last % BLOCK_ROWS == 0:
            self._blocks.pop()
        else:
            self._blocks[-1].packed = None

    def last(self, n: int) -> NDArray[np.int32]:
        """Up to `n` rows, those that are cheapest to remove."""
        size = len(self._places)
        return self._rows[max(size - n, 0) : size][::-1].copy()

    def search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows and similarities nearest to each query, best first, -1 where there are fewer.

        queries  float32 [q, dim], unit rows. Returns int32 [q, k'] and float32 [q, k'], k' <= k.
        """
        size = len(self._places)
        width = -(-size // GROUP) * GROUP
        found = np.empty((len(queries), width), dtype=np.float32)
        found[:, size:] = PAD
        narrow = numkong.astype(np.ascontiguousarray(queries), "bfloat16")
        for i, block in enumerate(self._blocks):
            start = i * BLOCK_ROWS
            used = min(size - start, BLOCK_ROWS)
            found[:, start : start + used] = numkong.dots_packed(narrow, block.pack(used))
        places, similarities = top_k(found, min(k, width))
        real = similarities > PAD / 2
        return np.where(real, self._rows[np.where(real, places, 0)], -1), similarities


class _Block:
    """BLOCK_ROWS vectors as bfloat16, and their packed form while it is up to date."""

    def __init__(self, dim: int) -> None:
        self._raw = np.zeros((BLOCK_ROWS, dim), dtype=np.uint16)
        self._tensor = numkong.from_pointer(
            self._raw.ctypes.data, self._raw.shape, "bfloat16", owner=self._raw
        )
        self.packed: numkong.PackedMatrix | None = None

    def put(self, place: int, vector: NDArray[np.float16]) -> None:
        numkong.astype(vector[None, :], "bfloat16", out=self._slice(place, place + 1))
        self.packed = None

    def copy(self, place: int, source: _Block, source_place: int) -> None:
        self._raw[place] = source._raw[source_place]
        self.packed = None

    def pack(self, used: int) -> numkong.PackedMatrix:
        """The first `used` vectors, packed; `used` changes only together with the vectors."""
        if self.packed is None:
            self.packed = numkong.dots_pack(self._slice(0, used))
        return self.packed

    def _slice(self, start: int, stop: int) -> Any:
        return self._tensor[start:stop]  # a Tensor; numkong types it as one or a number
