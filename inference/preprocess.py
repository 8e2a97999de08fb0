"""An RGB image -> the pixels a model's manifest asks for, and a picture's perceptual hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
Interpolation = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]

_MOST_PIXELS_A_SIDE = 4096
_LONGEST = 20  # times the shorter side; beyond it nothing that is cropped away is resized


@dataclass(frozen=True)
class Preprocessing:
    """What a model wants to see. Raises ValueError for what cannot be.

    `resize`: pixels of the shorter side after resizing; `size`: side of the square cut from the
    middle of it. `grayscale`: three equal channels of luma (ITU-R BT.601).
    """

    size: int
    resize: int
    crop: Literal["center"] = "center"
    interpolation: Interpolation = "bicubic"
    grayscale: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.resize <= _MOST_PIXELS_A_SIDE:
            raise ValueError(
                f"size {self.size} and resize {self.resize}: "
                f"needs 1 <= size <= resize <= {_MOST_PIXELS_A_SIDE}"
            )
        if self.crop != "center":
            raise ValueError(f"crop {self.crop!r}: only 'center' is known")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"interpolation {self.interpolation!r}: one of {', '.join(INTERPOLATIONS)}"
            )


def to_pixels(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    """RGB image of any size -> uint8 `[size, size, 3]`, C-contiguous, RGB.

    The shorter side becomes `resize` pixels, the longer one is rounded down (as torchvision's
    Resize does), and the middle is cut out with the margins rounded to even (CenterCrop).
    """
    wanted, short = preprocessing.size, min(image.size)
    width, height = (int(preprocessing.resize * side / short) for side in image.size)
    left, top = round((width - wanted) / 2.0), round((height - wanted) / 2.0)
    resample = INTERPOLATIONS[preprocessing.interpolation]
    if max(width, height) > _LONGEST * preprocessing.resize:
        # a ribbon: resizing all of it would take memory without bound, for a middle that is kept
        small = image.resize((wanted, wanted), resample, box=_source_box(image, preprocessing))
    else:
        resized = image.resize((width, height), resample)
        small = resized.crop((left, top, left + wanted, top + wanted))
    if preprocessing.grayscale:
        small = small.convert("L").convert("RGB")
    return np.ascontiguousarray(small, dtype=np.uint8)


def _source_box(
    image: Image.Image, preprocessing: Preprocessing
) -> tuple[float, float, float, float]:
    """The part of `image` that ends up in the crop, in its own pixels."""
    side = min(image.size) * preprocessing.size / preprocessing.resize
    left, top = (image.width - side) / 2.0, (image.height - side) / 2.0
    return left, top, left + side, top + side


def perceptual_hash(pixels: Pixels) -> int:
    """A 64-bit difference hash (dHash) of uint8 `[h, w, 3]`; near pictures differ in few bits.

    The method is Neal Krawetz's ("Kind of Like That", hackerfactor.com, 2013): luma averaged down
    to 9 x 8, and one bit for each pair of neighbours in a row, set where the left one is brighter;
    the first bit (top left) is the most significant. A picture of one colour hashes to 0.
    """
    luma = Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BOX)
    values = np.asarray(luma)
    bits = np.packbits(values[:, :-1] > values[:, 1:])
    return int.from_bytes(bits.tobytes())
