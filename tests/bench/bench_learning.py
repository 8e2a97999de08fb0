"""What the crowd's signals cost a list, in microseconds: python -m tests.bench.bench_learning

The worst there can be: every item has full lists of random neighbours, and her windows are full.
The baseline of the same run is numpy's product of one query of 256 components with 4,000 vectors.
CPU time of this thread, best of several rounds: the machine is shared.
"""

from __future__ import annotations

import os
import timeit
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: as the workers run

import time

import numpy as np

from streams.core.learning.causes import causes
from streams.core.learning.features import Moment
from streams.core.learning.ranker import contexts
from streams.core.learning.rules import (
    FACTORS,
    LATELY,
    LIKES,
    SESSION_NEIGHBOURS,
    WALK_NEIGHBOURS,
    LearningRules,
)
from streams.core.learning.table import SignalTable

ROUNDS, LISTS = 60, 20
LISTED = 20


def best_us(call: Callable[[], object]) -> float:
    """Microseconds of one call, in the best round."""
    times = timeit.repeat(call, timer=time.thread_time, number=LISTS, repeat=ROUNDS)
    return min(times) / LISTS * 1e6


def full_table(items: int, seed: int = 1) -> SignalTable:
    """Every list full, of neighbours and weights drawn at random."""
    rng = np.random.default_rng(seed)
    table = SignalTable(LearningRules(items=items))
    for key in range(items):
        table.add(key)
    s = table.signals
    for rows, weights, sizes, n in (
        (s.session_rows, s.session_weights, s.session_sizes, SESSION_NEIGHBOURS),
        (s.walk_rows, s.walk_weights, s.walk_sizes, WALK_NEIGHBOURS),
    ):
        rows[:items] = rng.integers(items, size=(items, n))
        drawn = rng.gamma(1.0, 4.0, (items, n)).astype(np.float16)
        weights[:items] = drawn.view(np.uint16)
        sizes[:items] = n
    s.walk_totals[:items] = 1_000.0
    s.session_totals[:items] = 1_000.0
    s.likes[:items] = rng.integers(1, 1_000, items)
    s.year[:items] = s.hot[:items] = s.likes[:items]
    s.outward[:items] = s.inward[:items] = rng.normal(size=(items, FACTORS))
    table.all_likes = float(s.likes[:items].sum())
    return table


def moments(table: SignalTable, n: int = LISTS, seed: int = 2) -> list[Moment]:
    """Users whose windows are full and who may not be shown 400 items."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        hers = rng.choice(table.size, 400, replace=False).astype(np.uint32)
        made.append(table.moment(hers[:LATELY], hers[:LIKES], hers, None, 0.0))
    return made


def costs(items: int) -> dict[str, float]:
    """Microseconds of one list's steps."""
    table = full_table(items)
    crowd = moments(table)
    hers = contexts(30, 60.0)

    def over(call: Callable[[Moment], object]) -> float:
        turn = iter(crowd * (ROUNDS + 1))  # another user each time: caches as in life
        call(crowd[0])
        return best_us(lambda: call(next(turn)))

    def scored(moment: Moment) -> object:
        _, _, features, _ = table.retrieve(moment)
        return table.weights.score(features, hers)

    listed = table.retrieve(crowd[0])[0][:LISTED]
    return {
        "candidates, features and scores": over(scored),
        f"reasons of {LISTED} items": over(lambda m: causes(table.signals, m, listed)),
    }


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(4_000, 256)).astype(np.float32)
    query = vectors[0].copy()
    base = best_us(lambda: vectors @ query)
    print(f"product of 256 x 4,000: {base:.0f} us")
    for items in (4_000, 100_000):
        for name, us in costs(items).items():
            print(f"{items:>8,} items  {name:<34} {us:6.0f} us  {us / base:5.1f} products")


if __name__ == "__main__":
    main()
