"""Session co-visits: what was touched shortly before or after, by anybody."""

from __future__ import annotations

import numpy as np

from streams.evaluation.baselines.dense import add_pairs, matrix, sum_rows
from streams.evaluation.baselines.histories import Histories
from streams.evaluation.method import Event, Mask, Scores

WINDOW = 20
_FADE = 0.9
_SMALL = 10.0


class SessionCovisits:
    """Co-visits in a sliding window over each user's events of any kind.

    Her event on i, with j the d-th last of hers before it (d up to 20): S(i, j), n(i) and n(j) grow
    by .9^(d-1). score(i) = sum over her last 20, k back, of .9^k S(j, i) / sqrt(n(j) + 10), divided
    by (n(i) + 10)^damping. The same item counts in neither place. Weighted co-visitation in the way
    of J. Davidson et al., "The YouTube video recommendation system", RecSys 2010.
    """

    def __init__(self, items: int, *, name: str = "sessions", damping: float = 0.3) -> None:
        self.name = name
        self._damping = damping
        self._pairs = matrix(items)
        self._counts = np.zeros(items)
        self._events = Histories()
        self._scores = np.zeros(items)

    def arrive(self, item: int, at_s: float) -> None:
        """Of an item that nobody touched it knows nothing."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        last = self._events.of(user)[-WINDOW:]
        weights = _FADE ** np.arange(len(last) - 1, -1, -1.0)
        weights /= np.sqrt(self._counts[last] + _SMALL)
        sum_rows(self._pairs, last, weights, self._scores)
        self._scores /= (self._counts + _SMALL) ** self._damping
        return self._scores

    def learn(self, event: Event) -> None:
        last = self._events.of(event.user)[-WINDOW:]
        weights = _FADE ** np.arange(len(last) - 1, -1, -1.0)
        others = last != event.item
        last, weights = last[others], weights[others]
        add_pairs(self._pairs, event.item, last, weights)
        np.add.at(self._counts, last, weights)
        self._counts[event.item] += weights.sum()
        self._events.add(event.user, event.item)
