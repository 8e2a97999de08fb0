"""Places for what hardly anybody has clicked: where the crowd ranks, it would never be found.

A new item has no neighbours and no popularity, and so no chance beside what has them. Where it
looks like an item of hers, it gets one place in so many, near the end of each such stretch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core import diversity, reasons
from streams.core.candidates import is_barred
from streams.core.catalogue import Catalogue, Numbers
from streams.core.crowd import Crowd
from streams.core.picks import Pick
from streams.core.rules import TasteRules

FRESH_LIKES = 3.0
"""An item with fewer likes is fresh."""
_SPARE = 3
"""Fresh items looked at beside those that are needed: some may not stand in the list."""


def fresh_items(
    found: Numbers,
    similarities: NDArray[np.float32],
    barred: NDArray[np.uint32],
    hers: dict[str, int],
    *,
    crowd: Crowd,
    catalogue: Catalogue,
    rules: TasteRules,
) -> list[Pick]:
    """Fresh items that look like one of `hers`, those nearest her interests first.

    found, similarities: int32 and float32 [q, k], near each interest, -1 pads. A few more than get
    a place. Their scores are to be set.
    """
    places = rules.fresh_places
    numbers, cosines = found.ravel(), similarities.ravel()
    there = numbers >= 0
    numbers, cosines = numbers[there], cosines[there]
    if not places or not numbers.size or not hers:
        return []
    keys = catalogue.keys(numbers)
    rows = crowd.table.rows(keys)
    likes = np.where(rows >= 0, crowd.table.signals.likes[rows], 0.0)
    free = (likes < FRESH_LIKES) & catalogue.available(numbers) & ~is_barred(keys, barred)
    numbers, cosines = numbers[free], cosines[free]
    ordered = dict.fromkeys(numbers[np.argsort(-cosines, kind="stable")].tolist())
    nearest = np.array(list(ordered)[: places + _SPARE], np.int32)
    if not nearest.size:
        return []
    mine = catalogue.vectors(np.array(list(hers.values()), np.int32))
    which, nearness = reasons.looks_like(mine.dot(catalogue.vectors(nearest).T))
    names = list(hers)
    return [
        Pick(number, catalogue.item_id(number), 0.0, 1.0, "looks-like", names[at], near)
        for number, at, near in zip(nearest.tolist(), which, nearness, strict=True)
        if near >= rules.min_similarity
    ]


def give_places(
    picks: list[Pick],
    fresh: list[Pick],
    most_named: int,
    *,
    catalogue: Catalogue,
    rules: TasteRules,
) -> list[Pick]:
    """`picks` with some of `fresh` among them: the last but one of every 1 / `fresh_share` places.

    What is at the end of a full list gives way. None of `fresh` is among `picks`. most_named: how
    many reasons may name the same item of hers.
    """
    places = rules.fresh_places
    stretch = rules.list_length // max(places, 1)
    listed = list(picks)
    left = list(fresh)
    for place in range(1, places + 1):
        at = place * stretch - 2
        if at < 1 or at > len(listed):
            break
        while left:
            pick = left.pop(0)
            kept = listed[: rules.list_length - 1] if at < rules.list_length else listed
            named = sum(each.reason_item_id == pick.reason_item_id for each in kept)
            if named < most_named and _may_stand(pick, kept, catalogue, rules):
                pick.score = listed[at - 1].score
                listed.insert(at, pick)
                break
    return listed[: rules.list_length]


def _may_stand(pick: Pick, listed: list[Pick], catalogue: Catalogue, rules: TasteRules) -> bool:
    numbers = np.array([pick.number, *(each.number for each in listed)], np.int32)
    vectors = catalogue.vectors(numbers)
    cosines = vectors.dot(np.ascontiguousarray(vectors.T))
    if 0 in diversity.near_duplicates(cosines, catalogue.picture_hashes(numbers), rules):
        return False
    group = catalogue.group(pick.number) if rules.group_most else None
    groups = [catalogue.group(each.number) for each in listed] if group is not None else []
    return groups.count(group) < rules.group_most if group is not None else True
