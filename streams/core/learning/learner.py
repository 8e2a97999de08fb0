"""Learning from interactions, one after the other, and saying what has changed.

A function of the interactions in their order and of when it was published: every random number
comes from the place of the click in the log.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import find, find_many, insert, mixed, remove
from streams.core.learning.crowd import empty_crowd, note_session, note_walk
from streams.core.learning.factors import draw, first_factors, learn_choice
from streams.core.learning.features import PICTURE
from streams.core.learning.interaction import Interaction
from streams.core.learning.ranker import RankerTrainer, RankerWeights, contexts
from streams.core.learning.rules import LearningRules
from streams.core.learning.signals import ItemSignals
from streams.core.learning.table import Keys, SignalTable

Pictures = Callable[[Keys, Keys], NDArray[np.float32]]
"""Of what she liked, and of some items: how each of these looks like all of those (a cosine)."""

_REFRESH_LIKES = 500  # by then what the others are drawn by has changed enough
_EVICTION_SAMPLE = 16


class Learner:
    """What one process learns. `table` holds what it has published: the ranker learns from that."""

    def __init__(self, rules: LearningRules, start: RankerWeights | None = None) -> None:
        self.rules = rules
        self.crowd = empty_crowd(rules.items)
        self.slots = np.full(1 << (2 * rules.items - 1).bit_length(), -1, np.int32)
        self.size = 0
        self.table = SignalTable(rules)
        self.trainer = RankerTrainer(start)
        self.table.weights = self.trainer.served(0)
        self.events = 0
        self.likes = 0
        self._dirty: dict[int, None] = {}
        self._gone: dict[int, None] = {}
        self._drawn_from = np.zeros(0)
        self._drawn_at = -1

    def learn(self, event: Interaction, pictures: Pictures | None = None) -> float | None:
        """Learn from one interaction; the ranker's loss where it learned, else None."""
        seed = _scrambled(event.partition << 48 ^ event.offset, 0)
        self.events += 1
        if not (event.first or event.liked):
            return None
        row = self._row(event.item, event.at_s, seed)
        trust = min(1.0, (event.touched_before + 1) / self.rules.trusted_items)
        loss = None
        if event.liked:
            if event.first and self.likes % self.rules.ranker_every == 0 and len(event.lately):
                loss = self._learn_ranker(event, pictures)
            self._learn_factors(event, row, np.float32(trust), seed)
            self._count(row, event, trust)
            self.likes += 1
        touched = [event.item]
        if event.first:
            now = event.at_s / self.rules.session_half_life_s
            chance = _scrambled(seed, 1)
            note_session(self.crowd, self.slots, row, event.lately, np.float32(trust), now, chance)
            touched += event.lately.tolist()
        if event.liked:
            step = np.float32(trust / np.sqrt(event.liked_before + 1.0))
            chance = _scrambled(seed, 2)
            note_walk(self.crowd, self.slots, row, event.likes, step, chance)
            touched += event.likes.tolist()
        self._dirty.update(dict.fromkeys(touched))
        return loss

    def publish(self) -> list[ItemSignals]:
        """What has changed since the last time. What it returns has been served from now on."""
        changed = []
        for key in self._dirty:
            row = int(find(self.slots, self.crowd.keys, np.uint32(key)))
            if row >= 0:
                changed.append(self.signals_of(row))
        self._dirty.clear()
        self.table.weights = self.trainer.served(self.events)
        for item in changed:
            self.table.put(item)
        return changed

    def gone(self) -> list[int]:
        """Keys of items that made room since the last time: nothing is known of them any more."""
        keys = [k for k in self._gone if find(self.slots, self.crowd.keys, np.uint32(k)) < 0]
        self._gone.clear()
        for key in keys:
            self.table.forget(key)
        return keys

    def signals_of(self, row: int) -> ItemSignals:
        """What is published of the item in `row`."""
        c = self.crowd
        n, m = int(c.session_sizes[row]), int(c.walk_sizes[row])
        half = np.float16
        return ItemSignals(
            key=int(c.keys[row]),
            likes=float(c.likes[row]),
            year=float(c.year[row]),
            year_at=float(c.year_at[row]),
            hot=float(c.hot[row]),
            hot_at=float(c.hot_at[row]),
            session_total=float(c.session_totals[row]),
            session_at=float(c.session_at[row]),
            walk_total=float(c.walk_totals[row]),
            walk_exponent=int(np.log2(c.walk_scales[row])),
            inward=c.inward[row].astype(half).astype(np.float32),
            outward=c.outward[row].astype(half).astype(np.float32),
            session_keys=c.session_keys[row, :n].copy(),
            session_weights=c.session_weights[row, :n].copy(),
            walk_keys=c.walk_keys[row, :m].copy(),
            walk_weights=c.walk_weights[row, :m].copy(),
        )

    def _row(self, key: int, at_s: float, seed: np.uint64) -> int:
        row = int(find(self.slots, self.crowd.keys, np.uint32(key)))
        if row >= 0:
            return row
        if self.size < self.rules.items:
            row = self.size
            self.size += 1
        else:
            row = self._evict(at_s, seed)
        c = self.crowd
        for column in c:
            column[row] = 0
        c.keys[row] = key
        c.walk_scales[row] = 1.0
        first_factors(np.uint32(key), c.inward[row], c.outward[row])
        insert(self.slots, c.keys, row)
        return row

    def _evict(self, at_s: float, seed: np.uint64) -> int:
        """Free the row of the least lately liked of a few drawn items."""
        year_now = at_s / self.rules.popular_half_life_s
        c = self.crowd
        drawn = []
        for _ in range(_EVICTION_SAMPLE):
            seed = _scrambled(seed, 5)
            row = int(seed) % self.size
            drawn.append((float(c.year[row]) * 2.0 ** float(c.year_at[row] - year_now), row))
        row = min(drawn)[1]
        remove(self.slots, c.keys, row)
        self._gone[int(c.keys[row])] = None
        return row

    def _count(self, row: int, event: Interaction, trust: float) -> None:
        c, rules = self.crowd, self.rules
        c.likes[row] += trust
        now = max(event.at_s / rules.popular_half_life_s, float(c.year_at[row]))
        c.year[row] = float(c.year[row]) * 2.0 ** (float(c.year_at[row]) - now) + trust
        c.year_at[row] = now
        now = self.events / rules.popular_half_life_events
        c.hot[row] = float(c.hot[row]) * 2.0 ** (float(c.hot_at[row]) - now) + trust
        c.hot_at[row] = now

    def _learn_factors(
        self, event: Interaction, row: int, trust: np.float32, seed: np.uint64
    ) -> None:
        rules = self.rules
        if rules.factor_rate == 0.0 and rules.own_factor_rate == 0.0:
            return
        if self.likes - self._drawn_at >= min(1 + self._drawn_at // 8, _REFRESH_LIKES):
            self._drawn_from = np.cumsum((self.crowd.likes[: self.size] + 1.0) ** 0.75)
            self._drawn_at = self.likes
        likes = find_many(self.slots, self.crowd.keys, event.likes)
        others = draw(self._drawn_from, 0, rules.negatives, _scrambled(seed, 3), likes, row)
        if not len(others):
            return
        learn_choice(
            self.crowd.inward,
            self.crowd.outward,
            likes,
            event.residual,
            np.concatenate((np.array([row], np.int32), others)),
            np.float32(rules.factor_rate) * trust,
            np.float32(rules.own_factor_rate) * trust,
        )

    def _learn_ranker(self, event: Interaction, pictures: Pictures | None) -> float | None:
        """Learn from her choice among the candidates that she could have been shown, if it is one.

        Negatives drawn from all items teach to tell apart what no list would show.
        """
        table, rules = self.table, self.rules
        chosen = table.row(event.item)
        if rules.ranker_rate == 0.0 or chosen < 0:
            return None
        moment = table.moment(event.lately, event.likes, event.barred, event.residual, event.at_s)
        rows, _, features = table.retrieve(moment)
        at = np.flatnonzero(rows == chosen)
        if not len(at) or len(rows) < 2:
            return None
        rows = np.concatenate((rows[at], np.delete(rows, at)))
        features = np.concatenate((features[at], np.delete(features, at, axis=0)))
        if pictures is not None:
            features[:, PICTURE] = pictures(event.likes, table.keys[rows])
        hers = contexts(event.liked_before, event.since_s)
        return self.trainer.learn(features, len(rows) - 1, rules.ranker_rate, hers)


def _scrambled(seed: int | np.uint64, purpose: int) -> np.uint64:
    """64 bits for one purpose, that follow from `seed`."""
    return np.uint64(mixed(np.uint64((int(seed) + purpose) % 2**64)))
