"""What a list consists of, and what fills it where taste says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from streams.core.catalogue import Numbers

ReasonKind = Literal["looks-like", "people-also-clicked", "popular", "new", "exploring"]


@dataclass(slots=True)
class Pick:
    """One listed item and why it is there. The place in the list is its rank."""

    number: int
    """The item's number in the catalogue the list was made with."""
    item_id: str
    score: float
    """Positive; in a greedy list never above the score of the item before. Comparable within one
    list only."""
    propensity: float
    """The chance with which this place went to this item, given the places above it; 1.0 where
    nothing was left to chance."""
    reason_kind: ReasonKind
    reason_item_id: str | None = None
    """For `looks-like` and `people-also-clicked`: which item of hers."""
    similarity: float | None = None
    """For `looks-like` the cosine of the two items' first views. For `people-also-clicked` which
    part of all that leads from her items to this one comes from that one, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What is listed where taste says nothing: popular items best first, then the newest."""

    numbers: Numbers
    """int32 [n], catalogue numbers, in the order in which they are to be listed."""
    kinds: Sequence[ReasonKind]
    """`popular` or `new`, for each of `numbers`."""
    new: Numbers = field(init=False, repr=False, compare=False)
    """Those that are `new`, newest first: int32 [<= n]."""

    def __post_init__(self) -> None:
        if len(self.numbers) != len(self.kinds):
            raise ValueError(f"{len(self.numbers)} fallback items but {len(self.kinds)} kinds")
        new = [kind == "new" for kind in self.kinds]
        object.__setattr__(self, "new", self.numbers[np.array(new, np.bool_)])
