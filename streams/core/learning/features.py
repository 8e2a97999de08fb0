"""The nine named features of a candidate, and where candidates come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import compiled, highest
from streams.core.learning.evidence import (
    BARRED,
    FLOOR,
    Scratch,
    Signals,
    bar,
    clear,
    gather,
    place_of,
)
from streams.core.learning.factors import sum_inward
from streams.core.learning.rules import FACTORS

FEATURES = (
    "session_damped",
    "session_share",
    "walk_share",
    "longer_walk_share",
    "likes",
    "popular_year",
    "popular_now",
    "factors",
    "picture",
)
PICTURE = FEATURES.index("picture")

FROM_SESSION, FROM_WALK, FROM_POPULAR, FROM_ELSEWHERE, FROM_LONGER_WALK = 1, 2, 4, 8, 16
"""Where a candidate came from, as bits: a candidate may have several."""


class Moment(NamedTuple):
    """One user at one moment, by rows of the table; and the table's clocks and sums at it."""

    lately: NDArray[np.int32]
    """What she did last, latest first, at most 20; -1 is not known."""
    likes: NDArray[np.int32]
    """What she liked last, latest first, at most 50."""
    barred: NDArray[np.int32]
    """What may not be listed for her."""
    residual: NDArray[np.float32]
    """float32 [FACTORS]: what the factors of her items miss of her."""
    session_now: float
    year_now: float
    hot_now: float
    """Now, in half-lives of each decay."""
    items: int
    """Rows in use."""
    all_likes: float
    """The likes of all items together."""


@compiled
def look_up(
    signals: Signals,
    scratch: Scratch,
    moment: Moment,
    x: NDArray[np.float32],
    rows: NDArray[np.int32],
    features: NDArray[np.float32],
) -> None:
    """What the features of `rows` are made of, in their columns, as it is found: float32 [n, 9].

    A loop of its own, without logarithms: so the processor fetches what several rows need from far
    away at once, and among 100,000 items that is most of the work.
    """
    for at in range(rows.size):
        row = rows[at]
        place = place_of(scratch, row)
        if place >= 0:
            if scratch.session[place] > 0.0:
                features[at, 0] = scratch.damped[place]
            features[at, 1] = scratch.session[place]
            features[at, 2] = scratch.walk[place]
            features[at, 3] = scratch.longer[place]
        features[at, 4] = signals.likes[row]
        age = max(moment.year_now - signals.year_at[row], 0.0)
        features[at, 5] = signals.year[row] * 2.0 ** (-age)
        age = max(moment.hot_now - signals.hot_at[row], 0.0)
        features[at, 6] = signals.hot[row] * 2.0 ** (-age)
        product = np.float32(0.0)
        for f in range(FACTORS):
            product += x[f] * signals.outward[row, f]
        features[at, 7] = product


@compiled
def fill(
    signals: Signals,
    scratch: Scratch,
    touched: int,
    moment: Moment,
    barred: int,
    rows: NDArray[np.int32],
    features: NDArray[np.float32],
) -> None:
    """The features of `rows` (float32 [n, 9], zeros), after `gather`; the picture's column is
    left."""
    sessions = walks = longer_walks = damped_sum = damped_squares = 0.0
    for place in range(touched):
        damped = 0.0
        if scratch.session[place] > 0.0:  # of a part only: it saves looking up the others' shares
            share = signals.session_shares[scratch.touched[place]]
            scratch.damped[place] = scratch.session[place] * share
            damped = float(scratch.damped[place])
        if scratch.kept[place]:
            sessions += float(scratch.session[place])
            walks += float(scratch.walk[place])
            longer_walks += float(scratch.longer[place])
            damped_sum += damped
            damped_squares += damped * damped
    n = max(moment.items - barred, 1)
    mean = damped_sum / n
    deviation = np.sqrt(max(damped_squares / n - mean * mean, 0.0)) + 1e-9
    x = sum_inward(signals.inward, moment.likes) + moment.residual
    everything = moment.all_likes + 0.1 * moment.items
    look_up(signals, scratch, moment, x, rows, features)
    for at in range(rows.size):
        likes = features[at, 4]
        floor = FLOOR * (likes + 0.1) / everything
        z = (features[at, 0] - mean) / deviation
        features[at, 0] = min(z, 30.0) if damped_sum > 0.0 else 0.0
        features[at, 1] = np.log(features[at, 1] / max(sessions, 1e-30) + floor)
        features[at, 2] = np.log(features[at, 2] / max(walks, 1e-30) + floor)
        features[at, 3] = np.log(features[at, 3] / max(longer_walks, 1e-30) + floor)
        features[at, 4] = np.log(1.0 + likes)
        features[at, 5] = np.log(0.1 + features[at, 5])
        features[at, 6] = np.log(0.1 + features[at, 6])


@compiled
def describe(
    signals: Signals, scratch: Scratch, moment: Moment, rows: NDArray[np.int32]
) -> NDArray[np.float32]:
    """The features of given rows: float32 [n, 9]."""
    barred = bar(scratch, moment.barred)
    touched = gather(signals, scratch, moment.lately, moment.likes, moment.session_now)
    features = np.zeros((rows.size, 9), np.float32)
    fill(signals, scratch, touched, moment, barred, rows, features)
    clear(scratch, touched, moment.barred)
    return features


@compiled
def best_listed(scratch: Scratch, sums: NDArray[np.float32], n: int) -> NDArray[np.int32]:
    """The rows of the `n` highest of `sums`, one of scratch's, of what may be listed."""
    listed = np.where(scratch.listed[: sums.size], sums, np.float32(0.0))
    return scratch.touched[highest(listed, n)]


@compiled
def choose(
    scratch: Scratch,
    signals: Signals,
    rows: NDArray[np.int32],
    source: int,
    most: int,
    found: NDArray[np.int32],
    sources: NDArray[np.uint8],
    n: int,
) -> int:
    """Add up to `most` of `rows` that may be listed to the `n` found so far; how many there are."""
    taken = 0
    for at in range(rows.size):
        if taken == most or n == found.size:
            break
        row = rows[at]
        if row < 0 or scratch.rows[row] & BARRED or not signals.listed[row]:
            continue
        taken += 1
        if scratch.chosen[row]:
            sources[scratch.chosen[row] - 1] |= source
            continue
        found[n] = row
        sources[n] = source
        n += 1
        scratch.chosen[row] = n
    return n


@compiled
def retrieve(
    signals: Signals,
    scratch: Scratch,
    moment: Moment,
    popular: tuple[NDArray[np.int32], NDArray[np.int32]],
    others: NDArray[np.int32],
    limits: tuple[int, int, int, int],
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.float32], bool]:
    """Candidates with their sources and features: int32 [n], uint8 [n], float32 [n, 9].

    And whether anything is reached from hers.

    popular: rows by falling popularity, one array for each decay, long enough that enough of them
    are left without what is barred. others: rows to consider beside (near her interests, new).
    limits: how many from session, walk, longer walk, and each popularity.
    """
    barred = bar(scratch, moment.barred)
    touched = gather(signals, scratch, moment.lately, moment.likes, moment.session_now)
    room = limits[0] + limits[1] + limits[2] + 2 * limits[3] + others.size
    found, sources = np.empty(room, np.int32), np.empty(room, np.uint8)
    best = best_listed(scratch, scratch.session[:touched], limits[0])
    n = choose(scratch, signals, best, FROM_SESSION, room, found, sources, 0)
    best = best_listed(scratch, scratch.walk[:touched], limits[1])
    n = choose(scratch, signals, best, FROM_WALK, room, found, sources, n)
    best = best_listed(scratch, scratch.longer[:touched], limits[2])
    n = choose(scratch, signals, best, FROM_LONGER_WALK, room, found, sources, n)
    for rows in popular:
        n = choose(scratch, signals, rows, FROM_POPULAR, limits[3], found, sources, n)
    n = choose(scratch, signals, others, FROM_ELSEWHERE, room, found, sources, n)
    features = np.zeros((n, 9), np.float32)
    fill(signals, scratch, touched, moment, barred, found[:n], features)
    for at in range(n):
        scratch.chosen[found[at]] = 0
    clear(scratch, touched, moment.barred)
    return found[:n], sources[:n], features, touched > 0
