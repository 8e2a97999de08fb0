"""Pictures made by integer arithmetic: the same pixels with every version of every library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIZE = 224


def golden_pictures() -> NDArray[np.uint8]:
    """uint8 [5, 224, 224, 3]: ramps, squares, rings, noise, a red disc on white."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.int64)
    ramps = np.stack([x * 255 // SIZE, y * 255 // SIZE, (x + y) * 255 // (2 * SIZE)], -1)
    squares = ((x // 28 + y // 28) % 2 * 255)[..., None] * np.array([1, 1, 0])
    distance = (x - 112) ** 2 + (y - 112) ** 2
    rings = (distance // 400 % 3 * 127)[..., None] * np.array([0, 1, 2]) % 256
    counter = np.arange(SIZE * SIZE * 3, dtype=np.uint64)
    mixed = (counter * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)  # Weyl's sequence
    noise = (mixed ^ (mixed >> np.uint64(7))).reshape(SIZE, SIZE, 3) % np.uint64(256)
    disc = np.where((distance < 6400)[..., None], [200, 30, 40], [255, 255, 255])
    return np.stack([p.astype(np.uint8) for p in (ramps, squares, rings, noise, disc)])
