"""Learning from interactions, one after the other, and saying what has changed.

A function of the interactions in their order and of when it was published: every random number
comes from the place of the click in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import find, find_many, insert, mixed, remove
from streams.core.learning.crowd import empty_crowd, note_session, note_walk
from streams.core.learning.factors import draw, first_factors, learn_choice
from streams.core.learning.features import PICTURE
from streams.core.learning.interaction import Interaction
from streams.core.learning.ranker import RankerTrainer, RankerWeights, contexts
from streams.core.learning.rules import LearningRules
from streams.core.learning.signals import ItemSignals, signals_of
from streams.core.learning.table import NO_ROWS, Keys, SignalTable

Pictures = Callable[[Keys, Keys], NDArray[np.float32]]
"""Of what she liked, and of some items: how each of these looks like all of those (a cosine)."""

FIRST_FEW = 10
"""Among so many the chosen item should stand: what `hits` counts."""
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
        self.trials = 0
        """Choices that the ranker was asked about before it learned from them."""
        self.hits = 0
        """Those of them in which what she took stood among the first few."""
        # Keys that have changed since they were published; those that were published of late, by
        # when, in that order; those that made room.
        self.dirty: dict[int, None] = {}
        self.resting: dict[int, float] = {}
        self.evicted: dict[int, None] = {}
        self.drawn_from = np.zeros(0, np.float32)
        self.drawn_at = -1

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
        self.dirty.update(dict.fromkeys(touched))
        return loss

    def publish(self, now_s: float = 0.0, every_s: float = 0.0) -> list[ItemSignals]:
        """What has changed since the last time. What it returns has been served from now on.

        An item that was published less than `every_s` before `now_s` waits for a later time. now_s
        follows from the log: when something is published is a part of what is learned.
        """
        self.table.weights = self.trainer.served(self.events)
        return self.serve(self.due(now_s, every_s))

    def due(self, now_s: float, every_s: float) -> list[int]:
        """The keys of what `publish` would return; all of them must now be given to `serve`."""
        if self.resting and next(reversed(self.resting.values())) > now_s:
            self.resting.clear()  # time went back: nobody knows for how long they would rest
        while self.resting and next(iter(self.resting.values())) <= now_s - every_s:
            del self.resting[next(iter(self.resting))]
        due = [key for key in self.dirty if key not in self.resting]
        for key in due:
            del self.dirty[key]
        if every_s > 0.0:
            self.resting.update(dict.fromkeys(due, now_s))
        return due

    def serve(self, keys: Iterable[int]) -> list[ItemSignals]:
        """The signals of these items, as served from now on. Those that made room are left out."""
        changed = [signals for key in keys if (signals := self.known(key)) is not None]
        for item in changed:
            self.table.put(item)
        return changed

    def gone(self) -> list[int]:
        """Keys of items that made room since the last time: nothing is known of them any more."""
        keys = [key for key in self.evicted if self._find(key) < 0]
        self.evicted.clear()
        for key in keys:
            self.table.forget(key)
        return keys

    def unpublished(self) -> Iterator[tuple[int, ItemSignals | None]]:
        """What `publish` and `gone` would say if all were due, by key; nothing counts as served."""
        for key in self.evicted:
            if self._find(key) < 0:
                yield key, None
        for key in self.dirty:
            signals = self.known(key)
            if signals is not None:
                yield key, signals

    def _find(self, key: int) -> int:
        return int(find(self.slots, self.crowd.keys, np.uint32(key)))

    def known(self, key: int) -> ItemSignals | None:
        """What would be published of an item by now; None if it is not known."""
        row = self._find(key)
        return signals_of(self.crowd, row) if row >= 0 else None

    def _row(self, key: int, at_s: float, seed: np.uint64) -> int:
        row = self._find(key)
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
        self.evicted[int(c.keys[row])] = None
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
        if self.likes - self.drawn_at >= min(1 + self.drawn_at // 8, _REFRESH_LIKES):
            self.drawn_from = np.cumsum((self.crowd.likes[: self.size] + 1.0) ** 0.75)
            self.drawn_at = self.likes
        likes = find_many(self.slots, self.crowd.keys, event.likes)
        chance = _scrambled(seed, 3)
        others = draw(self.drawn_from, 0, rules.negatives, chance, likes, row, NO_ROWS)
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
        if rules.ranker_rate == 0.0:
            return None
        self.trials += 1
        if chosen < 0:
            return None
        moment = table.moment(event.lately, event.likes, event.barred, event.residual, event.at_s)
        rows, _, features, _ = table.retrieve(moment)
        at = np.flatnonzero(rows == chosen)
        if not len(at) or len(rows) < 2:
            return None
        rows = np.concatenate((rows[at], np.delete(rows, at)))
        features = np.concatenate((features[at], np.delete(features, at, axis=0)))
        if pictures is not None:
            features[:, PICTURE] = pictures(event.likes, table.keys[rows])
        hers = contexts(event.liked_before, event.since_s)
        scores = table.weights.score(features, hers)
        self.hits += int((scores[1:] >= scores[0]).sum() < FIRST_FEW)
        seen = pictures is not None
        return self.trainer.learn(features, len(rows) - 1, rules.ranker_rate, hers, pictures=seen)


def _scrambled(seed: int | np.uint64, purpose: int) -> np.uint64:
    """64 bits for one purpose, that follow from `seed`."""
    return np.uint64(mixed(np.uint64((int(seed) + purpose) % 2**64)))
