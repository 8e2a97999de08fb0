"""What the core may ask of the item index. `stores/item_index.py` is one; tests have another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
Vectors = NDArray[np.float32]


class Catalogue(Protocol):
    """The items known now, by a dense number that holds as long as the process lives.

    Numbers never enter a profile: another process numbers differently. Arrays that come back may
    be views of the catalogue's own memory; the core doesn't write into them.
    """

    @property
    def model_id(self) -> str:
        """The vector space of all vectors here. Vectors of another space are not comparable."""
        ...

    @property
    def dim(self) -> int:
        """Components of a vector."""
        ...

    def number(self, item_id: str) -> int | None:
        """The item's number, or None: not known, no vector of this model, or withdrawn."""
        ...

    def numbers(self, item_ids: Sequence[str]) -> list[int | None]:
        """The `number` of each."""
        ...

    def item_id(self, number: int) -> str:
        """The item's id. `number` is one that this catalogue gave out."""
        ...

    def views(self, number: int) -> Vectors:
        """All views of one item: float32 [v, dim], unit rows, v >= 1."""
        ...

    def vectors(self, numbers: Numbers) -> Vectors:
        """One vector for each item, its first view: float32 [n, dim], unit rows."""
        ...

    def cosines(self, numbers: Numbers, others: Numbers) -> Vectors:
        """How much each item looks like each of others, by their first views: float32 [n, m]."""
        ...

    def keys(self, numbers: Numbers) -> NDArray[np.uint32]:
        """`core.profile.item_key` of each item's id: uint32 [n]."""
        ...

    def available(self, numbers: Numbers) -> NDArray[np.bool_]:
        """Whether each item may be listed now (not withdrawn, not marked unavailable): bool [n]."""
        ...

    def group(self, number: int) -> str | None:
        """The item's group, if it has one."""
        ...

    def picture_hashes(self, numbers: Numbers) -> NDArray[np.uint64]:
        """64-bit perceptual hash of each item's first view, 0 where there is none: uint64 [n]."""
        ...
