"""Pictures only: what looks like what she liked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.method import NOT_RETRIEVED, Event, Mask, Scores
from streams.evaluation.vectors import centre


class Looks:
    """Cosine with the mean of the pictures she liked.

    Vectors are centred first (the mean of all given ones is taken off, then each is made a unit
    vector): raw features of a network share one direction. Content-based filtering in its plainest
    form: M. Pazzani, D. Billsus, "Content-based recommendation systems", 2007.
    """

    name = "pictures"

    def __init__(self, vectors: NDArray[np.float32], has: NDArray[np.bool_]) -> None:
        """vectors: float32 [items, dim], unit rows where `has` is true."""
        real = vectors[has]
        if len(real):
            centre(real)
        self._vectors = np.zeros_like(vectors)
        self._vectors[has] = real
        self._has = has
        self._liked: dict[int, NDArray[np.float32]] = {}

    def arrive(self, item: int, at_s: float) -> None:
        """It looks as it looks."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        liked = self._liked.get(user)
        if liked is None:
            return np.where(self._has, 0.0, NOT_RETRIEVED)
        return np.where(self._has, self._vectors @ liked, NOT_RETRIEVED)

    def learn(self, event: Event) -> None:
        if not event.positive or not self._has[event.item]:
            return
        vector = self._vectors[event.item]
        liked = self._liked.get(event.user)
        self._liked[event.user] = vector.copy() if liked is None else liked + vector
