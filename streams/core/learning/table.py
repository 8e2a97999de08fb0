"""The signals that a process follows, by row: what scores candidates, and what finds them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import find, find_many, insert_many
from streams.core.learning.evidence import empty_scratch, empty_signals
from streams.core.learning.features import Moment, describe, retrieve
from streams.core.learning.ranker import RankerWeights
from streams.core.learning.rules import FACTORS, LATELY, LIKES, LearningRules
from streams.core.learning.signals import ItemSignals

Keys = NDArray[np.uint32]
Rows = NDArray[np.int32]

NO_KEYS: Keys = np.empty(0, np.uint32)
NO_ROWS: Rows = np.empty(0, np.int32)
# Of these many most popular items 25 are left for nearly everyone, whatever she has seen.
_MOST_POPULAR = 1_024


class Retrieved(NamedTuple):
    """Candidates, in no order."""

    rows: Rows
    sources: NDArray[np.uint8]
    """Where each came from: the bits of `features`."""
    features: NDArray[np.float32]
    """float32 [n, 9], the picture's column 0."""
    led: bool
    """Whether others' clicks lead anywhere from what she did."""


class SignalTable:
    """One row for each item that was ever named, by `item_key`; rows are never used again.

    Room for twice the items of the rules, because those that made room stay until a restart. What
    comes beyond that is left out and counted in `left_out`.
    """

    def __init__(self, rules: LearningRules) -> None:
        self.rules = rules
        room = 2 * rules.items
        self.keys = np.zeros(room, np.uint32)
        self.slots = np.full(1 << (2 * room - 1).bit_length(), -1, np.int32)
        self.signals = empty_signals(room)
        self.scratch = empty_scratch(room)
        self.size = 0
        self.left_out = 0
        self.all_likes = 0.0
        self.weights = RankerWeights()
        self.changes = 0
        """Since the popular ones were looked for."""
        self.clock_s = 0.0
        self.most_popular = (NO_ROWS, NO_ROWS)

    def row(self, key: int) -> int:
        """The row of an item, -1 if it was never named."""
        return int(find(self.slots, self.keys, np.uint32(key)))

    def rows(self, keys: Keys) -> Rows:
        """The row of each, -1 where there is none."""
        found: Rows = find_many(self.slots, self.keys, keys)
        return found

    def known(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether signals speak of each of `rows`: bool [n]; not of -1."""
        there: NDArray[np.bool_] = self.signals.outward[rows].any(axis=1) & (rows >= 0)
        return there

    def known_by_key(self) -> Rows:
        """The rows that signals speak of, by rising key: the same items in the same order in every
        process that took in the same signals."""
        rows = np.flatnonzero(self.known(np.arange(self.size, dtype=np.int32)))
        return rows[np.argsort(self.keys[rows])].astype(np.int32)

    def add(self, key: int) -> int:
        """The row of an item, given to it now if it has none; -1 if there is no room."""
        return int(self.add_all(np.array([key], np.uint32))[0])

    def add_all(self, keys: Keys) -> Rows:
        """The row of each, given to it now if it has none; -1 where there is no room."""
        rows: Rows
        rows, self.size = insert_many(self.slots, self.keys, self.size, keys)
        self.left_out += int(np.count_nonzero(rows < 0))
        return rows

    def put(self, item: ItemSignals) -> None:
        """Take in what was published of one item, in place of what was known."""
        row = self.add(item.key)
        if row < 0:
            return
        s = self.signals
        self.all_likes += item.likes - float(s.likes[row])
        s.likes[row] = item.likes
        s.year[row], s.year_at[row] = item.year, item.year_at
        s.hot[row], s.hot_at[row] = item.hot, item.hot_at
        s.session_totals[row], s.session_at[row] = item.session_total, item.session_at
        self.clock_s = max(self.clock_s, item.year_at * self.rules.popular_half_life_s)
        age = self.clock_s / self.rules.session_half_life_s - item.session_at
        total = item.session_total * 2.0 ** min(-age, 0.0)
        s.session_shares[row] = (total + 10.0) ** -0.3
        s.walk_totals[row], s.walk_scales[row] = item.walk_total, 2.0**item.walk_exponent
        s.inward[row], s.outward[row] = item.inward, item.outward
        s.session_sizes[row] = self._put_list(
            s.session_rows[row], s.session_weights[row], item.session_keys, item.session_weights
        )
        s.walk_sizes[row] = self._put_list(
            s.walk_rows[row], s.walk_weights[row], item.walk_keys, item.walk_weights
        )
        self.changes += 1

    def item(self, key: int) -> ItemSignals | None:
        """What was taken in of an item, as it was published; None if it was never named."""
        row = self.row(key)
        if row < 0:
            return None
        s = self.signals
        n, m = int(s.session_sizes[row]), int(s.walk_sizes[row])
        return ItemSignals(
            key=key,
            likes=float(s.likes[row]),
            year=float(s.year[row]),
            year_at=float(s.year_at[row]),
            hot=float(s.hot[row]),
            hot_at=float(s.hot_at[row]),
            session_total=float(s.session_totals[row]),
            session_at=float(s.session_at[row]),
            walk_total=float(s.walk_totals[row]),
            walk_exponent=int(np.log2(s.walk_scales[row])),
            inward=s.inward[row].copy(),
            outward=s.outward[row].copy(),
            session_keys=self.keys[s.session_rows[row, :n]],
            session_weights=s.session_weights[row, :n].copy(),
            walk_keys=self.keys[s.walk_rows[row, :m]],
            walk_weights=s.walk_weights[row, :m].copy(),
        )

    def _put_list(
        self, rows: Rows, weights: NDArray[np.uint16], keys: Keys, bits: NDArray[np.uint16]
    ) -> int:
        found = self.add_all(keys)
        if len(found) and found.min() < 0:
            there = found >= 0
            found, bits = found[there], bits[there]
        rows[: len(found)] = found
        weights[: len(found)] = bits
        return len(found)

    def forget(self, key: int) -> None:
        """The learner has nothing to say of this item any more."""
        row = self.row(key)
        if row < 0:
            return
        s = self.signals
        self.all_likes -= float(s.likes[row])
        for column in (s.likes, s.year, s.hot, s.session_totals, s.walk_totals):
            column[row] = 0.0
        s.session_sizes[row] = s.walk_sizes[row] = 0
        s.inward[row] = s.outward[row] = 0.0
        self.changes += 1

    def moment(
        self,
        lately: Keys,
        likes: Keys,
        barred: Keys,
        residual: NDArray[np.float32] | None,
        now_s: float,
    ) -> Moment:
        """One user now. lately, likes: latest first."""
        rules, lately, likes = self.rules, lately[:LATELY], likes[:LIKES]
        rows = self.rows(np.concatenate((lately, likes, barred)))  # at once: a third of the time
        last, hers = len(lately), len(lately) + len(likes)
        return Moment(
            lately=rows[:last],
            likes=rows[last:hers],
            barred=rows[hers:],
            residual=np.zeros(FACTORS, np.float32) if residual is None else residual,
            session_now=now_s / rules.session_half_life_s,
            year_now=now_s / rules.popular_half_life_s,
            hot_now=self.weights.events / rules.popular_half_life_events,
            items=self.size,
            all_likes=max(self.all_likes, 0.0),
        )

    def popular(self, moment: Moment) -> tuple[Rows, Rows]:
        """Rows by falling popularity, by time and by clicks. Made anew when enough has changed."""
        if self.changes > self.size // 100 or not len(self.most_popular[0]):
            self.changes = 0
            n, s = self.size, self.signals
            self.most_popular = (
                _top(s.year[:n] * np.exp2(s.year_at[:n] - moment.year_now)),
                _top(s.hot[:n] * np.exp2(s.hot_at[:n] - moment.hot_now)),
            )
        return self.most_popular

    def describe(self, moment: Moment, rows: Rows) -> NDArray[np.float32]:
        """The features of given rows: float32 [n, 9], the picture's column 0."""
        features: NDArray[np.float32] = describe(self.signals, self.scratch, moment, rows)
        return features

    def retrieve(self, moment: Moment, others: Rows = NO_ROWS) -> Retrieved:
        """Candidates for her.

        others: rows that came from elsewhere, -1 pads: pictures near her interests, new items.
        """
        rules = self.rules
        found = retrieve(
            self.signals,
            self.scratch,
            moment,
            self.popular(moment),
            others,
            (
                rules.session_candidates,
                rules.walk_candidates,
                rules.longer_walk_candidates,
                rules.popular_candidates,
            ),
        )
        return Retrieved(*found)


def _top(values: NDArray[np.floating]) -> Rows:
    """The places of the highest values, falling; the first of equals."""
    n = min(_MOST_POPULAR, len(values))
    least = np.partition(values, len(values) - n)[len(values) - n] if n else 0.0
    chosen = np.flatnonzero(values >= least)
    return chosen[np.argsort(-values[chosen], kind="stable")][:n].astype(np.int32)
