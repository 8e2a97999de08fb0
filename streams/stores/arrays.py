"""Arrays that grow by doubling, where that is cheap."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def grown(array: NDArray[T], size: int, fill: int = 0) -> NDArray[T]:
    """`array`, or a copy with room for `size`, at least twice as long; new elements are `fill`."""
    if size <= len(array):
        return array
    longer = np.full(max(size, 2 * len(array), 1024), fill, dtype=array.dtype)
    longer[: len(array)] = array
    return longer
