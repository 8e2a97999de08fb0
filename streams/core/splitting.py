"""One interest into two, where what she did lately lies on two sides of it.

Interests that were merged for want of room, or grew into each other, stand between two tastes and
find what is like neither. As in ISODATA (G. Ball, D. Hall, 1965) clusters are split as well as
merged: here by her recent items, whose vectors the catalogue has, so that a profile needn't hold
how broad each interest is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from streams.core.catalogue import Vectors
from streams.core.interests import Interests
from streams.core.rules import TasteRules
from streams.core.vectors import Vector, rounded, unit

EVERY = 20
"""After every so many of her events it is looked whether an interest is to be split."""
LEAST_ITEMS = 3
"""Recent items on each side."""
APART = 0.5
"""Items of different sides must be less alike than this part of what items of one side are."""
ALIKE = 0.15
"""And items of one side at least so much alike, in the mean."""
WORTH = 2.0
"""Without room two others are merged for it, if that loses less than this part of what it gains."""


def split(
    interests: Interests,
    item_ids: Sequence[str],
    weights: Sequence[float],
    vectors: Vectors,
    rules: TasteRules,
) -> bool:
    """Split the broadest interest, if it is two; whether it was.

    item_ids, weights, vectors: her recent items that are known and not disliked, the latest last;
    float32 [n, dim], unit rows.
    """
    if len(item_ids) < 2 * LEAST_ITEMS or not len(interests) or rules.interests < 2:
        return False
    cosines = _products(vectors, interests.vectors)
    nearest = cosines.argmax(axis=1)
    broadest, members, least = -1, np.empty(0, np.intp), math.inf
    for at in range(len(interests)):
        mine = np.flatnonzero(nearest == at)
        if len(mine) >= 2 * LEAST_ITEMS:
            mean = math.fsum(cosines[mine, at].tolist()) / len(mine)
            if mean < least:
                broadest, members, least = at, mine, mean
    if broadest < 0:
        return False
    sides = _sides(vectors[members], cosines[members, broadest], rules)
    if sides is None:
        return False
    one, other = (members[side] for side in sides)
    centres = [_centre(vectors, side, weights) for side in (one, other)]
    masses = [math.fsum(weights[at] for at in side.tolist()) for side in (one, other)]
    share = masses[0] / sum(masses) if sum(masses) > 0.0 else 0.5
    into = _room(interests, broadest, share, centres, rules)
    if into is None:
        return False
    interests.divide(
        into,
        share,
        np.stack([rounded(centre) for centre in centres]),
        [item_ids[side[-1]] for side in (one, other)],
    )
    return True


def _products(rows: Vectors, others: Vectors) -> Vectors:
    """Inner products, float32 [n, m], without BLAS: see `vectors`."""
    products: Vectors = np.add.reduce(rows[:, None, :] * others[None, :, :], axis=2)
    return products


def _sides(
    vectors: Vectors, cosines: Vector, rules: TasteRules
) -> tuple[np.ndarray, np.ndarray] | None:
    """The two sides on which rows lie, as positions; None if they are of one kind."""
    far = int(cosines.argmin())
    ends = np.stack([vectors[far], vectors[int(_products(vectors, vectors[far][None]).argmin())]])
    for _ in range(2):  # once by two items, then by what lies about each
        of_one = _products(vectors, ends)
        side = of_one[:, 0] >= of_one[:, 1]
        one, other = np.flatnonzero(side), np.flatnonzero(~side)
        if min(len(one), len(other)) < LEAST_ITEMS:
            return None
        ends = np.stack([_centre(vectors, each, None) for each in (one, other)])
    if float(np.add.reduce(ends[0] * ends[1])) >= rules.join_similarity:
        return None
    alike = _products(vectors, vectors)
    between = math.fsum(alike[np.ix_(one, other)].ravel().tolist()) / (len(one) * len(other))
    pairs = len(one) * (len(one) - 1) + len(other) * (len(other) - 1)
    within = sum(
        math.fsum(alike[np.ix_(each, each)].ravel().tolist()) - len(each) for each in (one, other)
    )
    within /= pairs
    # What is alike on neither side is no taste.
    return (one, other) if within >= ALIKE and between < APART * within else None


def _centre(vectors: Vectors, at: np.ndarray, weights: Sequence[float] | None) -> Vector:
    total = vectors[at[0]] * np.float32(weights[at[0]] if weights else 1.0)
    for other in at[1:].tolist():
        total = total + vectors[other] * np.float32(weights[other] if weights else 1.0)
    return unit(total, vectors[at[0]])


def _room(
    interests: Interests, at: int, share: float, centres: list[Vector], rules: TasteRules
) -> int | None:
    """Where the interest stands once there is room for one more; None if it isn't worth it."""
    if len(interests) < rules.interests:
        return at
    strength = interests.strengths(rules)[at]
    cosine = float(np.add.reduce(centres[0] * centres[1]))
    gain = strength * share * (1.0 - share) * (1.0 - cosine)
    return interests.make_room(at, gain / WORTH, rules)
