"""What the crowd has taught, as it is served: signals by row, beside the catalogue's numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Catalogue, Numbers
from streams.core.learning.features import Moment
from streams.core.learning.interaction import Interaction
from streams.core.learning.residual import residual_after
from streams.core.learning.rules import LIKES, LearningRules
from streams.core.learning.table import NO_ROWS, Rows, SignalTable
from streams.core.lessons import lately, residual_of
from streams.core.profile import Profile

MOST_LATEST = 32
"""Items of hers, the latest, that another is compared with. Each costs a look-up and a row of
products for every list. Of 360 tastes among noise so many show as many as all 50 would; with 20 a
few are missed, because their items look like none of hers."""

LEAST_NEARNESS = 0.2
"""What looks less than this like anything of hers is all the same to the ranker: among so many
components it is chance."""

LEAST_LIKES = 1_000.0
"""Likes of all items together below which pictures rank: a few clicks of others say less."""

_REFRESH_LIKES = 500.0
_HALF = np.dtype("<f2")


class Crowd:
    """One recommender's copy of the learner's signals and weights, in `table`.

    A row is listed when its item is in the catalogue and may be recommended: tell with `relist`.
    """

    def __init__(self, rules: LearningRules, *, least_likes: float = LEAST_LIKES) -> None:
        """least_likes: how many likes of all items together must be known for it to rank lists."""
        self.table = SignalTable(rules)
        self.table.signals.listed[:] = False
        self._least_likes = max(least_likes, 1.0)
        self.numbers = np.full(len(self.table.keys), -1, np.int32)
        """By row: the item's number, -1 where it is not known, as it was last relisted."""
        self._rows = np.full(2, -1, np.int32)
        """By 1 + number, as it was last relisted: the item's row. The first and the last stay -1,
        for no number and for numbers beyond."""
        self._drawn: Rows = NO_ROWS
        self._chances = np.zeros(0)
        self._chances_of = -np.inf

    @property
    def taught(self) -> bool:
        """Whether anything has been learned at all."""
        return self.table.all_likes > 0.0

    @property
    def ranks(self) -> bool:
        """Whether enough has been learned for lists to be ranked by it."""
        return self.table.all_likes >= self._least_likes

    def relist(self, numbers: Numbers, catalogue: Catalogue) -> None:
        """Follow items of the catalogue that are listed from now on, or not any more, or not even
        known: before the next list is made, or it may name them."""
        if not numbers.size:
            return
        table = self.table
        rows = table.add_all(catalogue.keys(numbers))
        most = int(numbers.max()) + 3
        if most > len(self._rows):
            self._rows = np.append(self._rows, np.full(max(most, len(self._rows)), -1, np.int32))
        before = self._rows[numbers + 1]
        # Where a number passed to another item, the one that it belonged to is gone, unless it has
        # come back under a new number.
        passed = (before >= 0) & (before != rows) & (self.numbers[before] == numbers)
        passed = before[passed]
        self.numbers[passed] = -1
        table.signals.listed[passed] = False
        self._rows[numbers + 1] = rows
        there = rows >= 0
        known = catalogue.numbers([catalogue.item_id(number) for number in numbers.tolist()])
        still = np.array([number is not None for number in known])
        self.numbers[rows[there]] = np.where(still, numbers, -1)[there]
        table.signals.listed[rows[there]] = catalogue.available(numbers)[there]

    def rows_of(self, numbers: Numbers) -> Rows:
        """The rows of items, as they were last relisted: int32, shaped as `numbers`; -1 where there
        is none, and for -1."""
        rows: Rows = self._rows.take(numbers + 1, mode="clip")
        return rows

    def moment(self, profile: Profile, barred: NDArray[np.uint32], now_s: float) -> Moment:
        """Her, at `now_s`. barred: keys of what may not be listed."""
        return self.table.moment(
            lately(profile), profile.likes.latest(LIKES), barred, residual_of(profile), now_s
        )

    def residual_after(self, told: Interaction) -> bytes:
        """Her residual after a like that the learner is told of, as a profile holds it.

        Empty while the crowd has taught nothing. It follows from what was taught, not from the
        catalogue, nor from the order in which either came.
        """
        table = self.table
        if not self.taught:
            return b""
        if table.all_likes >= self._chances_of + _REFRESH_LIKES or not self._chances.size:
            self._drawn = table.known_by_key()
            likes = np.maximum(table.signals.likes[self._drawn], 0.0)
            self._chances = np.cumsum((likes + 1.0) ** 0.75)
            self._chances_of = table.all_likes
        moment = table.moment(told.lately, told.likes, told.likes, told.residual, told.at_s)
        seed = (told.partition << 48 ^ told.offset) % 2**64
        after = residual_after(table, moment, told.item, self._chances, seed, self._drawn)
        return after.astype(_HALF).tobytes() if after.any() else b""
