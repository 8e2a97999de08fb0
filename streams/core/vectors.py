"""Arithmetic on unit vectors whose last bit is the same everywhere.

Sums are numpy's own pairwise ones over products rounded to float32, not BLAS: BLAS gives other
last bits for other shapes, thread counts and processors, and what enters a profile must not depend
on those. For a few rows of some hundred components this costs a microsecond or two more.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Vectors

Vector = NDArray[np.float32]

# Interests are kept in int16 as multiples of 2**-14. For a unit vector of some hundred components
# that is as precise as float16 (3e-4 of its length), every bit pattern is a number, and numpy
# converts it in half the time.
STEPS = np.float32(2**14)
STEP = np.float32(2**-14)
FIXED = np.dtype("<i2")
# Between 2**9 and 2**10 float32 holds multiples of 2**-14 only, so adding this rounds to them.
_ROUNDER = np.float32(1.5 * 2**9)


def rounded(vectors: Vectors) -> Vectors:
    """To the nearest multiples of 2**-14, in new memory: what the store would give back.

    vectors: float32, every component within -1 and 1 or hardly more.
    """
    rounded: Vectors = vectors + _ROUNDER
    rounded -= _ROUNDER
    return rounded


def dots(rows: Vectors, vector: Vector) -> list[float]:
    """Inner product of each row (float32 [n, dim]) with `vector` (float32 [dim])."""
    products: list[float] = np.add.reduce(rows * vector, axis=1).tolist()
    return products


def unit(vector: Vector, otherwise: Vector) -> Vector:
    """`vector` at length 1; `otherwise` where it has no direction."""
    length = math.sqrt(float(np.add.reduce(vector * vector)))
    if not length > 1e-6:
        return otherwise
    return vector * (1.0 / length)


def towards(start: Vector, end: Vector, step: float) -> Vector:
    """The unit vector a `step` (0 to below 1) of the way from `start` to `end`, both unit.

    normalise(start + step / (1 - step) end): the update of online spherical k-means (S. Zhong,
    "Efficient online spherical k-means clustering", IJCNN 2005).
    """
    moved = end * (step / (1.0 - step))
    moved += start
    return unit(moved, start)


def nearest(rows: Vectors, views: Vectors) -> tuple[int, Vector, float]:
    """The row and the view that match best: (row, that view, their cosine).

    rows: float32 [n, dim], n >= 1; views: float32 [v, dim], v >= 1. The first of equals wins.
    """
    best_row, best_view, best = 0, views[0], -math.inf
    for view in (best_view,) if len(views) == 1 else views:
        products = dots(rows, view)
        highest = max(products)
        if highest > best:
            best_row, best_view, best = products.index(highest), view, highest
    return best_row, best_view, best
