"""What the crowd's clicks teach, alone: learner, signals and ranker, without pictures or lists.

The same objects as in the workers (core/learning), with every record encoded and decoded as it is
published. What is learned is served when LATE_S of the log's time have passed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import islice

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
from streams.core.rules import NEGATIVE_KINDS
from streams.evaluation.log import Log
from streams.evaluation.method import NOT_RETRIEVED, Event, Mask, Scores

NAME = "learned"
LATE_S = 1.0
_CHANCES_EVERY = 500
_POPULAR_NOW = FEATURES.index("popular_now")


@dataclass(slots=True)
class _User:
    """Keys, oldest first, each once."""

    touched: dict[int, None] = field(default_factory=dict)
    likes: dict[int, None] = field(default_factory=dict)
    last_s: float = -math.inf
    residual: NDArray[np.float32] = field(default_factory=lambda: np.zeros(FACTORS, np.float32))

    def lately(self) -> Keys:
        return _last(self.touched, LATELY)

    def liked(self) -> Keys:
        return _last(self.likes, LIKES)


class Learned:
    """Learner and recommender in one process. What a user has touched is not forgotten here."""

    def __init__(
        self,
        log: Log,
        rules: LearningRules | None = None,
        *,
        name: str = NAME,
        seed: int = 1,
        late_s: float = LATE_S,
    ) -> None:
        """seed: of what the learner leaves to chance."""
        self.name = name
        self._rules = rules or LearningRules(items=max(len(log.item_ids), 16))
        self._learner = Learner(self._rules)
        self._keys = np.array([item_key(item_id) for item_id in log.item_ids], np.uint32)
        self._items = {int(key): item for item, key in enumerate(self._keys)}
        self._users: dict[int, _User] = {}
        self._seed = seed
        self._late_s = late_s
        self._published_s = -math.inf
        self._events = 0
        self._chances = np.zeros(0)
        self._scores: Scores = np.empty(len(log.item_ids))

    def arrive(self, item: int, at_s: float) -> None:
        self._learner.table.add(int(self._keys[item]))

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        her, table = self._users.get(user) or _User(), self._learner.table
        self._publish_at(now_s)
        barred = np.fromiter(her.touched, np.uint32)
        moment = table.moment(her.lately(), her.liked(), barred, her.residual, now_s)
        rows, _, features, _ = table.retrieve(moment)
        if her.touched:
            scores = table.weights.score(features, contexts(len(her.likes), now_s - her.last_s))
        else:
            scores = features[:, _POPULAR_NOW].astype(np.float64)
        self._scores.fill(NOT_RETRIEVED)
        for key, score in zip(table.keys[rows].tolist(), scores.tolist(), strict=True):
            self._scores[self._items[key]] = score
        return self._scores

    def learn(self, event: Event) -> None:
        her = self._users.setdefault(event.user, _User())
        key = int(self._keys[event.item])
        self._publish_at(event.at_s)
        if event.kind in NEGATIVE_KINDS:  # not listed again, and nothing that others learn from
            her.touched.setdefault(key)
            return
        told = Interaction(
            partition=self._seed,
            offset=self._events,
            item=key,
            at_s=event.at_s,
            liked=event.positive and key not in her.likes,
            first=key not in her.touched,
            since_s=event.at_s - her.last_s,
            liked_before=len(her.likes),
            touched_before=len(her.touched),
            lately=her.lately(),
            likes=her.liked(),
            barred=_last(her.touched, BARRED),
            residual=her.residual,
        )
        self._learner.learn(decode_interaction(told.encode()))
        if told.liked:
            self._move(her, told)
            her.likes[key] = None
        her.touched.setdefault(key)
        her.last_s = event.at_s
        self._events += 1

    def _publish_at(self, now_s: float) -> None:
        """Serve what has been learned so far, if it is time."""
        if now_s < self._published_s + self._late_s:
            return
        self._published_s = now_s
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


def _last(keys: dict[int, None], most: int) -> Keys:
    """The last so many, latest first."""
    return np.fromiter(islice(reversed(keys), most), np.uint32)
