"""What the crowd has taught, as it is served: signals by row, beside the catalogue's numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Catalogue, Numbers
from streams.core.learning.features import Moment
from streams.core.learning.interaction import Interaction
from streams.core.learning.residual import residual_after
from streams.core.learning.rules import LIKES, LearningRules
from streams.core.learning.table import Rows, SignalTable
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

    def __init__(self, rules: LearningRules) -> None:
        self.table = SignalTable(rules)
        self.table.signals.listed[:] = False
        self.least_likes = LEAST_LIKES
        self._numbers = np.full(len(self.table.keys), -1, np.int32)
        self._chances = np.zeros(0)
        self._chances_of = -np.inf

    @property
    def taught(self) -> bool:
        """Whether anything has been learned at all."""
        return self.table.all_likes > 0.0

    @property
    def ranks(self) -> bool:
        """Whether enough has been learned for lists to be ranked by it."""
        return self.table.all_likes >= max(self.least_likes, 1.0)

    def relist(self, numbers: Numbers, catalogue: Catalogue) -> None:
        """Follow items of the catalogue that are listed from now on, or not any more."""
        if not numbers.size:
            return
        table = self.table
        rows = np.array([table.add(key) for key in catalogue.keys(numbers).tolist()], np.int32)
        there = rows >= 0
        self._numbers[rows[there]] = numbers[there]
        table.signals.listed[rows[there]] = catalogue.available(numbers)[there]

    def rows_of(self, numbers: Numbers, catalogue: Catalogue) -> Rows:
        """The rows of items: int32 [n], -1 where there is none."""
        return self.table.rows(catalogue.keys(numbers))

    def numbers_of(self, rows: Rows, catalogue: Catalogue) -> Numbers:
        """The items of rows, by number: int32 [n], -1 for a row of which none is known now."""
        numbers = self._numbers[rows]
        known = numbers >= 0
        if not known.any():
            return numbers
        # A number may have passed to another item meanwhile.
        same = catalogue.keys(np.where(known, numbers, 0)) == self.table.keys[rows]
        return np.where(known & same, numbers, np.int32(-1))

    def moment(self, profile: Profile, barred: NDArray[np.uint32], now_s: float) -> Moment:
        """Her, at `now_s`. barred: keys of what may not be listed."""
        return self.table.moment(
            lately(profile), profile.likes.latest(LIKES), barred, residual_of(profile), now_s
        )

    def knows(self, moment: Moment) -> bool:
        """Whether others' clicks lead anywhere from what she did."""
        signals = self.table.signals
        session = moment.lately[moment.lately >= 0]
        walk = moment.likes[moment.likes >= 0]
        return bool(signals.session_sizes[session].any() or signals.walk_sizes[walk].any())

    def residual_after(self, told: Interaction) -> bytes:
        """Her residual after a like that the learner is told of, as a profile holds it.

        Empty while the crowd has taught nothing.
        """
        table = self.table
        if not self.taught:
            return b""
        if table.all_likes >= self._chances_of + _REFRESH_LIKES or not self._chances.size:
            likes = np.maximum(table.signals.likes[: table.size], 0.0)
            self._chances = np.cumsum((likes + 1.0) ** 0.75)
            self._chances_of = table.all_likes
        moment = table.moment(told.lately, told.likes, told.likes, told.residual, told.at_s)
        seed = (told.partition << 48 ^ told.offset) % 2**64
        after = residual_after(table, moment, told.item, self._chances, seed)
        return after.astype(_HALF).tobytes() if after.any() else b""
