"""Dense item x item matrices: compiled loops over whole rows, for catalogues that are not large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import compiled

Matrix = NDArray[np.float32]
Weights = NDArray[np.float64]

MOST_ITEMS = 16_384
"""1 GiB a matrix at the most; memory is taken only as its pages are written to."""


def matrix(items: int) -> Matrix:
    """float32 [items, items] of zeros."""
    return np.zeros((items, items), np.float32)


@compiled
def add_pairs(pairs: Matrix, item: int, others: NDArray[np.int32], weights: Weights) -> None:
    """Add weights[n] to the pair of `item` and others[n], both ways round."""
    for n in range(len(others)):
        pairs[item, others[n]] += weights[n]
        pairs[others[n], item] += weights[n]


@compiled
def sum_rows(pairs: Matrix, rows: NDArray[np.int32], weights: Weights, out: Weights) -> None:
    """out = sum over n of weights[n] pairs[rows[n]]."""
    out[:] = 0.0
    for n in range(len(rows)):
        weight = weights[n]
        row = pairs[rows[n]]
        for item in range(len(out)):
            out[item] += weight * row[item]
