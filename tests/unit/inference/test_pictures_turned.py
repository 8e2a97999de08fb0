"""Pictures that a camera stored turned come out upright."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.pictures import PictureLimits, open_picture
from tests.support.pictures import saved

ORANGE = (200, 100, 50)


def opened(data: bytes) -> Image.Image:
    return open_picture(data, PictureLimits(), shortest_side=32)


# a picture with a mark in the top left corner, as it should be seen, and as a camera that was
# turned stores it: the Exif orientation says how to turn it back
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda seen: np.rot90(seen, 2).transpose(1, 0, 2),
    8: lambda seen: np.rot90(seen, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "TIFF, compressed"])
def test_every_orientation_is_turned_upright(kind: str, orientation: int) -> None:
    seen = np.full((32, 48, 3), 255, np.uint8)
    seen[:8, :16] = ORANGE  # top left
    seen[-8:, :16] = (20, 60, 220)  # bottom left
    exif = Image.Exif()
    exif[274] = orientation
    kind, _, compressed = kind.partition(", ")
    options: dict[str, Any] = {"compression": "tiff_lzw"} if compressed else {}
    if kind in ("JPEG", "WEBP"):
        options["quality"] = 95
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](seen)))
    image = opened(saved(stored, kind, exif=exif, **options))
    assert image.size == (48, 32)
    assert np.abs(np.asarray(image)[2:6, 2:12].astype(int) - ORANGE).max() < 30
    assert np.abs(np.asarray(image)[-6:-2, 2:12].astype(int) - (20, 60, 220)).max() < 30
    assert np.asarray(image)[:, 30:].min() > 225


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"garbage" * 9]
)
def test_metadata_that_cannot_be_read_leaves_the_picture_as_it_is(exif: bytes) -> None:
    assert opened(saved(Image.new("RGB", (48, 32)), "PNG", exif=exif)).size == (48, 32)
