"""The learner's metrics: declared, and told by it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from streams.metric import Metric

if TYPE_CHECKING:
    from streams.core.learning.course import Course
    from streams.metrics import Metrics
    from streams.stores.learner_snapshot import Written

_LEARNER = "learner"
_HALF_LIFE = 1_000
"""Choices after which one counts half in the averages."""

LEARNER_METRICS = (
    Metric(
        "lookstream_interactions",
        "counter",
        "Interactions by what the learner made of them: `learned`, `nothing` (a user counts once "
        "for an item, and nothing is learned while it is frozen), `duplicate`.",
        ("outcome",),
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_ranker_hit_ratio",
        "gauge",
        "Of what people chose, how much stood among the first ten of what the ranker would have "
        "listed for them, before it learned from that choice. The last thousand count most.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_ranker_loss",
        "gauge",
        "The ranker's loss, of choices among what could have been listed, before it learned from "
        "them: the mean negative logarithm of the chance it gave them. The last thousand count "
        "most.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_ranker_weight",
        "gauge",
        "The ranker's weights, by feature, each standardised, and by whom they are for: "
        "`everyone`; besides, by what she has liked: `few_likes` (below 5), `some_likes` (below "
        "20), `many_likes`; and by the time since her click before: `at_once` (below half an "
        "hour), `later`. Hers is the sum of three.",
        ("context", "feature"),
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_learned_items",
        "gauge",
        "Items the learner knows something of; at most LOOKSTREAM_LEARNED_ITEMS.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_learned_likes",
        "gauge",
        "Likes that were learned from, since the beginning.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_signals_published",
        "counter",
        "Records of items that were published to item-signals.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_learner_lag_seconds",
        "gauge",
        "How old the last interaction was when it had been learned from. It stays where it is "
        "while none comes.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_learner_snapshot_age_seconds",
        "gauge",
        "Since when no snapshot was written by this worker, or since its start: what it has "
        "learned since is learned again after a crash.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_learner_snapshot_seconds",
        "gauge",
        "How long the last snapshot took to write. Nothing is learned meanwhile.",
        worker=_LEARNER,
    ),
    Metric(
        "lookstream_learner_snapshot_bytes",
        "gauge",
        "How large the last snapshot was.",
        worker=_LEARNER,
    ),
)


class LearnerMeasures:
    """Implements what the learner's agents tell."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._interactions = metrics.counter("lookstream_interactions")
        self._hit_ratio = metrics.gauge("lookstream_ranker_hit_ratio")
        self._loss = metrics.gauge("lookstream_ranker_loss")
        self._weight = metrics.gauge("lookstream_ranker_weight")
        self._items = metrics.gauge("lookstream_learned_items")
        self._likes = metrics.gauge("lookstream_learned_likes")
        self._published = metrics.counter("lookstream_signals_published")
        self._lag = metrics.gauge("lookstream_learner_lag_seconds")
        self._seconds = metrics.gauge("lookstream_learner_snapshot_seconds")
        self._bytes = metrics.gauge("lookstream_learner_snapshot_bytes")
        self._clock = clock
        self._saved_s = clock()
        self._trials = self._hits = -1
        self._hit_mean = _Mean()
        self._loss_mean = _Mean()
        age = metrics.gauge("lookstream_learner_snapshot_age_seconds")
        age.set_function(lambda: self._clock() - self._saved_s)

    def learned(self, outcome: str, interactions: int) -> None:
        """So many interactions ended so."""
        self._interactions.labels(outcome).inc(interactions)

    def loss(self, loss: float) -> None:
        """The ranker learned from a choice."""
        self._loss.set(self._loss_mean.after(1, loss))

    def stands(self, course: Course, lag_s: float) -> None:
        """After a batch."""
        from streams.core.learning.features import FEATURES  # noqa: PLC0415 - imports numba
        from streams.core.learning.ranker import CONTEXT_NAMES  # noqa: PLC0415

        learner = course.learner
        trials, hits = learner.trials - self._trials, learner.hits - self._hits
        if self._trials >= 0 and trials > 0:
            self._hit_ratio.set(self._hit_mean.after(trials, hits / trials))
        self._trials, self._hits = learner.trials, learner.hits
        self._items.set(learner.size)
        self._likes.set(learner.likes)
        self._lag.set(lag_s)
        rows = learner.trainer.weights.tolist()
        for context, weights in zip(CONTEXT_NAMES, rows, strict=True):
            for feature, weight in zip(FEATURES, weights, strict=True):
                self._weight.labels(context, feature).set(weight)

    def published(self, items: int) -> None:
        """So many records of items were acknowledged."""
        self._published.inc(items)

    def snapshot(self, written: Written) -> None:
        """A snapshot was written."""
        self._saved_s = self._clock()
        self._seconds.set(written.took_s)
        self._bytes.set(written.size_bytes)


class _Mean:
    """A mean in which the last thousand or so count most; exact until there are so many."""

    def __init__(self) -> None:
        self._value = self._weight = 0.0

    def after(self, count: int, mean: float) -> float:
        """The mean after `count` more of this mean."""
        self._weight = self._weight * 0.5 ** (count / _HALF_LIFE) + count
        self._value += (mean - self._value) * count / self._weight
        return self._value
