"""The compiled half of a crowd's list: which candidates come first, and what is said of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Numbers
from streams.core.crowd import LEAST_NEARNESS
from streams.core.learning.causes import causes
from streams.core.learning.compiled import compiled
from streams.core.learning.evidence import Signals
from streams.core.learning.features import FROM_POPULAR, Moment
from streams.core.learning.ranker import MOST_Z, earned
from streams.core.learning.table import Rows

CLICKED, POPULAR, ALIKE, NEW, NOTHING = 0, 1, 2, 3, 4
"""What can be said: the columns of what is earned; of the new ones where none of these is true."""

FRESH_LIKES = 3.0
"""An item with fewer likes is fresh."""

Floats = NDArray[np.float64]


@compiled
def picture_part(nearness: float, term: tuple[float, float, float]) -> float:
    """What looking so much like an item of hers adds to the score.

    term: weight, mean, deviation; a weight of 0 where pictures have never varied.
    """
    weight, mean, deviation = term
    z = (max(nearness, LEAST_NEARNESS) - mean) / deviation
    return weight * min(max(z, -MOST_Z), MOST_Z)


@compiled
def freshest(  # noqa: PLR0917 - compiled functions take no keywords cheaply
    likes: NDArray[np.float32],
    listed: NDArray[np.bool_],
    keys: NDArray[np.uint32],
    barred: NDArray[np.uint32],
    rows: Rows,
    cosines: NDArray[np.float32],
    most: int,
) -> NDArray[np.int64]:
    """The `most` of `rows` with the highest cosines whose items hardly anybody likes.

    Their positions, int64 [<= most], best first, the first of equals; each row once. likes, listed,
    keys: by row. barred: rising keys of what may not be listed, nor what isn't `listed`. -1 pads
    `rows`.
    """
    best = np.empty(most, np.int64)
    n = 0
    for at in range(rows.size):
        row = rows[at]
        if row < 0 or (n == most and cosines[at] <= cosines[best[n - 1]]):
            continue
        if likes[row] >= FRESH_LIKES or not listed[row]:
            continue
        nearest = np.searchsorted(barred, keys[row])
        if nearest < barred.size and barred[nearest] == keys[row]:
            continue
        place = n  # where it stands once those behind it have moved up
        for earlier in range(n):
            if rows[best[earlier]] == row:
                place = earlier
                break
        if place < n and cosines[best[place]] >= cosines[at]:
            continue
        if place == n:
            n = min(n + 1, most)
            place = n - 1
        while place > 0 and cosines[best[place - 1]] < cosines[at]:
            best[place] = best[place - 1]
            place -= 1
        best[place] = at
    return best[:n]


@compiled
def nearest_of_hers(
    cosines: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which of hers each looks like most, and how much: int64 and float32 [n].

    cosines: float32 [n, hers]; the first of equals, 0 and 0 where there are none.
    """
    n = cosines.shape[0]
    nearest, nearness = np.zeros(n, np.int64), np.zeros(n, np.float32)
    if cosines.shape[1]:
        for at in range(n):
            best, most = 0, cosines[at, 0]
            for h in range(1, cosines.shape[1]):
                if cosines[at, h] > most:
                    best, most = h, cosines[at, h]
            nearest[at], nearness[at] = best, most
    return nearest, nearness


@compiled
def within_reach(
    earned: Floats, room: int, term: tuple[float, float, float], repelled: float
) -> NDArray[np.int64]:
    """Those that can be among the best `room` whatever they look like: int64 [m], rising.

    earned: float64 [n, 2+], what crowd and popularity add. repelled: what is taken at most off the
    score of what looks like what she dislikes.
    """
    n = earned.shape[0]
    if room >= n:
        return np.arange(n)
    sums = earned[:, 0] + earned[:, 1]
    far, near = picture_part(0.0, term), picture_part(1.0, term)
    surely = np.partition(sums, n - room)[n - room] + min(far, near) - repelled
    return np.flatnonzero(sums + max(far, near) >= surely)


@compiled
def shortlist(  # noqa: PLR0917 - compiled functions take no keywords cheaply
    rows: Rows,
    sources: NDArray[np.uint8],
    features: NDArray[np.float32],
    numbers: Numbers,
    weights: Floats,
    means: Floats,
    deviations: Floats,
    apart: Rows,
    room: int,
    term: tuple[float, float, float],
    repelled: float,
) -> tuple[Rows, Numbers, NDArray[np.uint8], Floats, int]:
    """The candidates that are `within_reach`, and how many there are to choose from.

    rows, sources, features: as retrieved. numbers: by row. weights: float64 [9], hers; means and
    deviations as in `RankerWeights`. apart: rows that are none of the candidates.

    Returns rows, numbers and sources [m], and what is earned: float64 [m, 3], see `ranker.earned`.
    """
    sums = earned(features, weights, means, deviations)
    kept = np.empty(rows.size, np.int64)
    n = 0
    for at in range(rows.size):
        free = True
        for other in apart:
            free = free and rows[at] != other
        if free:
            kept[n] = at
            n += 1
    if n < rows.size:
        sums = sums[kept[:n]]
    within = within_reach(sums, room, term, repelled)
    candidates = kept[within]
    few = rows[candidates]
    return few, numbers[few], sources[candidates], sums[within], n


@compiled
def best_of(scores: Floats, room: int) -> NDArray[np.int64]:
    """The positions of the `room` highest, best first, the first of equals: int64 [<= room]."""
    n = scores.size
    if room >= n:
        return np.argsort(-scores, kind="mergesort")
    # Those that can be among them: sorting all takes longer than finding the last of the best.
    able = np.flatnonzero(scores >= np.partition(scores, n - room)[n - room])
    return able[np.argsort(-scores[able], kind="mergesort")][:room]


@compiled
def tell(  # noqa: PLR0917 - compiled functions take no keywords cheaply
    signals: Signals,
    moment: Moment,
    numbers: Numbers,
    rows: Rows,
    sources: NDArray[np.uint8],
    earned: Floats,
    cosines: NDArray[np.float32],
    hers: Numbers,
    repulsions: Floats,
    new: Numbers,
    term: tuple[float, float, float],
    room: int,
    min_similarity: float,
) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64], Numbers, NDArray[np.float32]]:
    """The best `room` candidates of which there is something true to say, and for each the reason
    that adds most to its score.

    numbers: by row, -1 where the item is not known: then it is not named. rows, sources, earned
    [n], as in `shortlist`; the picture's column of `earned` is written. cosines: float32 [n, h]
    with `hers`, the items that a picture can be compared with, by number. repulsions: float64 [n],
    what is taken off. new: numbers of the new items.

    Returns their positions, best first; their scores; their kinds; the item of hers that the reason
    names, by number, -1 for none; and how much it says, a cosine or a part (see `causes`).
    """
    nearest, nearness = nearest_of_hers(cosines)
    scores = np.empty(rows.size)
    for at in range(rows.size):
        earned[at, ALIKE] = picture_part(nearness[at], term)
        scores[at] = earned[at, CLICKED] + earned[at, POPULAR] + earned[at, ALIKE] - repulsions[at]
    best = best_of(scores, room)
    places, led, shares = causes(signals, moment, rows[best])
    kinds, said = np.full(best.size, NOTHING), np.zeros(best.size, np.float32)
    named = np.full(best.size, -1, np.int32)
    n = 0
    for i in range(best.size):
        at, kind = best[i], NOTHING
        most = -np.inf
        who, how = np.int32(-1), np.float32(0.0)
        if places[i] >= 0 and numbers[led[i]] >= 0:
            kind, most = CLICKED, earned[at, CLICKED]
            who, how = numbers[led[i]], shares[i]
        if sources[at] & FROM_POPULAR and earned[at, POPULAR] > most:
            kind, most = POPULAR, earned[at, POPULAR]
            who, how = np.int32(-1), np.float32(0.0)
        if hers.size and nearness[at] >= min_similarity and earned[at, ALIKE] > most:
            kind, who, how = ALIKE, hers[nearest[at]], nearness[at]
        if kind == NOTHING:
            for number in new:
                if number == numbers[rows[at]]:
                    kind = NEW
        if kind != NOTHING:
            best[n], kinds[n], named[n], said[n] = at, kind, who, how
            n += 1
    return best[:n], scores[best[:n]], kinds[:n], named[:n], said[:n]
