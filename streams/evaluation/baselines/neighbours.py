"""Item-to-item collaborative filtering: what was liked by the same people."""

from __future__ import annotations

import numpy as np

from streams.evaluation.baselines.likes import Likes
from streams.evaluation.method import Event, Mask, Scores


class ItemCosine:
    """Cosine item-CF over likes, exact and up to the minute.

    score(i) = sum over her liked j of recency^k c(i, j) / sqrt(n(i) n(j)), where c counts the
    users who liked both, n those who liked one, and k is how many of her likes came after j.
    recency 1 is the textbook form: B. Sarwar, G. Karypis, J. Konstan, J. Riedl, "Item-based
    collaborative filtering recommendation algorithms", WWW 2001; G. Linden, B. Smith, J. York,
    "Amazon.com recommendations: item-to-item collaborative filtering", 2003.
    """

    def __init__(
        self, users: int, items: int, most: int, *, name: str = "item-cf", recency: float = 1.0
    ) -> None:
        self.name = name
        self._recency = recency
        self._likes = Likes(users, items, most)
        self._all_users = np.ones(users)
        self._scores = np.zeros(items)

    def arrive(self, item: int, at_s: float) -> None:
        """Of an item that nobody liked it knows nothing."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        likes, counts = self._likes.of(user), self._likes.item_counts
        weights = self._recency ** np.arange(len(likes), dtype=np.float64)
        weights /= np.sqrt(counts[likes])
        self._likes.step(likes, weights, self._all_users, self._scores)
        self._scores /= np.sqrt(np.maximum(counts, 1))
        return self._scores

    def learn(self, event: Event) -> None:
        if event.positive:
            self._likes.add(event.user, event.item)
