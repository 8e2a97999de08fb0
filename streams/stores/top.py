"""The k largest of many similarities, for each row of a matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GROUP = 8
"""Columns come in a multiple of this many; pad with PAD."""

PAD = np.float32(-4.0)
"""Below every similarity of unit vectors."""

_COLUMN_BITS = 24
_COLUMNS = (1 << _COLUMN_BITS) - 1
_ONE = np.float32(1 << 30)


def top_k(
    similarities: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Columns and values of each row's min(k, n) largest, largest first; equal values: last first.

    similarities  float32 [q, n], each in [-4, 4]; n a multiple of GROUP, at most 2**24.

    Two things make it several times as fast as `argpartition` over the rows. Value and column are
    packed into one integer, because numpy partitions integers with vector instructions and indices
    without. And columns are first judged by groups of eight: the k largest values lie in the k
    groups with the largest maxima.
    """
    q, n = similarities.shape
    if n > _COLUMNS + 1 or n % GROUP:
        raise ValueError(f"{n} columns: not a multiple of {GROUP}, or more than {_COLUMNS + 1}")
    groups = n // GROUP
    if groups > 2 * k:
        # Group g is the columns g, g + groups, g + 2 * groups, …: maxima of contiguous rows.
        maxima = similarities.reshape(q, GROUP, groups).max(axis=1)
        chosen = _largest(maxima, np.arange(groups), k) & _COLUMNS
        columns = (chosen[:, :, None] + np.arange(GROUP) * groups).reshape(q, k * GROUP)
        packed = _largest(np.take_along_axis(similarities, columns, axis=1), columns, k)
    else:
        packed = _largest(similarities, np.arange(n), k)
    packed.sort(axis=1)
    packed = packed[:, ::-1]
    return packed & _COLUMNS, (packed >> _COLUMN_BITS).astype(np.float32) / _ONE


def _largest(values: NDArray[np.float32], columns: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """The k largest of each row in any order, as value * 2**30 above and column below."""
    packed = (values * _ONE).astype(np.int64)
    packed <<= _COLUMN_BITS
    packed |= columns
    left = packed.shape[1] - k
    if left <= 0:
        return packed
    packed.partition(left, axis=1)
    return np.ascontiguousarray(packed[:, left:])
