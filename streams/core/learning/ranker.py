"""One linear ranker over named features, learned from what people choose next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import compiled
from streams.core.learning.features import FEATURES, PICTURE

Floats = NDArray[np.float64]

MOST_Z = 30.0
MOST_SEEN = 1e6
MOST_WEIGHT = 20.0
L2 = 1e-5
LEAST_DEVIATION = 1e-5
FIRST_SQUARES = 0.01
LEAST_PICTURE_VARIANCE = 0.1**2
"""Where no item's picture is known all look alike, and the first that is known would be
standardised by nothing."""

COMMON = 0
"""The weights that everyone shares: row 0. Rows beside it say how some users differ."""
FEW, SOME, MANY = 1, 2, 3
"""By how many items she had liked: below 5, below 20, more."""
AT_ONCE, LATER = 4, 5
"""By the time since her click before: below half an hour, or longer, or never."""
CONTEXTS = 6
CONTEXT_NAMES = ("everyone", "few_likes", "some_likes", "many_likes", "at_once", "later")
"""By row, as metrics have them."""
_POPULAR = tuple(FEATURES.index(name) for name in ("likes", "popular_year", "popular_now"))
PAUSE_S = 1_800.0

# By standardised feature, and what the features are standardised by before any were seen. In the
# middle of what two logs came to, one dense and one sparse.
DEFAULT_WEIGHTS = (0.25, 0.15, 0.15, 0.45, 0.15, -0.05, 0.15, 0.35, 0.8)
DEFAULT_MEANS = (3.4, -5.9, -5.9, -5.9, 3.6, 3.5, 0.4, 0.5, 0.0)
DEFAULT_DEVIATIONS = (2.8, 1.4, 1.4, 1.1, 1.0, 1.1, 1.1, 1.1, 0.3)
DEFAULT_SEEN = 1_000.0


def contexts(liked_before: int, since_s: float) -> tuple[int, int, int]:
    """The three rows of weights that add up to hers."""
    likes = FEW if liked_before < 5 else SOME if liked_before < 20 else MANY
    return COMMON, likes, AT_ONCE if since_s < PAUSE_S else LATER


# Who comes back after a pause is more like everybody else: what is wanted today says more of her.
LATER_POPULAR_NOW = 0.6


def _default_weights() -> Floats:
    weights = np.zeros((CONTEXTS, len(FEATURES)))
    weights[COMMON] = DEFAULT_WEIGHTS
    weights[LATER, FEATURES.index("popular_now")] = LATER_POPULAR_NOW
    return weights


@dataclass(frozen=True, slots=True)
class RankerWeights:
    """What a score is made of: sum over features of weight (value - mean) / deviation.

    A weight is the sum of three: what is common, and two that depend on the user (`contexts`).
    """

    weights: Floats = field(default_factory=_default_weights)
    """float64 [CONTEXTS, features]."""
    means: Floats = field(default_factory=lambda: np.array(DEFAULT_MEANS))
    deviations: Floats = field(default_factory=lambda: np.array(DEFAULT_DEVIATIONS))
    events: int = 0
    """Clicks that the learner has seen: the clock of the faster popularity."""
    likes: int = 0
    """Likes that the weights were learned from."""

    def score(self, features: NDArray[np.float32], hers: tuple[int, int, int]) -> Floats:
        """The score of each row of float32 [n, 9]: float64 [n], comparable within one list.

        hers: her `contexts`.
        """
        scores: Floats = score(features, self.of(hers), self.means, self.deviations)
        return scores

    def of(self, hers: tuple[int, int, int]) -> Floats:
        """Her weights: float64 [9]. hers: her `contexts`."""
        one, two, three = hers
        weights: Floats = self.weights[one] + self.weights[two] + self.weights[three]
        return weights

    def term(self, feature: int, hers: tuple[int, int, int]) -> tuple[float, float, float]:
        """Weight, mean and deviation of one feature; a weight of 0 where it has never varied."""
        mean, deviation = float(self.means[feature]), float(self.deviations[feature])
        if not deviation > LEAST_DEVIATION:
            return 0.0, mean, 1.0
        return float(sum(self.weights[row, feature] for row in hers)), mean, deviation


@compiled
def score(
    features: NDArray[np.float32], weights: Floats, means: Floats, deviations: Floats
) -> Floats:
    """sum_f weights[f] (features[:, f] - means[f]) / deviations[f], one after the other."""
    scores = np.zeros(features.shape[0])
    for at in range(features.shape[0]):
        for f in range(weights.size):
            scores[at] += weights[f] * (features[at, f] - means[f]) / deviations[f]
    return scores


@compiled
def earned(
    features: NDArray[np.float32], weights: Floats, means: Floats, deviations: Floats
) -> Floats:
    """What the crowd, popularity and the picture add to the score: float64 [n, 3].

    The last column is that of `features`: who knows the picture puts its own, with
    `RankerWeights.term`. As `score`, but standardised features end at `MOST_Z`, as in learning, and
    one that has never varied says nothing.
    """
    sums = np.zeros((features.shape[0], 3))
    for f in range(weights.size):
        if not deviations[f] > LEAST_DEVIATION:
            continue
        column = 2 if f == PICTURE else 1 if f in _POPULAR else 0
        for at in range(features.shape[0]):
            z = (features[at, f] - means[f]) / deviations[f]
            sums[at, column] += weights[f] * min(max(z, -MOST_Z), MOST_Z)
    return sums


@compiled
def step(
    features: NDArray[np.float32],
    weights: Floats,
    squares: Floats,
    means: Floats,
    variances: Floats,
    seen: Floats,
    rate: float,
    correction: float,
    hers: tuple[int, int, int],
) -> float:
    """Learn from one choice: row 0 of `features` was taken, the others were not; the loss before.

    Softmax with AdaGrad. correction: what is added to the logits of the others, the log of how many
    items each of them stands for. Means and variances (over the others) follow after the step.
    Whatever is not finite changes nothing.
    """
    n, width = features.shape
    for at in range(n):
        for f in range(width):
            if not np.isfinite(features[at, f]):
                return np.nan
    z = np.empty((n, width))
    logits = np.zeros(n)
    for at in range(n):
        if at > 0:
            logits[at] = correction
        for f in range(width):
            deviation = np.sqrt(variances[f]) + 1e-6
            z[at, f] = min(max((features[at, f] - means[f]) / deviation, -MOST_Z), MOST_Z)
            weight = weights[hers[0], f] + weights[hers[1], f] + weights[hers[2], f]
            logits[at] += weight * z[at, f]
    top = logits.max()
    chances = np.exp(logits - top)
    loss: float = top + np.log(chances.sum()) - logits[0]
    chances /= chances.sum()
    for f in range(width):
        gradient = -z[0, f]
        for at in range(n):
            gradient += chances[at] * z[at, f]
        gradient = min(max(gradient, -5.0), 5.0)
        for row in hers:
            slope = gradient + L2 * weights[row, f]
            squares[row, f] += slope * slope
            weights[row, f] -= rate * slope / np.sqrt(squares[row, f])
            weights[row, f] = min(max(weights[row, f], -MOST_WEIGHT), MOST_WEIGHT)
    for at in range(1, n):
        seen[0] = min(seen[0] + 1.0, MOST_SEEN)
        share = 1.0 / seen[0]
        for f in range(width):
            apart = features[at, f] - means[f]
            means[f] += share * apart
            variances[f] += share * (apart * (features[at, f] - means[f]) - variances[f])
    return loss


class RankerTrainer:
    """The weights while they are learned."""

    def __init__(self, start: RankerWeights | None = None) -> None:
        start = start or RankerWeights()
        self.weights = start.weights.copy()
        self.squares = np.full((CONTEXTS, len(FEATURES)), FIRST_SQUARES)
        self.means = start.means.copy()
        self.variances = start.deviations**2
        self.seen = np.array([DEFAULT_SEEN])
        self.likes = start.likes

    def learn(
        self,
        features: NDArray[np.float32],
        candidates: int,
        rate: float,
        hers: tuple[int, int, int],
        *,
        pictures: bool = True,
    ) -> float:
        """One step from float32 [1 + others, 9], whose first row she chose; the loss before it.

        candidates: how many items there were to choose from. hers: her `contexts`. pictures:
        whether that column says anything; if not, what is known of it stays as it is.
        """
        before = [each[..., PICTURE].copy() for each in self._columns()]
        if not pictures:
            features = features.copy()
            features[:, PICTURE] = self.means[PICTURE]
        correction = float(np.log(max(candidates, 1) / max(len(features) - 1, 1)))
        loss: float = step(
            features,
            self.weights,
            self.squares,
            self.means,
            self.variances,
            self.seen,
            rate,
            max(correction, 0.0),
            hers,
        )
        if not pictures:
            for column, value in zip(self._columns(), before, strict=True):
                column[..., PICTURE] = value
        self.variances[PICTURE] = max(self.variances[PICTURE], LEAST_PICTURE_VARIANCE)
        self.likes += 1
        return loss

    def _columns(self) -> tuple[Floats, ...]:
        return self.weights, self.squares, self.means, self.variances

    def served(self, events: int) -> RankerWeights:
        """The weights as they are now, for those who serve."""
        return RankerWeights(
            self.weights.copy(),
            self.means.copy(),
            np.sqrt(self.variances) + 1e-6,
            events,
            self.likes,
        )
