"""What the crowd's clicks teach, alone: learner, signals and ranker, without pictures or lists.

The same objects as in the workers (core/learning), with every record encoded and decoded as it is
published. What is learned is served LATE events later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.features import FEATURES
from streams.core.learning.interaction import Interaction, decode_interaction
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import contexts
from streams.core.learning.residual import residual_after
from streams.core.learning.rules import BARRED, FACTORS, LATELY, LIKES, LearningRules
from streams.core.learning.signals import decode_signals
from streams.core.learning.table import Keys
from streams.core.profile import item_key
from streams.evaluation.log import Log
from streams.evaluation.method import NOT_RETRIEVED, Event, Mask, Scores

NAME = "learned"
LATE = 100
_CHANCES_EVERY = 500
_POPULAR_NOW = FEATURES.index("popular_now")


@dataclass(slots=True)
class _User:
    """Keys, oldest first."""

    touched: list[int] = field(default_factory=list)
    likes: list[int] = field(default_factory=list)
    last_s: float = -math.inf
    residual: NDArray[np.float32] = field(default_factory=lambda: np.zeros(FACTORS, np.float32))

    def lately(self) -> Keys:
        return np.array(self.touched[::-1][:LATELY], np.uint32)

    def liked(self) -> Keys:
        return np.array(self.likes[::-1][:LIKES], np.uint32)


class Learned:
    """Learner and recommender in one process. What a user has touched is not forgotten here."""

    def __init__(
        self,
        log: Log,
        rules: LearningRules | None = None,
        *,
        name: str = NAME,
        score_all: bool = False,
        late: int = LATE,
    ) -> None:
        """score_all: rank every item in place of what candidate retrieval brings up."""
        self.name = name
        self._rules = rules or LearningRules(items=max(len(log.item_ids), 16))
        self._learner = Learner(self._rules)
        self._keys = np.array([item_key(item_id) for item_id in log.item_ids], np.uint32)
        self._items = {int(key): item for item, key in enumerate(self._keys)}
        self._users: dict[int, _User] = {}
        self._score_all = score_all
        self._late = late
        self._events = 0
        self._chances = np.zeros(0)
        self._scores: Scores = np.empty(len(log.item_ids))

    def arrive(self, item: int, at_s: float) -> None:
        self._learner.table.add(int(self._keys[item]))

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        her, table = self._users.get(user) or _User(), self._learner.table
        barred = np.array(her.touched, np.uint32)
        moment = table.moment(her.lately(), her.liked(), barred, her.residual, now_s)
        if self._score_all:
            rows = table.rows(self._keys[unseen])
            features = table.describe(moment, rows)
        else:
            rows, _, features = table.retrieve(moment)
        scores = (
            table.weights.score(features, contexts(len(her.likes), now_s - her.last_s))
            if her.touched
            else features[:, _POPULAR_NOW].astype(np.float64)
        )
        self._scores.fill(NOT_RETRIEVED)
        for key, score in zip(table.keys[rows].tolist(), scores.tolist(), strict=True):
            self._scores[self._items[key]] = score
        return self._scores

    def learn(self, event: Event) -> None:
        her = self._users.setdefault(event.user, _User())
        key = int(self._keys[event.item])
        first = key not in her.touched
        told = Interaction(
            partition=0,
            offset=self._events,
            item=key,
            at_s=event.at_s,
            liked=event.positive and key not in her.likes,
            first=first,
            since_s=event.at_s - her.last_s,
            liked_before=len(her.likes),
            touched_before=len(her.touched),
            lately=her.lately(),
            likes=her.liked(),
            barred=np.array(her.touched[-BARRED:], np.uint32),
            residual=her.residual,
        )
        self._learner.learn(decode_interaction(told.encode()))
        if told.liked:
            self._move(her, told)
            her.likes.append(key)
        if first:
            her.touched.append(key)
        her.last_s = max(her.last_s, event.at_s)
        self._events += 1
        if self._events % self._late == 0:
            self.publish()

    def publish(self) -> None:
        """Serve what has been learned so far."""
        table = self._learner.table
        for item in self._learner.publish():
            table.put(decode_signals(item.encode()))
        self._learner.gone()

    def _move(self, her: _User, told: Interaction) -> None:
        table = self._learner.table
        if self._events % _CHANCES_EVERY == 0 or not len(self._chances):
            self._chances = np.cumsum((table.signals.likes[: table.size] + 1.0) ** 0.75)
        moment = table.moment(told.lately, told.likes, told.likes, her.residual, told.at_s)
        her.residual = residual_after(table, moment, told.item, self._chances, seed=told.offset)
