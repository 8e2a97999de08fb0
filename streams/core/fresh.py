"""Places for what hardly anybody has clicked: where the crowd ranks, it would never be found.

A new item has no neighbours and no popularity, and so no chance beside what has them. Where it
looks like an item of hers, it gets one place in so many, near the end of each such stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Catalogue, Numbers
from streams.core.crowd import Crowd
from streams.core.crowd_rank import freshest, nearest_of_hers
from streams.core.diversity import Company, Seated, full
from streams.core.learning.compiled import compiled
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
    rows: Rows
    named: Numbers
    """Which of hers each looks like most."""
    nearness: NDArray[np.float32]
    """And how much: the cosine."""

    def __len__(self) -> int:
        return len(self.numbers)


_NOBODY = np.empty(0, np.int32)
_NONE = Fresh(_NOBODY, _NOBODY, _NOBODY, np.empty(0, np.float32))


def fresh_items(
    found: Numbers,
    rows: Rows,
    similarities: NDArray[np.float32],
    barred: NDArray[np.uint32],
    hers: Numbers,
    *,
    crowd: Crowd,
    catalogue: Catalogue,
    rules: TasteRules,
) -> Fresh:
    """A few more than get a place.

    found, rows, similarities: [q, k], near each interest, -1 pads. hers: what they are compared
    with. What the crowd's table has no room for is not among them.
    """
    places = rules.fresh_places
    if not places or not hers.size:
        return _NONE
    table, most = crowd.table, places + _SPARE
    likes, listed = table.signals.likes, table.signals.listed
    rows = rows.ravel()
    best = freshest(likes, listed, table.keys, barred, rows, similarities.ravel(), most)
    if not best.size:
        return _NONE
    few, rows = found.ravel().take(best), rows.take(best)
    nearest, nearness = nearest_of_hers(catalogue.cosines(few, hers))
    named = hers.take(nearest)
    if nearness.min() < rules.min_similarity:
        like = nearness >= rules.min_similarity
        few, rows, named, nearness = few[like], rows[like], named[like], nearness[like]
    return Fresh(few, rows, named, nearness)


def certain(first: int, n: int, company: Company, places: int) -> list[int]:
    """Of the fresh candidates, those from `first` up to `n`, the first `places` that can be listed
    whatever else is: none looks like another candidate, and their groups have room for all of them.
    """
    seated, chosen = Seated(company), list[int]()
    alike = set(company.pairs[:, 0].tolist())
    for at in range(first, n):
        if len(chosen) < places and at not in alike and seated.admits(at):
            seated.seat(at)
            chosen.append(at)
    return chosen


def with_fresh(
    chosen: Sequence[Place], fresh: NDArray[np.int64], company: Company, rules: TasteRules
) -> list[Place]:
    """`chosen` with some fresh items among them: the last but one of every 1 / `fresh_share`.

    What is at the end of a full list gives way. fresh: int64 [f], candidates in the order in which
    they are tried.
    """
    listed, above = interleave(
        np.array([candidate for candidate, _, _ in chosen], np.int64),
        fresh,
        company.pairs,
        company.groups,
        company.most,
        rules.fresh_places,
        rules.list_length,
    )
    new = set(fresh.tolist())
    return [
        (candidate, chosen[place][1], 1.0) if candidate in new else chosen[place]
        for candidate, place in zip(listed.tolist(), above.tolist(), strict=True)
    ]


@compiled
def interleave(  # noqa: PLR0917 - compiled functions take no keywords cheaply
    chosen: NDArray[np.int64],
    fresh: NDArray[np.int64],
    pairs: NDArray[np.int32],
    groups: NDArray[np.int64],
    most: NDArray[np.int64],
    places: int,
    length: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The loop of `with_fresh`: who is listed, and the place in `chosen` of whoever was chosen; for
    a fresh one that of the item above it. Arrays as in `diversity.Company`."""
    m = chosen.size
    listed, above = np.empty(m + places, np.int64), np.empty(m + places, np.int64)
    listed[:m], above[:m] = chosen, np.arange(m)
    stretch = length // max(places, 1)
    tried = 0
    for place in range(1, places + 1):
        at = min(place * stretch - min(2, stretch - 1), m)
        if at < 1:
            break
        kept = listed[: min(m, length - 1)]
        while tried < fresh.size:
            candidate = fresh[tried]
            tried += 1
            admitted = not full(groups, most, kept, candidate)
            for other in kept:
                for pair in range(pairs.shape[0]):
                    if pairs[pair, 0] == other and pairs[pair, 1] == candidate:
                        admitted = False
            if admitted:
                for behind in range(m, at, -1):
                    listed[behind], above[behind] = listed[behind - 1], above[behind - 1]
                listed[at], above[at] = candidate, above[at - 1]
                m += 1
                break
    return listed[: min(m, length)], above[: min(m, length)]
