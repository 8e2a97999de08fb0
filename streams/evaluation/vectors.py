"""Vectors of the items' pictures: from a file, or made of a folder by the model in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.log import Log

_LEAST_LENGTH = 1e-9
_LEAST_SPREAD = 1e-6
"""Mean square distance from the mean, below which float32 tells no directions apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """What the items look like. Rows belong together."""

    model_id: str
    ids: list[str]
    vectors: NDArray[np.float32]
    """float32 [n, dim], unit rows."""
    hashes: NDArray[np.uint64]
    """Perceptual hashes; 0 where there is none."""

    def by_item(self, log: Log) -> ItemPictures:
        """The same by the log's numbers of the items."""
        row = {item_id: n for n, item_id in enumerate(self.ids)}
        rows = np.array([row.get(item_id, -1) for item_id in log.item_ids], np.int64)
        has = rows >= 0
        vectors = np.zeros((len(rows), self.vectors.shape[1]), np.float32)
        vectors[has] = self.vectors[rows[has]]
        hashes = np.zeros(len(rows), np.uint64)
        hashes[has] = self.hashes[rows[has]]
        return ItemPictures(self.model_id, vectors, has, hashes)


@dataclass(frozen=True, slots=True, eq=False)
class ItemPictures:
    """By item number: `vectors` float32 [items, dim] and `hashes` mean something where `has`."""

    model_id: str
    vectors: NDArray[np.float32]
    has: NDArray[np.bool_]
    hashes: NDArray[np.uint64]


def make_unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Make rows unit vectors, in place; the lengths they had.

    vectors: float32 [n, dim]; gives float64 [n]. A row shorter than 1e-9, or with a value that is
    not finite, which its length then isn't either, becomes zero.
    """
    lengths: NDArray[np.float64] = np.sqrt(
        np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    )
    real = np.isfinite(lengths) & (lengths > _LEAST_LENGTH)
    np.divide(vectors, lengths[:, None], out=vectors, where=real[:, None])
    vectors[~real] = 0.0
    return lengths


def centre(vectors: NDArray[np.float32]) -> bool:
    """Take the mean of all off unit rows, in place, and make them unit vectors again.

    Features of a network share one direction, which says nothing, and drowns the others: all look
    alike. False where nothing else is in them, because all rows are the same; then nothing is done.

    vectors: float32 [n, dim], n at least 1.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    if float(mean @ mean) > 1.0 - _LEAST_SPREAD:
        return False
    vectors -= mean.astype(np.float32)
    make_unit(vectors)
    return True
