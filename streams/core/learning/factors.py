"""Factors learned by softmax: which vector of hers picks the item that she liked out of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import compiled, mixed
from streams.core.learning.rules import FACTORS

MOST_GRADIENT = np.float32(4.0)
"""The longest gradient that a step is taken from."""
MOST_RESIDUAL = np.float32(8.0)
"""The longest residual of a user."""
FIRST_DEVIATION = 0.1


@compiled
def first_factors(
    key: np.uint32, inward: NDArray[np.float32], outward: NDArray[np.float32]
) -> None:
    """Where an item starts: normal with deviation .1, drawn from its key alone."""
    state = mixed(np.uint64(key) + np.uint64(0x5DEECE66D))
    for f in range(FACTORS):
        state = mixed(state)
        u = (np.float64(state >> np.uint64(11)) + 0.5) * 2.0**-53
        state = mixed(state)
        v = np.float64(state >> np.uint64(11)) * 2.0**-53
        radius = FIRST_DEVIATION * np.sqrt(-2.0 * np.log(u))  # Box and Muller
        inward[f] = radius * np.cos(2.0 * np.pi * v)
        outward[f] = radius * np.sin(2.0 * np.pi * v)


@compiled
def draw(
    cumulated: NDArray[np.floating],
    size: int,
    n: int,
    seed: np.uint64,
    barred: NDArray[np.int32],
    row: int,
    drawn_from: NDArray[np.int32],
) -> NDArray[np.int32]:
    """`n` of `size` rows with chances as in `cumulated`, or all alike where that is empty.

    The rows are those of `drawn_from`, or the first ones where that is empty. None of them is `row`
    or `barred`, so there may be fewer: 3 n are drawn at most.
    """
    rows = np.empty(n, np.int32)
    taken = 0
    state = seed
    for _ in range(3 * n):
        if taken == n:
            break
        state = mixed(state)
        aim = np.float64(state >> np.uint64(11)) * 2.0**-53
        if cumulated.size == 0:
            drawn = int(aim * size)
        else:
            aim *= cumulated[-1]
            low, high = 0, cumulated.size - 1  # the first whose cumulated chance passes the aim
            while low < high:
                middle = (low + high) // 2
                if cumulated[middle] > aim:
                    high = middle
                else:
                    low = middle + 1
            drawn = low
        if drawn_from.size > 0:
            drawn = int(drawn_from[drawn])
        free = drawn != row
        for at in range(barred.size):
            if barred[at] == drawn:
                free = False
                break
        if free:
            rows[taken] = drawn
            taken += 1
    return rows[:taken]


@compiled
def choice_gradient(
    x: NDArray[np.float32],
    outward: NDArray[np.float32],
    rows: NDArray[np.int32],
    rate: np.float32,
    learns: bool,
) -> NDArray[np.float32]:
    """d loss / dx for the choice of rows[0] out of `rows`; `outward` takes a step if it `learns`.

    loss = -log softmax(outward[rows] x)[0], from before the step. At most `MOST_GRADIENT` long; all
    zero where something is not finite.
    """
    n = rows.size
    logits = np.zeros(n, np.float32)
    for at in range(n):
        for f in range(FACTORS):
            logits[at] += outward[rows[at], f] * x[f]
    top = logits.max()
    gradient = np.zeros(FACTORS, np.float32)
    if not np.isfinite(top):
        return gradient
    total = np.float32(0.0)
    for at in range(n):
        logits[at] = np.exp(logits[at] - top)
        total += logits[at]
    length = np.float32(0.0)
    for f in range(FACTORS):
        length += x[f] * x[f]
    step = rate * min(np.float32(1.0), MOST_GRADIENT / max(np.sqrt(length), np.float32(1e-9)))
    for at in range(n):
        error = logits[at] / total
        if at == 0:
            error -= np.float32(1.0)
        for f in range(FACTORS):
            gradient[f] += error * outward[rows[at], f]
        if learns:
            for f in range(FACTORS):
                outward[rows[at], f] -= step * error * x[f]
    length = np.float32(0.0)
    for f in range(FACTORS):
        length += gradient[f] * gradient[f]
    if not np.isfinite(length):
        return np.zeros(FACTORS, np.float32)
    gradient *= min(np.float32(1.0), MOST_GRADIENT / max(np.sqrt(length), np.float32(1e-9)))
    return gradient


@compiled
def sum_inward(inward: NDArray[np.float32], likes: NDArray[np.int32]) -> NDArray[np.float32]:
    """The factors of what she liked, over the root of their number. likes: rows, -1 for unknown."""
    x = np.zeros(FACTORS, np.float32)
    known = 0
    for k in range(likes.size):
        if likes[k] >= 0:
            known += 1
            for f in range(FACTORS):
                x[f] += inward[likes[k], f]
    if known > 0:
        x /= np.float32(np.sqrt(known))
    return x


@compiled
def learn_choice(
    inward: NDArray[np.float32],
    outward: NDArray[np.float32],
    likes: NDArray[np.int32],
    residual: NDArray[np.float32],
    rows: NDArray[np.int32],
    rate: np.float32,
    own_rate: np.float32,
) -> None:
    """One step of all factors that took part in her choice of rows[0] out of `rows`."""
    x = sum_inward(inward, likes) + residual
    gradient = choice_gradient(x, outward, rows, rate, True)
    known = (likes >= 0).sum()
    if known > 0:
        step = own_rate / np.float32(np.sqrt(known))
        for k in range(likes.size):
            if likes[k] >= 0:
                for f in range(FACTORS):
                    inward[likes[k], f] -= step * gradient[f]
