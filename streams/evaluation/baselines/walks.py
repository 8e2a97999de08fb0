"""Random walks from a user to items and back, three or five steps long."""

from __future__ import annotations

import numpy as np

from streams.evaluation.baselines.dense import add_pairs, matrix, sum_rows
from streams.evaluation.baselines.histories import Histories
from streams.evaluation.baselines.likes import Likes
from streams.evaluation.method import Event, Mask, Scores

LIKES = 50
_FADE = 0.97


class Walk:
    """Where a random walk over likes ends that begins at her: user, item, user, item, and so on.

    Every step chooses evenly among the likes of where it stands, so three steps give
    score(i) = sum over her liked j, users v who like j and i, of 1 / (n(j) k(v)) with n the likes
    of an item and k those of a user: P3 in C. Cooper, S. H. Lee, T. Radzik, Y. Siantos, "Random
    walks in recommender systems: exact computation and simulations", WWW 2014.

    damping  divide by n(i) + 1 to this power: RP3-beta in B. Paudel, F. Christoffel, C. Newell,
             A. Bernstein, "Updatable, accurate, diverse, and scalable recommendations for
             interactive applications", TiiS 7 (1), 2017.
    """

    def __init__(
        self,
        users: int,
        items: int,
        most: int,
        *,
        name: str = "walk-3",
        steps: int = 3,
        damping: float = 0.0,
    ) -> None:
        self.name = name
        self._damping = damping
        self._more = (steps - 1) // 2
        self._likes = Likes(users, items, most)
        self._shares = np.zeros(users)
        self._scores = np.zeros(items)

    def arrive(self, item: int, at_s: float) -> None:
        """Of an item that nobody liked it knows nothing."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        reached, counts = self._likes.of(user), self._likes.item_counts
        weights = 1.0 / counts[reached]
        self._scores.fill(0.0)
        for _ in range(self._more):
            self._likes.step(reached, weights, self._shares, self._scores)
            reached = np.flatnonzero(self._scores).astype(np.int32)
            weights = self._scores[reached] / counts[reached]
        if self._damping:
            self._scores[reached] /= (counts[reached] + 1.0) ** self._damping
        return self._scores

    def learn(self, event: Event) -> None:
        if event.positive and self._likes.add(event.user, event.item):
            self._shares[event.user] = 1.0 / self._likes.user_counts[event.user]


class RootsWalk:
    """The three-step walk with square roots in place of the numbers of likes, and fading.

    She likes i after k others: W(i, j) grows by 1 / sqrt(k + 1) for each j of the last 50 of them.
    score(i) = sum over her last 50 likes j, k back, of .97^k W(j, i) / sqrt(n(j) + 1).
    """

    def __init__(self, items: int, *, name: str = "walk-roots") -> None:
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
