"""What the crowd's clicks have taught, item by item, in memory of fixed size.

Lists are kept in the form in which they are published: neighbours by key, weights as the bits of a
float16. A newcomer to a full list takes the place of its lightest neighbour.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.arrays import reserved
from streams.core.learning.compiled import compiled, find, mixed, narrowed, widened
from streams.core.learning.rules import FACTORS, SESSION_NEIGHBOURS, WALK_NEIGHBOURS

MOST_GROWTH = 16.0
"""Forward decay: a list's steps grow as time passes; past this they are rescaled to 1."""
HEAVY = 30_000.0
"""A walk list whose heaviest neighbour passes this is halved: float16 ends at 65,504."""


class Crowd(NamedTuple):
    """Columns by row, all of the same length. Only the first few rows may be in use.

    Session weights and totals are as of `session_at`, in half-lives since the epoch; `year` as of
    `year_at`, likewise; `hot` as of `hot_at`, in half-lives of the clock that counts clicks.
    """

    keys: NDArray[np.uint32]
    session_keys: NDArray[np.uint32]
    session_weights: NDArray[np.uint16]
    session_sizes: NDArray[np.int32]
    session_totals: NDArray[np.float32]
    session_at: NDArray[np.float64]
    walk_keys: NDArray[np.uint32]
    walk_weights: NDArray[np.uint16]
    walk_sizes: NDArray[np.int32]
    walk_totals: NDArray[np.float32]
    walk_scales: NDArray[np.float32]
    """What a stored walk weight of 1 stands for: 1, or a power of 2 after halvings."""
    likes: NDArray[np.float32]
    year: NDArray[np.float32]
    year_at: NDArray[np.float64]
    hot: NDArray[np.float32]
    hot_at: NDArray[np.float64]
    inward: NDArray[np.float32]
    """float32 [n, FACTORS]: what liking the item says of her."""
    outward: NDArray[np.float32]
    """float32 [n, FACTORS]: whom the item is for."""


def empty_crowd(rows: int) -> Crowd:
    """Room for `rows` items. The system gives the memory only as rows come into use."""
    return Crowd(
        keys=np.zeros(rows, np.uint32),
        session_keys=reserved((rows, SESSION_NEIGHBOURS), np.uint32),
        session_weights=reserved((rows, SESSION_NEIGHBOURS), np.uint16),
        session_sizes=np.zeros(rows, np.int32),
        session_totals=np.zeros(rows, np.float32),
        session_at=np.zeros(rows, np.float64),
        walk_keys=reserved((rows, WALK_NEIGHBOURS), np.uint32),
        walk_weights=reserved((rows, WALK_NEIGHBOURS), np.uint16),
        walk_sizes=np.zeros(rows, np.int32),
        walk_totals=np.zeros(rows, np.float32),
        walk_scales=np.ones(rows, np.float32),
        likes=np.zeros(rows, np.float32),
        year=np.zeros(rows, np.float32),
        year_at=np.zeros(rows, np.float64),
        hot=np.zeros(rows, np.float32),
        hot_at=np.zeros(rows, np.float64),
        inward=reserved((rows, FACTORS), np.float32),
        outward=reserved((rows, FACTORS), np.float32),
    )


@compiled
def raise_weight(
    keys: NDArray[np.uint32],
    weights: NDArray[np.uint16],
    size: int,
    key: np.uint32,
    step: np.float32,
    chance: np.uint32,
) -> int:
    """Add `step` to the weight of neighbour `key` in one list of `size`; its new size."""
    lightest, least = 0, np.uint16(0xFFFF)
    for at in range(size):
        if keys[at] == key:
            weights[at] = narrowed(widened(weights[at]) + step, chance)
            return size
        if weights[at] < least:  # the bits of float16s from 0 on rise as their values do
            lightest, least = at, weights[at]
    at = size if size < keys.size else lightest
    keys[at] = key
    weights[at] = narrowed(step, chance)
    return max(size, at + 1)


@compiled
def rescale(weights: NDArray[np.uint16], size: int, factor: np.float32, chance: np.uint64) -> None:
    """Multiply the weights of one list by `factor`."""
    for at in range(size):
        bits = np.uint32(mixed(chance + np.uint64(at)) & np.uint64(0xFFFFFFFF))
        weights[at] = narrowed(widened(weights[at]) * factor, bits)


@compiled
def session_step(crowd: Crowd, row: int, now: float, chance: np.uint64) -> np.float32:
    """What a click now weighs in the units of the session list of `row`, which may be rescaled.

    now: half-lives since the epoch. An event from before the list's base counts for less.
    """
    if crowd.session_sizes[row] == 0:
        crowd.session_at[row] = now
        crowd.session_totals[row] = 0.0
        return np.float32(1.0)
    growth = 2.0 ** (now - crowd.session_at[row])
    if growth > MOST_GROWTH:
        shrink = np.float32(1.0 / growth)
        rescale(crowd.session_weights[row], crowd.session_sizes[row], shrink, chance)
        crowd.session_totals[row] *= shrink
        crowd.session_at[row] = now
        return np.float32(1.0)
    return np.float32(growth)


@compiled
def meet_in_session(
    crowd: Crowd, row: int, key: np.uint32, step: np.float32, now: float, chance: np.uint64
) -> None:
    """One direction of a session pair: `key` was clicked `step` near the item of `row`."""
    step *= session_step(crowd, row, now, chance)
    crowd.session_sizes[row] = raise_weight(
        crowd.session_keys[row],
        crowd.session_weights[row],
        crowd.session_sizes[row],
        key,
        step,
        np.uint32(chance & np.uint64(0xFFFFFFFF)),
    )
    crowd.session_totals[row] += step


@compiled
def meet_in_walk(
    crowd: Crowd, row: int, key: np.uint32, step: np.float32, chance: np.uint64
) -> None:
    """One direction of a walk pair: a user who liked the item of `row` likes `key`."""
    if crowd.walk_totals[row] > HEAVY * crowd.walk_scales[row]:
        heaviest = np.uint16(0)
        for at in range(crowd.walk_sizes[row]):
            heaviest = max(heaviest, crowd.walk_weights[row, at])
        if widened(heaviest) > HEAVY:
            rescale(crowd.walk_weights[row], crowd.walk_sizes[row], np.float32(0.5), chance)
            crowd.walk_scales[row] *= np.float32(2.0)
    crowd.walk_sizes[row] = raise_weight(
        crowd.walk_keys[row],
        crowd.walk_weights[row],
        crowd.walk_sizes[row],
        key,
        np.float32(step / crowd.walk_scales[row]),
        np.uint32(chance & np.uint64(0xFFFFFFFF)),
    )
    crowd.walk_totals[row] += step


@compiled
def note_session(
    crowd: Crowd,
    slots: NDArray[np.int32],
    row: int,
    lately: NDArray[np.uint32],
    trust: np.float32,
    now: float,
    seed: np.uint64,
) -> None:
    """A click on `row` after clicks on `lately` (latest first): 0.9**(d-1) for each, both ways."""
    key = crowd.keys[row]
    step = trust
    for at in range(lately.size):
        other = find(slots, crowd.keys, lately[at])
        if other >= 0 and other != row:
            chance = mixed(seed + np.uint64(2 * at))
            meet_in_session(crowd, row, lately[at], step, now, chance)
            meet_in_session(crowd, other, key, step, now, mixed(chance))
        step *= np.float32(0.9)


@compiled
def note_walk(
    crowd: Crowd,
    slots: NDArray[np.int32],
    row: int,
    likes: NDArray[np.uint32],
    step: np.float32,
    seed: np.uint64,
) -> None:
    """A like of `row` by one who liked `likes`: `step` for each pair, both ways."""
    key = crowd.keys[row]
    for at in range(likes.size):
        other = find(slots, crowd.keys, likes[at])
        if other >= 0 and other != row:
            chance = mixed(seed + np.uint64(2 * at))
            meet_in_walk(crowd, row, likes[at], step, chance)
            meet_in_walk(crowd, other, key, step, mixed(chance))
