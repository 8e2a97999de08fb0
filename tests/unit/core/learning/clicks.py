"""Users who click, and what a recommender would say of it to the learner."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from streams.core.learning.interaction import Interaction
from streams.core.learning.rules import FACTORS, LATELY, LIKES, LearningRules

NOW_S = 1.7e9
RULES = LearningRules(items=200, trusted_items=1)


@dataclass
class Clicker:
    """One user: what she did, oldest first."""

    lately: list[int] = field(default_factory=list)
    likes: list[int] = field(default_factory=list)
    residual: np.ndarray = field(default_factory=lambda: np.zeros(FACTORS, np.float32))

    def before(self) -> tuple[np.ndarray, np.ndarray]:
        return keys(self.lately[::-1][:LATELY]), keys(self.likes[::-1][:LIKES])

    def clicks(
        self, item: int, offset: int, *, liked: bool = True, at_s: float = NOW_S
    ) -> Interaction:
        lately, likes = self.before()
        told = Interaction(
            partition=0,
            offset=offset,
            item=item,
            at_s=at_s,
            liked=liked and item not in self.likes,
            first=item not in self.lately,
            since_s=60.0 if self.lately else math.inf,
            liked_before=len(self.likes),
            touched_before=len(self.lately),
            lately=lately,
            likes=likes,
            barred=keys(self.lately),
            residual=self.residual,
        )
        if told.first:
            self.lately.append(item)
        if told.liked:
            self.likes.append(item)
        return told


def keys(items: list[int]) -> np.ndarray:
    return np.array(items, np.uint32)


def history(*items: int) -> list[Interaction]:
    """What one user's likes of these items, one after the other, tell."""
    user = Clicker()
    return [user.clicks(item, offset) for offset, item in enumerate(items)]


def circles(users: int, items: int, each: int, seed: int) -> list[tuple[int, int]]:
    """(user, item) in random order: half the users like even items, half of them odd ones."""
    rng = np.random.default_rng(seed)
    told = [
        (user, 2 * int(item) + user % 2 + 1)
        for user in range(users)
        for item in rng.permutation(items // 2)[:each]
    ]
    return [told[at] for at in rng.permutation(len(told))]
