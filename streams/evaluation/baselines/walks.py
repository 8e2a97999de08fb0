"""Random walks from a user to items and back, three steps long."""

from __future__ import annotations

import numpy as np

from streams.evaluation.baselines.dense import add_pairs, matrix, sum_rows
from streams.evaluation.baselines.histories import Histories
from streams.evaluation.method import Event, Mask, Scores

LIKES = 50
_FADE = 0.97


class Walk:
    """The three-step walk user, item, user, item, kept up with the stream.

    She likes i after k others: W(i, j) grows by 1 / sqrt(k + 1) for each j of the last 50 of them.
    score(i) = sum over her last 50 likes j, k back, of .97^k W(j, i) / sqrt(n(j) + 1). Square roots
    stand where the walk proper divides by the numbers of likes (C. Cooper, S. H. Lee, T. Radzik,
    Y. Siantos, "Random walks in recommender systems: exact computation and simulations", WWW 2014);
    it is not divided by the target's popularity.
    """

    def __init__(self, items: int, *, name: str = "walk") -> None:
        self.name = name
        self._pairs = matrix(items)
        self._counts = np.zeros(items)
        self._likes = Histories()
        self._scores = np.zeros(items)

    def arrive(self, item: int, at_s: float) -> None:
        """Of an item that nobody liked it knows nothing."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        likes = self._likes.of(user)[-LIKES:]
        weights = _FADE ** np.arange(len(likes) - 1, -1, -1.0)
        weights /= np.sqrt(self._counts[likes] + 1.0)
        sum_rows(self._pairs, likes, weights, self._scores)
        return self._scores

    def learn(self, event: Event) -> None:
        if not event.positive:
            return
        likes = self._likes.of(event.user)
        if event.item in likes:
            return
        weight = 1.0 / np.sqrt(len(likes) + 1.0)
        last = likes[-LIKES:]
        add_pairs(self._pairs, event.item, last, np.full(len(last), weight))
        self._counts[event.item] += 1.0
        self._likes.add(event.user, event.item)
