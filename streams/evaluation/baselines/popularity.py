"""Baselines that know no user: chance, and what everybody likes."""

from __future__ import annotations

import numpy as np

from streams.evaluation.method import Event, Mask, Scores


class Chance:
    """Every order is as likely as every other; seeded."""

    name = "random"

    def __init__(self, items: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._items = items

    def arrive(self, item: int, at_s: float) -> None:
        """It knows nothing."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        return self._random.random(self._items)

    def learn(self, event: Event) -> None:
        """It learns nothing."""


class Popularity:
    """How many positive events an item had, a share of them forgotten with each that comes.

    half_life_events  after so many positive events of anybody one counts half; infinite: never.
    """

    def __init__(
        self, items: int, *, name: str = "popularity", half_life_events: float = np.inf
    ) -> None:
        self.name = name
        self._growth = 2.0 ** (1.0 / half_life_events)
        self._one = 1.0
        self._counts = np.zeros(items)

    def arrive(self, item: int, at_s: float) -> None:
        """An item begins with nothing."""

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        return self._counts

    def learn(self, event: Event) -> None:
        if not event.positive:
            return
        self._one *= self._growth
        self._counts[event.item] += self._one
        if self._one > 1e100:
            self._counts /= self._one
            self._one = 1.0
