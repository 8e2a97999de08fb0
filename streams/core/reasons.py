"""Why an item is listed, where pictures say so; and a checker of every reason."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Catalogue
from streams.core.crowd import MOST_LATEST, Crowd
from streams.core.learning.causes import causes
from streams.core.learning.table import NO_KEYS as _NO_KEYS
from streams.core.picks import Fallback, Pick
from streams.core.profile import Profile, item_key
from streams.core.rules import TasteRules

# Two orders of summing 256 float32 products differ by less.
TOLERANCE = 1e-5


def similarity(catalogue: Catalogue, a: int, b: int) -> float:
    """How much two items look alike, here and wherever a reason says so.

    The cosine of their first views: an item's other views find it, its first one stands for it.
    """
    one, other = catalogue.vectors(np.array([a, b], np.int32))
    return float(one @ other)


def items_of_hers(profile: Profile, catalogue: Catalogue) -> dict[str, int]:
    """Items a reason may name, with their numbers: known ones that she likes or looked at.

    Her latest `MOST_LATEST`, and the last of each interest, which may be older.
    """
    recent = profile.recent
    liked = recent.positive()
    named = dict.fromkeys(liked[-MOST_LATEST:])
    for item_id in profile.interests.items:
        # What is recent and not liked she dislikes by now.
        if item_id not in named and (item_id in liked or item_id not in recent.ids):
            named[item_id] = None
    numbers = catalogue.numbers(list(named))
    return {
        item_id: number
        for item_id, number in zip(named, numbers, strict=True)
        if number is not None
    }


def looks_like(
    cosines: NDArray[np.float32],
) -> tuple[list[int], list[float]]:
    """For each row (a candidate) of float32 [n, hers]: which of hers is nearest, how near."""
    nearest = cosines.argmax(axis=1)
    return nearest.tolist(), cosines[np.arange(len(nearest)), nearest].tolist()


def check(
    pick: Pick,
    profile: Profile,
    catalogue: Catalogue,
    fallback: Fallback,
    rules: TasteRules,
    *,
    crowd: Crowd | None = None,
    now_s: float | None = None,
) -> str | None:
    """None if the reason of `pick` holds, else a sentence that says why it doesn't.

    profile, catalogue, fallback and crowd are those that the list was made with, and as they were;
    now_s the moment it was made for, None: that of her last click.
    """
    now_s = profile.clock_s if now_s is None else now_s
    if catalogue.number(pick.item_id) != pick.number:
        return "the item is not known, or not under this number"
    if pick.reason_kind == "looks-like":
        return _check_looks_like(pick, profile, catalogue, rules)
    if pick.reason_kind == "people-also-clicked":
        return _check_clicked(pick, profile, catalogue, crowd, now_s)
    if pick.reason_item_id is not None or pick.similarity is not None:
        return f"a reason of kind {pick.reason_kind} names an item"
    places = np.flatnonzero(fallback.numbers == pick.number).tolist()
    kind = "new" if pick.reason_kind == "exploring" else pick.reason_kind
    holds = any(fallback.kinds[place] == kind for place in places)
    if not holds and kind == "popular" and crowd is not None:
        holds = _is_popular(pick, profile, crowd, now_s)
    return None if holds else f"the item is not among the {pick.reason_kind} ones"


def _check_looks_like(
    pick: Pick, profile: Profile, catalogue: Catalogue, rules: TasteRules
) -> str | None:
    hers = items_of_hers(profile, catalogue)
    if pick.reason_item_id not in hers or pick.similarity is None:
        return "the reason names no item of hers"
    true = similarity(catalogue, pick.number, hers[pick.reason_item_id])
    if not abs(true - pick.similarity) <= TOLERANCE:
        return f"the similarity is {true:.6f}, not {pick.similarity:.6f}"
    if pick.similarity < rules.min_similarity:
        return f"a similarity of {true:.6f} is below {rules.min_similarity}"
    for number in hers.values():
        if similarity(catalogue, pick.number, number) > pick.similarity + TOLERANCE:
            return "another item of hers is nearer"
    return None


def _is_popular(pick: Pick, profile: Profile, crowd: Crowd, now_s: float) -> bool:
    moment = crowd.moment(profile, _NO_KEYS, now_s)
    row = crowd.table.row(item_key(pick.item_id))
    return any(row in rows for rows in crowd.table.popular(moment))


def _check_clicked(
    pick: Pick, profile: Profile, catalogue: Catalogue, crowd: Crowd | None, now_s: float
) -> str | None:
    if crowd is None:
        return "nothing is known of what others clicked"
    named = pick.reason_item_id
    if named is None or pick.similarity is None or catalogue.number(named) is None:
        return "the reason names no item that is known"
    moment = crowd.moment(profile, _NO_KEYS, now_s)
    table = crowd.table
    hers = table.row(item_key(named))
    if hers < 0 or not (hers in moment.lately or hers in moment.likes):
        return "the reason names no item of hers"
    rows = np.array([table.row(item_key(pick.item_id))], np.int32)
    _, (cause,), (share,) = causes(table.signals, moment, rows)
    if cause != hers or not abs(float(share) - pick.similarity) <= TOLERANCE:
        return f"what she did leads there otherwise: its part is {float(share):.6f} at most"
    return None
