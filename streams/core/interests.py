"""A user's few tastes: unit vectors that clicks move, with weights that fade in event time.

Online spherical clustering. A click joins the nearest interest if it is near enough (leader
clustering: J. Hartigan, "Clustering Algorithms", 1975, ch. 3), which then moves towards it
(vectors.towards); else it opens a new one. Where there is no room, the two interests whose merging
loses least become one (J. Ward, "Hierarchical grouping to optimize an objective function", 1963,
as PinnerSage does offline: A. Pal et al., KDD 2020).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from streams.core.catalogue import Vectors
from streams.core.rules import TasteRules
from streams.core.vectors import Vector, nearest, rounded, towards, unit

# A step below the smallest would be lost in the rounding, and an interest of years
# could not follow her any more; a step above the largest would make it the item's, not hers.
SMALLEST_STEP = 0.02
LARGEST_STEP = 0.5
# All together below this many clicks: she is a new user again.
GONE_BELOW = 0.01
# A single interest below this share of all, or a click that would add less, is nothing.
FADED_SHARE = 1e-6
# A dislike of the very direction of an interest takes so much of its weight.
DISLIKE_TAKES = 0.5


@dataclass(slots=True)
class Interests:
    """Parallel arrays, one row an interest, in no particular order.

    Vectors are float32 rounded at each change as they are stored: see vectors.rounded.
    Weights are as of the profile's clock, in clicks.
    """

    vectors: Vectors = field(default_factory=lambda: np.empty((0, 0), np.float32))
    """float32 [n, dim], unit rows (within rounding, 1e-3)."""
    short: list[float] = field(default_factory=list)
    long: list[float] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    """The item that last moved each of them."""

    def __len__(self) -> int:
        return len(self.items)

    def strengths(self, rules: TasteRules, ahead_s: float = 0.0) -> list[float]:
        """What each interest counts `ahead_s` after the profile's clock."""
        boost = rules.short_term_boost
        if ahead_s <= 0.0:
            return [boost * s + w for s, w in zip(self.short, self.long, strict=True)]
        boost *= faded(ahead_s, rules.short_half_life_s)
        keep = faded(ahead_s, rules.long_half_life_s)
        return [boost * s + keep * w for s, w in zip(self.short, self.long, strict=True)]

    def fade(self, passed_s: float, rules: TasteRules) -> None:
        """Let `passed_s` of event time pass, and forget what is nothing any more."""
        if passed_s > 0.0:
            short_kept = faded(passed_s, rules.short_half_life_s)
            long_kept = faded(passed_s, rules.long_half_life_s)
            self.short = [weight * short_kept for weight in self.short]
            self.long = [weight * long_kept for weight in self.long]
        strengths = self.strengths(rules)
        total = sum(strengths)
        least = total * FADED_SHARE
        if total < GONE_BELOW:
            self._keep([])
        elif min(strengths) < least:
            self._keep([at for at, strength in enumerate(strengths) if strength >= least])
        while len(self.items) > rules.interests:  # the rule was lowered since
            into, gone = self._cheapest_merge(self.vectors, self.strengths(rules), rules)
            self._merge(into, gone, rules)
            self._keep([at for at in range(len(self)) if at != gone])

    def attract(
        self, views: Vectors, short: float, long: float, item_id: str, rules: TasteRules
    ) -> None:
        """A positive click on an item with these views, worth `short` and `long` clicks.

        views: float32 [v, dim], unit rows, v >= 1; the best-matching one counts. The click is cut
        so that it adds at most `largest_click_share` to an interest's share: s clicks on top of S
        add at most s / (S + s).
        """
        strengths = self.strengths(rules)
        total = sum(strengths)
        gain = rules.short_term_boost * short + long
        if gain <= total * FADED_SHARE:
            return
        if not strengths:
            self.vectors = rounded(views[:1])
            self.short, self.long, self.items = [short], [long], [item_id]
            return
        most = total * rules.largest_click_share / (1.0 - rules.largest_click_share)
        if gain > most:
            short, long, gain = short * most / gain, long * most / gain, most
        at, view, similarity = nearest(self.vectors, views)
        if similarity < rules.join_similarity:
            view = views[0]
            joined = self._room_for(view, gain, strengths, rules)
            if joined is None:
                self.short.append(short)
                self.long.append(long)
                self.items.append(item_id)
                return
            at = joined
        step = gain / (strengths[at] + gain)
        step = min(max(step, SMALLEST_STEP), LARGEST_STEP)
        self.vectors[at] = rounded(towards(self.vectors[at], view, step))
        self.short[at] += short
        self.long[at] += long
        self.items[at] = item_id

    def weaken(self, views: Vectors, rules: TasteRules) -> None:
        """A dislike of an item with these views: the interest it belongs to loses weight."""
        if not self.items:
            return
        at, _, similarity = nearest(self.vectors, views)
        if similarity >= rules.join_similarity:
            kept = 1.0 - DISLIKE_TAKES * min(similarity, 1.0)
            self.short[at] *= kept
            self.long[at] *= kept

    def divide(self, at: int, share: float, vectors: Vectors, items: list[str]) -> None:
        """Make two of interest `at`: rows of `vectors`, float32 [2, dim], and `items`, which moved
        them; `share` of its weight goes to the first."""
        self.vectors = np.concatenate([self.vectors, vectors[1:]])
        self.vectors[at] = vectors[0]
        self.items[at] = items[0]
        self.items.append(items[1])
        for weights in (self.short, self.long):
            weights.append(weights[at] * (1.0 - share))
            weights[at] *= share

    def make_room(self, kept: int, most: float, rules: TasteRules) -> int | None:
        """Merge the two others than `kept` whose merging loses least, if that is less than `most`
        by Ward's cost; where `kept` stands then, None if nothing was merged."""
        others = [at for at in range(len(self)) if at != kept]
        if len(others) < 2:
            return None
        strengths = self.strengths(rules)
        low, high = self._cheapest_merge(
            self.vectors[others], [strengths[at] for at in others], rules
        )
        into, gone = others[low], others[high]
        s, t = strengths[into], strengths[gone]
        cosine = float(np.add.reduce(self.vectors[into] * self.vectors[gone]))
        if s + t > 0.0 and s * t / (s + t) * (1.0 - cosine) >= most:
            return None
        self._merge(into, gone, rules)
        self._keep([at for at in range(len(self)) if at != gone])
        return kept - (gone < kept)

    def _room_for(
        self, view: Vector, gain: float, strengths: list[float], rules: TasteRules
    ) -> int | None:
        """Put `view` in as the last row, by merging two others if need be.

        Or, if nothing is lost less by that, say which interest is to take the click in. That one
        resembles it at least by `min_similarity`: nothing is merged into what it isn't like.
        """
        rows = np.concatenate([self.vectors, rounded(view)[None]])
        last = len(self)
        if last >= rules.interests:
            into, gone = self._cheapest_merge(rows, [*strengths, gain], rules)
            if gone == last:
                return into
            self._merge(into, gone, rules)
            kept = [at for at in range(last + 1) if at != gone]
            rows[into] = self.vectors[into]
            rows = rows[kept]
            for column in (self.short, self.long, self.items):
                del column[gone]
        self.vectors = rows
        return None

    def _cheapest_merge(
        self, rows: Vectors, strengths: list[float], rules: TasteRules
    ) -> tuple[int, int]:
        """The pair (lower, higher row) whose merging loses least: Ward's s t / (s + t) |a - b|^2.

        A last row beyond the interests is a newcomer, who joins only what she resembles.
        """
        cosines = np.add.reduce(rows[:, None, :] * rows[None, :, :], axis=2).tolist()
        best, pair = float("inf"), (0, 1)
        for high in range(1, len(rows)):
            newcomer = high >= len(self)
            for low in range(high):
                cosine = cosines[low][high]
                if newcomer and cosine < rules.min_similarity and len(self) > 1:
                    continue
                s, t = strengths[low], strengths[high]
                # Both may have faded to nothing.
                cost = s * t / (s + t) * (1.0 - cosine) if s + t > 0.0 else 0.0
                if cost < best:
                    best, pair = cost, (low, high)
        return pair

    def _merge(self, into: int, gone: int, rules: TasteRules) -> None:
        """Add the interest `gone` to `into`; its row is left for the caller to remove."""
        s, t = (self.strengths(rules)[at] for at in (into, gone))
        heavier = self.vectors[into if s >= t else gone]
        both = self.vectors[into] * np.float32(s) + self.vectors[gone] * np.float32(t)
        self.vectors[into] = rounded(unit(both, heavier))
        if self.short[gone] > self.short[into]:
            self.items[into] = self.items[gone]  # the one moved more lately
        self.short[into] += self.short[gone]
        self.long[into] += self.long[gone]

    def _keep(self, kept: list[int]) -> None:
        self.vectors = self.vectors[kept]
        self.short = [self.short[at] for at in kept]
        self.long = [self.long[at] for at in kept]
        self.items = [self.items[at] for at in kept]


def faded(passed_s: float, half_life_s: float) -> float:
    """The part of a weight that is left after `passed_s`."""
    return 0.5 ** min(passed_s / half_life_s, 1000.0) if passed_s > 0.0 else 1.0
