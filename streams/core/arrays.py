"""Large arrays of which only what is written takes memory."""

from __future__ import annotations

import mmap
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_HUGE = 2 << 20
"""Bytes of a large page, where the system has any."""


def reserved(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros of which only the pages that are written take memory.

    A matrix of all vectors grows without ever being copied: copying half a gigabyte would stop the
    event loop for a fifth of a second. Looking up candidates among 100,000 items takes two thirds
    of the time on large pages, which are asked for where the array fills several.
    """
    size_bytes = max(prod(shape) * np.dtype(dtype).itemsize, 1)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    pages = mmap.mmap(-1, size_bytes, flags=flags)
    if size_bytes >= 2 * _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, dtype=dtype, count=prod(shape)).reshape(shape)
