"""What is known of her from pictures alone: several interests, one mean, or the last item.

All three rank by the same vectors, so the difference is how her taste is kept.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from streams.core import splitting
from streams.core.interests import Interests, faded
from streams.core.ranker import CONCENTRATION
from streams.core.rules import NEGATIVE_KINDS, TasteRules
from streams.evaluation.method import NOT_RETRIEVED, Event, Mask, Scores

Vectors = NDArray[np.float32]


class LastItem:
    """Cosine with the item of her last event that weighs something."""

    name = "last-item"

    def __init__(self, vectors: Vectors, has: Mask, rules: TasteRules) -> None:
        """vectors: float32 [items, dim], unit rows where `has` is true."""
        self._vectors, self._has, self._rules = vectors, has, rules
        self._last: dict[int, int] = {}

    def arrive(self, item: int, at_s: float) -> None:
        """It looks as it looks."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        last = self._last.get(user)
        if last is None:
            return np.where(self._has, 0.0, NOT_RETRIEVED)
        return np.where(self._has, self._vectors @ self._vectors[last], NOT_RETRIEVED)

    def learn(self, event: Event) -> None:
        if _weight(event, self._rules) > 0.0 and self._has[event.item]:
            self._last[event.user] = event.item


class MeanVector:
    """Cosine with one mean of what she did, each item weighed and fading as in an interest."""

    name = "mean-vector"

    def __init__(self, vectors: Vectors, has: Mask, rules: TasteRules) -> None:
        """vectors: float32 [items, dim], unit rows where `has` is true."""
        self._vectors, self._has, self._rules = vectors, has, rules
        self._means: dict[int, tuple[float, NDArray[np.float64], NDArray[np.float64]]] = {}

    def arrive(self, item: int, at_s: float) -> None:
        """It looks as it looks."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        if user not in self._means:
            return np.where(self._has, 0.0, NOT_RETRIEVED)
        short, long = self._as_of(user, now_s)
        taste = (self._rules.short_term_boost * short + long).astype(np.float32)
        return np.where(self._has, self._vectors @ taste, NOT_RETRIEVED)

    def learn(self, event: Event) -> None:
        weight = _weight(event, self._rules)
        if weight > 0.0 and self._has[event.item]:
            short, long = self._as_of(event.user, event.at_s)
            step = weight * self._vectors[event.item]
            self._means[event.user] = event.at_s, short + step, long + step

    def _as_of(self, user: int, now_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        nothing = np.zeros(self._vectors.shape[1])
        at_s, short, long = self._means.get(user, (now_s, nothing, nothing))
        short = short * faded(now_s - at_s, self._rules.short_half_life_s)
        return short, long * faded(now_s - at_s, self._rules.long_half_life_s)


class SeveralInterests:
    """Her interests as the recommender keeps them; each gets its share of the places.

    An item stands under the interest that makes it most likely, and is worth what all of them make
    of it (`core.ranker.score`). The worth of the one at rank r under an interest is divided by
    2 r + 1, as places are shared (`diversity.share_places`).
    """

    name = "interests"

    def __init__(self, vectors: Vectors, has: Mask, rules: TasteRules) -> None:
        """vectors: float32 [items, dim], unit rows where `has` is true."""
        self._vectors, self._has, self._rules = vectors, has, rules
        self._users: dict[int, tuple[float, Interests]] = {}
        self._recent: dict[int, dict[int, float]] = {}
        self._events: Counter[int] = Counter()

    def arrive(self, item: int, at_s: float) -> None:
        """It looks as it looks."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        at_s, interests = self._users.get(user, (now_s, Interests()))
        scores = np.where(self._has, 0.0, NOT_RETRIEVED)
        if not len(interests):
            return scores
        strengths = np.array(interests.strengths(self._rules, now_s - at_s))
        shares = np.maximum(strengths / max(strengths.sum(), 1e-300), 1e-12)
        items = np.flatnonzero(self._has & unseen)
        cosines = self._vectors[items] @ interests.vectors.T
        likely = np.exp(CONCENTRATION * (cosines - 1.0)) * shares
        owners, worth = likely.argmax(axis=1), likely.sum(axis=1)
        for at in range(len(shares)):
            mine = np.flatnonzero(owners == at)
            order = mine[np.argsort(-worth[mine], kind="stable")]
            scores[items[order]] = worth[order] / (2.0 * np.arange(len(order)) + 1.0)
        return scores

    def learn(self, event: Event) -> None:
        weight = _weight(event, self._rules)
        if weight <= 0.0 or not self._has[event.item]:
            return
        at_s, interests = self._users.get(event.user, (event.at_s, Interests()))
        interests.fade(event.at_s - at_s, self._rules)
        views = self._vectors[event.item][None]
        interests.attract(views, weight, weight, str(event.item), self._rules)
        self._users[event.user] = event.at_s, interests
        recent = self._recent.setdefault(event.user, {})
        recent[event.item] = max(recent.pop(event.item, 0.0), weight)
        if len(recent) > self._rules.recent:
            del recent[next(iter(recent))]
        self._events[event.user] += 1
        if self._events[event.user] % splitting.EVERY == 0:
            items, weights = list(recent), list(recent.values())
            names = [str(item) for item in items]
            splitting.split(interests, names, weights, self._vectors[items], self._rules)


def _weight(event: Event, rules: TasteRules) -> float:
    return 0.0 if event.kind in NEGATIVE_KINDS else rules.weight(event.kind, event.dwell_s)
