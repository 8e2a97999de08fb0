"""Arrays that grow: by doubling where that is cheap, by reserving where copying would be felt."""

from __future__ import annotations

import mmap
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

T = TypeVar("T", bound=np.generic)


def grown(array: NDArray[T], size: int, fill: int = 0) -> NDArray[T]:
    """`array`, or a copy with room for `size`, at least twice as long; new elements are `fill`."""
    if size <= len(array):
        return array
    longer = np.full(max(size, 2 * len(array), 1024), fill, dtype=array.dtype)
    longer[: len(array)] = array
    return longer


def reserved(rows: int, columns: int, dtype: DTypeLike) -> NDArray[Any]:
    """An array [rows, columns] of zeros of which only the pages that are written take memory.

    A matrix of all vectors grows without ever being copied: copying half a gigabyte would stop the
    event loop for a fifth of a second.
    """
    size_bytes = max(rows * columns * np.dtype(dtype).itemsize, 1)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    pages = mmap.mmap(-1, size_bytes, flags=flags)
    return np.frombuffer(pages, dtype=dtype, count=rows * columns).reshape(rows, columns)
