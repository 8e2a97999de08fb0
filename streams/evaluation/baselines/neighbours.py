"""Item-to-item collaborative filtering: what was liked by the same people."""

from __future__ import annotations

import numpy as np

from streams.evaluation.baselines.dense import add_pairs, matrix, sum_rows
from streams.evaluation.baselines.histories import Histories
from streams.evaluation.method import Event, Mask, Scores


class ItemCosine:
    """Cosine item-CF over likes, exact and up to the minute.

    score(i) = sum over her liked j of recency^k c(i, j) / sqrt(n(i) n(j)), where c counts the
    users who liked both, n those who liked one, and k is how many of her likes came after j.
    recency 1 is the textbook form: B. Sarwar, G. Karypis, J. Konstan, J. Riedl, "Item-based
    collaborative filtering recommendation algorithms", WWW 2001; G. Linden, B. Smith, J. York,
    "Amazon.com recommendations: item-to-item collaborative filtering", 2003.
    """

    def __init__(self, items: int, *, name: str = "item-cf", recency: float = 1.0) -> None:
        self.name = name
        self._recency = recency
        self._pairs = matrix(items)
        self._counts = np.zeros(items)
        self._likes = Histories()
        self._scores = np.zeros(items)

    def arrive(self, item: int, at_s: float) -> None:
        """Of an item that nobody liked it knows nothing."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        likes = self._likes.of(user)
        weights = self._recency ** np.arange(len(likes) - 1, -1, -1.0)
        weights /= np.sqrt(np.maximum(self._counts[likes], 1.0))
        sum_rows(self._pairs, likes, weights, self._scores)
        self._scores /= np.sqrt(np.maximum(self._counts, 1.0))
        return self._scores

    def learn(self, event: Event) -> None:
        if not event.positive:
            return
        likes = self._likes.of(event.user)
        if event.item in likes:
            return
        add_pairs(self._pairs, event.item, likes, np.ones(len(likes)))
        self._counts[event.item] += 1.0
        self._likes.add(event.user, event.item)
