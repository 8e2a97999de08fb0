"""Which pictures a model is fitted on: opened, prepared and named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.errors import PictureError
from inference.export import catalogues
from inference.pictures import PictureLimits, open_picture
from inference.preprocess import Preprocessing, to_pixels

Pixels = NDArray[np.uint8]

CALIBRATION = 256
# OpenMoji is drawn larger than any model's input, so that it is resized like other pictures.
_DRAWN = 256
_LIMITS = PictureLimits(max_bytes=50_000_000, max_pixels=50_000_000)


@dataclass(frozen=True)
class Labelled:
    """One picture with its category, for evaluation."""

    pixels: Pixels
    name: str
    group: str
    subgroup: str


def openmoji(preprocessing: Preprocessing, *, sequences: bool, extras: bool) -> Iterator[Labelled]:
    """OpenMoji, drawn and prepared like any other picture."""
    for drawn in catalogues.openmoji(_DRAWN, sequences=sequences, extras=extras):
        yield Labelled(
            to_pixels(drawn.image, preprocessing), drawn.name, drawn.group, drawn.subgroup
        )


def folder(path: Path, preprocessing: Preprocessing, every: int = 1) -> Iterator[Labelled]:
    """Every n-th picture below a folder that can be opened."""
    for found in list(catalogues.folder(path))[::every]:
        try:
            data = found.path.read_bytes()
            image = open_picture(data, _LIMITS, shortest_side=preprocessing.resize)
        except PictureError:
            continue  # a folder may hold anything; what is counted is what could be opened
        yield Labelled(to_pixels(image, preprocessing), found.name, found.group, found.subgroup)


def spread(pictures: Sequence[Pixels], count: int) -> list[Pixels]:
    """`count` pictures at equal distances, or all when there are fewer."""
    if len(pictures) <= count:
        return list(pictures)
    return [pictures[i * len(pictures) // count] for i in range(count)]
