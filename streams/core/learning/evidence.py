"""What the signals say of every item for one user: two lists walked, one of them twice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.arrays import reserved
from streams.core.learning.compiled import compiled, highest, widened
from streams.core.learning.rules import (
    FACTORS,
    LATELY,
    LIKES,
    SESSION_NEIGHBOURS,
    WALK_NEIGHBOURS,
)

HEAVIEST = 64
"""How many items the walk goes on from."""
DAMPING = np.float32(10.0)
UNKNOWN_SHARE = np.float32(10.0**-0.3)
FLOOR = np.float32(0.05)
"""The share of popularity in the logarithms, so that they are bounded where nothing is known."""


class Signals(NamedTuple):
    """What is known of each item, by row, as it was published. Neighbours are rows here."""

    session_rows: NDArray[np.int32]
    session_weights: NDArray[np.uint16]
    session_sizes: NDArray[np.int32]
    session_totals: NDArray[np.float32]
    session_at: NDArray[np.float64]
    session_shares: NDArray[np.float32]
    """(total + 10)**-.3 as of when the item was published: what tames the popular ones."""
    walk_rows: NDArray[np.int32]
    walk_weights: NDArray[np.uint16]
    walk_sizes: NDArray[np.int32]
    walk_totals: NDArray[np.float32]
    walk_scales: NDArray[np.float32]
    likes: NDArray[np.float32]
    year: NDArray[np.float32]
    year_at: NDArray[np.float64]
    hot: NDArray[np.float32]
    hot_at: NDArray[np.float64]
    inward: NDArray[np.float32]
    outward: NDArray[np.float32]
    listed: NDArray[np.bool_]
    """Whether the item may be recommended at all."""


class Scratch(NamedTuple):
    """Working memory. A row that a use adds to gets a place, in the order in which they come: the
    sums lie close together, and whoever goes over all of them goes straight ahead. What is asked of
    a row thousands of times for each list is two bytes, so that it stays in the cache."""

    rows: NDArray[np.uint16]
    """By row: 1 + its place, and `BARRED`; 0 between two uses."""
    touched: NDArray[np.int32]
    """By place, as what follows: the row."""
    kept: NDArray[np.bool_]
    """Whether it is not barred."""
    listed: NDArray[np.bool_]
    """Whether it may be listed: neither barred nor unavailable."""
    session: NDArray[np.float32]
    walk: NDArray[np.float32]
    longer: NDArray[np.float32]
    damped: NDArray[np.float32]
    """What the popularity of the item leaves of `session`, where that is not 0."""
    chosen: NDArray[np.int32]
    """By row: 1 + which candidate it is; 0 between two uses."""


BARRED = np.uint16(0x8000)
"""In Scratch.rows: the row may not be listed."""
_PLACE = np.uint16(0x7FFF)
MOST_TOUCHED = LATELY * SESSION_NEIGHBOURS + (LIKES + HEAVIEST) * WALK_NEIGHBOURS
"""Rows that one use can add to. They must fit beside `BARRED`."""


_HEAD = np.dtype(
    [
        ("session_at", np.float64),
        ("year_at", np.float64),
        ("hot_at", np.float64),
        ("session_totals", np.float32),
        ("session_sizes", np.int32),
        ("walk_totals", np.float32),
        ("walk_scales", np.float32),
        ("walk_sizes", np.int32),
        ("likes", np.float32),
        ("year", np.float32),
        ("hot", np.float32),
        ("unused", np.float64),
    ]
)
"""What is asked of a row at once lies in one line of the cache: 64 bytes."""


def empty_signals(rows: int) -> Signals:
    """Room for `rows` items. The system gives the memory only as rows come into use."""
    heads = reserved((rows,), _HEAD)
    heads["walk_scales"] = 1.0
    return Signals(
        session_rows=reserved((rows, SESSION_NEIGHBOURS), np.int32),
        session_weights=reserved((rows, SESSION_NEIGHBOURS), np.uint16),
        session_shares=np.full(rows, UNKNOWN_SHARE, np.float32),
        walk_rows=reserved((rows, WALK_NEIGHBOURS), np.int32),
        walk_weights=reserved((rows, WALK_NEIGHBOURS), np.uint16),
        inward=reserved((rows, FACTORS), np.float32),
        outward=reserved((rows, FACTORS), np.float32),
        listed=np.ones(rows, np.bool_),
        **{str(name): heads[name] for name in _HEAD.names or () if name != "unused"},
    )


def empty_scratch(rows: int) -> Scratch:
    """Working memory for so many rows."""
    places = min(rows, MOST_TOUCHED)
    return Scratch(
        rows=np.zeros(rows, np.uint16),
        touched=np.zeros(places, np.int32),
        kept=np.zeros(places, np.bool_),
        listed=np.zeros(places, np.bool_),
        session=np.zeros(places, np.float32),
        walk=np.zeros(places, np.float32),
        longer=np.zeros(places, np.float32),
        damped=np.zeros(places, np.float32),
        chosen=np.zeros(rows, np.int32),
    )


@compiled
def place_of(scratch: Scratch, row: int) -> int:
    """The place of a row, -1 for none."""
    return int(np.int64(scratch.rows[row] & _PLACE)) - 1


@compiled
def spread(
    scratch: Scratch,
    sums: NDArray[np.float32],
    rows: NDArray[np.int32],
    weights: NDArray[np.uint16],
    size: int,
    factor: np.float32,
    touched: int,
) -> int:
    """Add `factor` times one list to `sums`, one of scratch's; how many rows have a place now."""
    for at in range(size):
        row = rows[at]
        # Whether a row is new can't be foreseen, so nothing is done only if it is.
        mark = scratch.rows[row]
        known = int(np.int64(mark & _PLACE))
        touched += known == 0
        place = known if known else touched
        scratch.rows[row] = (mark & BARRED) | np.uint16(place)
        scratch.touched[place - 1] = row
        sums[place - 1] += widened(weights[at]) * factor
    return touched


@compiled
def gather(
    signals: Signals,
    scratch: Scratch,
    lately: NDArray[np.int32],
    likes: NDArray[np.int32],
    session_now: float,
) -> int:
    """Fill the sums of every item that can be reached, by place; how many that are. `bar` first.

    lately, likes: rows, latest first, -1 where the item is not known. session_now: half-lives.

    session(i) = sum_k 0.9**k S[j_k][i] / sqrt(n_S[j_k] + 10), as of now;
    walk(i)    = sum_k 0.97**k W[j_k][i] / sqrt(likes[j_k] + 1);
    longer(i)  = walk(i) / 2 + sum over the 64 heaviest j of walk(j) W[j][i] / m[j].
    """
    touched = 0
    fade = np.float32(1.0)
    for k in range(lately.size):
        row = lately[k]
        if row >= 0 and signals.session_sizes[row] > 0:
            age = min(max(session_now - signals.session_at[row], -100.0), 100.0)
            since = np.float32(2.0 ** (-age))
            damped = np.sqrt(signals.session_totals[row] * since + DAMPING)
            touched = spread(
                scratch,
                scratch.session,
                signals.session_rows[row],
                signals.session_weights[row],
                signals.session_sizes[row],
                fade * since / damped,
                touched,
            )
        fade *= np.float32(0.9)
    fade = np.float32(1.0)
    for k in range(likes.size):
        row = likes[k]
        if row >= 0 and signals.walk_sizes[row] > 0:
            touched = spread(
                scratch,
                scratch.walk,
                signals.walk_rows[row],
                signals.walk_weights[row],
                signals.walk_sizes[row],
                fade * signals.walk_scales[row] / np.sqrt(signals.likes[row] + np.float32(1.0)),
                touched,
            )
        fade *= np.float32(0.97)
    heaviest = highest(scratch.walk[:touched], HEAVIEST)
    for at in range(heaviest.size):
        row = scratch.touched[heaviest[at]]
        if signals.walk_totals[row] > 0.0:
            touched = spread(
                scratch,
                scratch.longer,
                signals.walk_rows[row],
                signals.walk_weights[row],
                signals.walk_sizes[row],
                scratch.walk[heaviest[at]] * signals.walk_scales[row] / signals.walk_totals[row],
                touched,
            )
    for place in range(touched):
        scratch.longer[place] += np.float32(0.5) * scratch.walk[place]
        row = scratch.touched[place]
        scratch.kept[place] = scratch.rows[row] < BARRED
        scratch.listed[place] = scratch.kept[place] and signals.listed[row]
    return touched


@compiled
def bar(scratch: Scratch, rows: NDArray[np.int32]) -> int:
    """Mark rows that may not be listed; how many different ones."""
    n = 0
    for at in range(rows.size):
        if rows[at] >= 0 and not scratch.rows[rows[at]] & BARRED:
            scratch.rows[rows[at]] |= BARRED
            n += 1
    return n


@compiled
def clear(scratch: Scratch, touched: int, rows: NDArray[np.int32]) -> None:
    """Make everything zero again: what `gather` touched, and the marks of `rows`."""
    for place in range(touched):
        scratch.rows[scratch.touched[place]] = 0
    scratch.session[:touched] = scratch.walk[:touched] = scratch.longer[:touched] = 0.0
    for at in range(rows.size):
        if rows[at] >= 0:
            scratch.rows[rows[at]] = 0
