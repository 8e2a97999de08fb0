"""The few directions she dislikes, each with a weight that fades."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Vectors
from streams.core.interests import LARGEST_STEP, SMALLEST_STEP, faded
from streams.core.rules import TasteRules
from streams.core.vectors import Vector, nearest, towards

# The most a direction can weigh, so that it is forgiven within a few half-lives whatever she did.
MOST_WEIGHT = 10.0
FORGIVEN_BELOW = 0.05
# A like of the very direction takes so much of the dislike.
LIKE_TAKES = 0.5


@dataclass(slots=True)
class Repelled:
    """Parallel arrays, one row a direction. Weights are as of the profile's clock, in clicks.

    A direction is kept in int8, as it is stored: of 256 components it loses less than 1e-3 of the
    cosine, and the steps here are never as small as those of an interest.
    """

    codes: NDArray[np.int8] = field(default_factory=lambda: np.empty((0, 0), np.int8))
    """int8 [n, dim]; the direction of a row is what counts, not its length. Replaced as a whole,
    never written into."""
    weights: list[float] = field(default_factory=list)
    _rows: Vectors | None = field(default=None, init=False, repr=False, compare=False)
    _rows_of: NDArray[np.int8] | None = field(default=None, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.weights)

    def vectors(self) -> Vectors:
        """float32 [n, dim], unit rows. Not to be written into."""
        if self._rows is not None and self._rows_of is self.codes:
            return self._rows  # made for the click, wanted again for the list after it
        codes = self.codes.astype(np.float32)
        squares: Vectors = np.add.reduce(codes * codes, axis=1, keepdims=True)
        lengths: Vectors = np.sqrt(np.maximum(squares, np.float32(1.0)))
        rows = codes / lengths
        self._rows, self._rows_of = rows, self.codes
        return rows

    def strengths(self, rules: TasteRules, ahead_s: float = 0.0) -> list[float]:
        """How strongly each repels `ahead_s` after the clock: w / (w + 1), so 0 to 1."""
        kept = faded(ahead_s, rules.repel_half_life_s)
        return [weight * kept / (weight * kept + 1.0) for weight in self.weights]

    def fade(self, passed_s: float, rules: TasteRules) -> None:
        """Let `passed_s` of event time pass, and forgive what has become light."""
        if not self.weights:
            return
        factor = faded(passed_s, rules.repel_half_life_s)
        self.weights = [weight * factor for weight in self.weights]
        self._drop_light()
        if len(self.weights) > rules.repelled:  # the rule was lowered since
            by_weight = sorted(range(len(self)), key=lambda at: -self.weights[at])
            self._keep(sorted(by_weight[: rules.repelled]))

    def repel(self, views: Vectors, weight: float, rules: TasteRules) -> None:
        """A dislike or hide, worth `weight`, of an item with these views (float32 [v, dim]).

        It moves the direction it belongs to, or is a new one; of too many the lightest goes.
        """
        if weight < FORGIVEN_BELOW or rules.repelled == 0:
            return
        if self.weights:
            rows = self.vectors()
            at, view, similarity = nearest(rows, views)
            if similarity >= rules.join_similarity:
                step = weight / (self.weights[at] + weight)
                step = min(max(step, SMALLEST_STEP), LARGEST_STEP)
                self._replace(at, towards(rows[at], view, step))
                self.weights[at] = min(self.weights[at] + weight, MOST_WEIGHT)
                return
        weight = min(weight, MOST_WEIGHT)
        if not self.weights:
            self.codes, self.weights = _coded(views[0])[None], [weight]
        elif len(self) < rules.repelled:
            self.codes = np.concatenate([self.codes, _coded(views[0])[None]])
            self.weights.append(weight)
        else:
            lightest = self.weights.index(min(self.weights))
            self._replace(lightest, views[0])
            self.weights[lightest] = weight

    def forgive(self, views: Vectors, rules: TasteRules) -> None:
        """A positive click on an item with these views: she doesn't dislike all of that."""
        if not self.weights:
            return
        at, _, similarity = nearest(self.vectors(), views)
        if similarity >= rules.join_similarity:
            self.weights[at] *= 1.0 - LIKE_TAKES * min(similarity, 1.0)
            self._drop_light()

    def _replace(self, at: int, vector: Vector) -> None:
        codes = self.codes.copy()
        codes[at] = _coded(vector)
        self.codes = codes

    def _drop_light(self) -> None:
        if min(self.weights) < FORGIVEN_BELOW:
            self._keep([at for at, w in enumerate(self.weights) if w >= FORGIVEN_BELOW])

    def _keep(self, kept: list[int]) -> None:
        self.codes = self.codes[kept]
        self.weights = [self.weights[at] for at in kept]


def _coded(vector: Vector) -> NDArray[np.int8]:
    """int8 [dim] of the same direction: the largest component becomes 127."""
    largest = float(np.abs(vector).max(initial=1e-9))
    scaled: Vector = np.rint(vector * np.float32(127.0 / largest))
    return scaled.astype(np.int8)
