"""Vectors of the items' pictures: from a file, or made of a folder by the model in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.log import Log


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
