"""How good and how fast an exported model is: precision@10 by category, cosines, speed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.devices import Session
from inference.export.feed import PIXELS
from inference.export.fitting import batches
from inference.export.sets import Labelled

NEIGHBOURS = 10
SPEED_BATCH = 16


@dataclass(frozen=True)
class Precision:
    """precision@10 by category: the share of a picture's ten nearest that are of its group.

    Groups of fewer than ten pictures are left out. `chance` is what random neighbours would get.
    """

    pictures: int
    groups: int
    chance: float
    value: float


def precision(vectors: NDArray[np.float32], groups: Sequence[str]) -> Precision:
    """vectors: unit rows [n, dim]; groups: n names."""
    _, index, counts = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    kept = counts[index] >= NEIGHBOURS
    vectors, index = vectors[kept], index[kept]
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :NEIGHBOURS]
    sizes = counts[counts >= NEIGHBOURS]
    total = int(sizes.sum())
    return Precision(
        pictures=total,
        groups=int(np.count_nonzero(counts >= NEIGHBOURS)),
        chance=float((sizes * (sizes - 1)).sum() / (total * (total - 1))),
        value=float((index[nearest] == index[:, None]).mean()),
    )


def encode(session: Session, pictures: Sequence[Labelled]) -> NDArray[np.float32]:
    """The vectors of all pictures, [n, dim]."""
    return np.concatenate(
        [session.run(None, {PIXELS: b})[0] for b in batches((p.pixels for p in pictures), 16)]
    )


def speeds(sessions: Sequence[Session], pixels: NDArray[np.uint8], rounds: int) -> list[float]:
    """Pictures per second of each session, on one thread's CPU time, taking turns.

    CPU time rather than wall time, and the best round of each, because other programs may share
    the cores and their caches. `pixels` is one batch, uint8 [n, size, size, 3].
    """
    taken: list[list[float]] = [[] for _ in sessions]
    for _ in range(rounds + 1):
        for session, times in zip(sessions, taken, strict=True):
            start_s = time.process_time()
            session.run(None, {PIXELS: pixels})
            times.append(time.process_time() - start_s)
    # The first round pays for allocations.
    return [len(pixels) / min(times[1:]) for times in taken]
