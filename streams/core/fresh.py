"""Places for what hardly anybody has clicked: where the crowd ranks, it would never be found.

A new item has no neighbours and no popularity, and so no chance beside what has them. Where it
looks like an item of hers, it gets one place in so many, near the end of each such stretch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Catalogue, Numbers, Vectors
from streams.core.crowd import Crowd
from streams.core.crowd_rank import freshest
from streams.core.diversity import Company, Seated
from streams.core.learning.table import Rows
from streams.core.rules import TasteRules

_SPARE = 3
"""Fresh items looked at beside those that are needed: some may not stand in the list."""

Place = tuple[int, float, float]
"""Which candidate, its score, its propensity."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Fresh items that look like one of hers, those nearest her interests first."""

    numbers: Numbers
    vectors: Vectors
    nearest: NDArray[np.intp]
    """Which of hers each looks like most."""
    nearness: NDArray[np.float32]
    """And how much: the cosine."""

    def __len__(self) -> int:
        return len(self.numbers)


def _none(dim: int) -> Fresh:
    nothing = np.empty(0, np.int32)
    return Fresh(
        nothing, np.empty((0, dim), np.float32), np.empty(0, np.intp), np.empty(0, np.float32)
    )


def fresh_items(
    found: Numbers,
    rows: Rows,
    similarities: NDArray[np.float32],
    barred: NDArray[np.uint32],
    mine: Vectors,
    *,
    crowd: Crowd,
    catalogue: Catalogue,
    rules: TasteRules,
) -> Fresh:
    """A few more than get a place.

    found, rows, similarities: [q, k], near each interest, -1 pads. mine: float32 [n, dim], hers.
    What the crowd's table has no room for is not among them.
    """
    places = rules.fresh_places
    if not places or not len(mine):
        return _none(catalogue.dim)
    table, most = crowd.table, places + _SPARE
    likes, listed = table.signals.likes, table.signals.listed
    best = freshest(likes, listed, table.keys, barred, rows.ravel(), similarities.ravel(), most)
    if not best.size:
        return _none(catalogue.dim)
    few = found.ravel()[best]
    vectors = catalogue.vectors(few)
    compared = vectors.dot(np.ascontiguousarray(mine.T))
    nearest = compared.argmax(axis=1)
    nearness = compared[np.arange(len(few)), nearest]
    like = nearness >= rules.min_similarity
    return Fresh(few[like], vectors[like], nearest[like], nearness[like])


def with_fresh(
    chosen: Sequence[Place],
    first: int,
    named: Sequence[int],
    company: Company,
    *,
    most_named: int,
    rules: TasteRules,
) -> list[Place]:
    """`chosen` with some fresh items among them: the last but one of every 1 / `fresh_share`.

    What is at the end of a full list gives way. Candidates from `first` on are fresh; named: the
    item of hers that the reason for each names, -1 for none, of which `most_named` reasons may
    name the same one.
    """
    places, length = rules.fresh_places, rules.list_length
    stretch = length // max(places, 1)
    listed = list(chosen)
    left = list(range(first, len(named)))
    for place in range(1, places + 1):
        at = place * stretch - 2
        if at < 1 or at > len(listed):
            break
        kept = listed[: length - 1] if at < length else listed
        seated = Seated(company)
        for candidate, _, _ in kept:
            seated.seat(candidate)
        led = Counter(named[candidate] for candidate, _, _ in kept)
        while left:
            candidate = left.pop(0)
            if led[named[candidate]] < most_named and seated.admits(candidate):
                listed.insert(at, (candidate, listed[at - 1][1], 1.0))
                break
    return listed[:length]
