"""The rank of what came, and the best few: compiled, because it is done for every method's list."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import compiled
from streams.evaluation.method import Mask, Scores

NOT_FOUND = np.inf
NOBODY = -1


class Placed(NamedTuple):
    """Where the target stands among the unseen items, and who stands first."""

    rank: float
    """1 is best; NOT_FOUND where it was not retrieved. Of equal scores every one gets the middle
    of their ranks, so that nothing is won by giving all the same score."""
    top: NDArray[np.int32]
    """int32 [k], best first, padded with NOBODY."""


def place(scores: Scores, unseen: Mask, target: int, shuffled: NDArray[np.int32], k: int) -> Placed:
    """Rank `target` and find the `k` best.

    shuffled  int32 [items], a random order of the items: who stands first among equals in `top`.
    """
    top = np.full(k, NOBODY, np.int32)
    return Placed(_place(scores, unseen, target, shuffled, top), top)


@compiled
def _place(
    scores: Scores,
    unseen: Mask,
    target: int,
    shuffled: NDArray[np.int32],
    top: NDArray[np.int32],
) -> float:
    wanted = scores[target] if target >= 0 and unseen[target] else np.nan
    better, equal, taken, k = 0, 0, 0, len(top)
    for item in range(len(scores)):
        score = scores[item]
        if not unseen[item] or not score > -np.inf:
            continue
        if score > wanted:
            better += 1
        elif score == wanted and item != target:
            equal += 1
        at = taken
        while at > 0:
            other = top[at - 1]
            if scores[other] > score or (
                scores[other] == score and shuffled[other] < shuffled[item]
            ):
                break
            if at < k:
                top[at] = other
            at -= 1
        if at < k:
            top[at] = item
            taken = min(taken + 1, k)
    if not wanted > -np.inf:
        return np.inf
    return 1.0 + better + equal / 2.0
