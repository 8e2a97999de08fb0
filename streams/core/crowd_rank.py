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
from streams.core.learning.ranker import MOST_Z
from streams.core.learning.table import Rows

CLICKED, POPULAR, ALIKE, NOTHING = 0, 1, 2, 3
"""What can be said: the columns of what is earned, or nothing yet."""

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
def tell(  # noqa: PLR0917 - compiled functions take no keywords cheaply
    signals: Signals,
    moment: Moment,
    rows: Rows,
    sources: NDArray[np.uint8],
    earned: Floats,
    cosines: NDArray[np.float32],
    hers: Numbers,
    repulsions: Floats,
    nameable: Numbers,
    term: tuple[float, float, float],
    room: int,
    min_similarity: float,
) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64], Numbers, NDArray[np.float32], int]:
    """The best `room` candidates, and for each the true reason that adds most to its score.

    rows, sources, earned [n], as in `CrowdList`; the picture's column of `earned` is written.
    cosines: float32 [n, h] with `hers`, the items that a picture can be compared with, by number.
    repulsions: float64 [n], what is taken off. nameable: the items of lately and likes, by number,
    -1 where a reason can't name it.

    Returns their positions, best first; their scores; their kinds; the item of hers that the reason
    names, by number, -1 for none; how much it says, a cosine or a part (see `causes`); and how many
    name the same item, at most.
    """
    n = rows.size
    scores = np.empty(n)
    nearest, nearness = np.zeros(n, np.int64), np.zeros(n, np.float32)
    for at in range(n):
        for h in range(cosines.shape[1]):
            if h == 0 or cosines[at, h] > nearness[at]:
                nearest[at], nearness[at] = h, cosines[at, h]
        earned[at, ALIKE] = picture_part(nearness[at], term)
        scores[at] = earned[at, CLICKED] + earned[at, POPULAR] + earned[at, ALIKE] - repulsions[at]
    best = np.argsort(-scores, kind="mergesort")[:room]
    places, _, shares = causes(signals, moment, rows[best])
    kinds, said = np.full(best.size, NOTHING), np.zeros(best.size, np.float32)
    named = np.full(best.size, -1, np.int32)
    for i in range(best.size):
        at = best[i]
        most = -np.inf
        if places[i] >= 0 and nameable[places[i]] >= 0:
            kinds[i], most = CLICKED, earned[at, CLICKED]
            named[i], said[i] = nameable[places[i]], shares[i]
        if sources[at] & FROM_POPULAR and earned[at, POPULAR] > most:
            kinds[i], most, named[i] = POPULAR, earned[at, POPULAR], -1
        if hers.size and nearness[at] >= min_similarity and earned[at, ALIKE] > most:
            kinds[i], named[i], said[i] = ALIKE, hers[nearest[at]], nearness[at]
    most_named = 0
    for i in range(best.size):
        if named[i] >= 0:
            alike = 0
            for other in range(i + 1):
                alike += named[other] == named[i]
            most_named = max(most_named, alike)
    return best, scores[best], kinds, named, said, most_named
