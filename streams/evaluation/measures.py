"""Ranks and lists as numbers, with bootstrap intervals over users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.log import Log
from streams.evaluation.replay import AHEAD, TOP, Course

Values = NDArray[np.float64]

SAMPLES = 1_000
_AT_ONCE_BYTES = 64_000_000

HITS = "hr@10"
MEASURES = (HITS, "hr@50", "ndcg@10", "mrr", "liked@20")


def of_events(course: Course, ahead: Sequence[frozenset[int]]) -> dict[str, Values]:
    """Every measure for each evaluated event: float64 [events], means of which are reported.

    hr@k      1 where the item that came stands among the first k.
    ndcg@10   1 / log2(1 + rank) where it does, else 0: of one relevant item, so the ideal is 1.
    mrr       1 / rank; 0 where it was not found.
    liked@20  the share of the ten listed that is among `ahead`.
    """
    ranks = course.ranks
    ten = ranks <= 10
    liked = [
        len(coming.intersection(top)) / TOP
        for coming, top in zip(ahead, course.tops.tolist(), strict=True)
    ]
    return {
        HITS: ten.astype(np.float64),
        "hr@50": (ranks <= 50).astype(np.float64),
        "ndcg@10": np.where(ten, 1.0 / np.log2(1.0 + np.minimum(ranks, 10.0)), 0.0),
        "mrr": 1.0 / ranks,
        "liked@20": np.array(liked, np.float64),
    }


def liked_ahead(log: Log, rows: NDArray[np.int64]) -> list[frozenset[int]]:
    """For each of `rows`: the items of its user's next AHEAD positive events, this one included.

    Fewer where the log ends.
    """
    coming: dict[int, list[int]] = {}
    found: dict[int, frozenset[int]] = {}
    wanted = set(rows.tolist())
    users, items, positive = log.users.tolist(), log.items.tolist(), log.positive.tolist()
    for row in range(len(log) - 1, -1, -1):
        if not positive[row]:
            continue
        hers = coming.setdefault(users[row], [])
        hers.append(items[row])
        if row in wanted:
            found[row] = frozenset(hers[-AHEAD:])
    return [found[row] for row in rows.tolist()]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and where it lies with 95 % confidence, or a difference of two means and the same."""

    mean: float
    low: float
    high: float


class Bootstrap:
    """Resamples users, with all their events: events of one user are not independent.

    The percentile interval of a ratio of sums (B. Efron, R. Tibshirani, "An Introduction to the
    Bootstrap", 1993). All intervals of one object rest on the same samples, so that a difference of
    two methods is a paired one.
    """

    def __init__(self, users: NDArray[np.int32], seed: int, samples: int = SAMPLES) -> None:
        _, self._user = np.unique(users, return_inverse=True)
        self._users = int(self._user.max(initial=-1)) + 1
        self._seed = seed
        self._samples = samples

    def intervals(self, columns: Sequence[Values]) -> list[Interval]:
        """Of each column of values, float64 [events]; nan for no events."""
        if not self._users or not columns:
            return [Interval(np.nan, np.nan, np.nan) for _ in columns]
        sums = np.stack([self._per_user(column) for column in columns], axis=1)
        events = self._per_user(np.ones(len(self._user)))
        means = [float(column.mean()) for column in columns]
        random = np.random.default_rng(self._seed)
        chunk = max(1, _AT_ONCE_BYTES // (8 * self._users))
        found = []
        for start in range(0, self._samples, chunk):
            size = (min(chunk, self._samples - start), self._users)
            drawn = random.integers(0, self._users, size)
            times = np.stack([np.bincount(row, minlength=self._users) for row in drawn])
            found.append((times @ sums) / (times @ events)[:, None])
        low, high = np.quantile(np.concatenate(found), [0.025, 0.975], axis=0)
        return [
            Interval(mean, float(a), float(b)) for mean, a, b in zip(means, low, high, strict=True)
        ]

    def _per_user(self, column: Values) -> Values:
        sums = np.bincount(self._user, weights=column, minlength=self._users)
        return sums.astype(np.float64)


def gini(counts: NDArray[np.int64]) -> float:
    """How unevenly exposure is shared: 0 all items alike, near 1 one item has it all."""
    total = counts.sum()
    if not total:
        return float("nan")
    ordered, n = np.sort(counts).astype(np.float64), len(counts)
    return float(((2.0 * np.arange(1, n + 1) - n - 1.0) @ ordered) / (n * total))


def breadth(course: Course, known: NDArray[np.int64]) -> Mapping[str, float]:
    """What of the catalogue its tens show. known: the numbers of the items that there were.

    coverage  share of the items that stood in at least one ten.
    gini      of how often each stood in one.
    """
    shown = course.tops[course.tops >= 0]
    counts = np.bincount(shown, minlength=int(known.max(initial=-1)) + 1)[known]
    return {
        "coverage": float(np.mean(counts > 0)) if len(known) else float("nan"),
        "gini": gini(counts.astype(np.int64)),
    }


def diversity(course: Course, vectors: NDArray[np.float32], has: NDArray[np.bool_]) -> float:
    """Mean over the tens of 1 - mean cosine of their pairs; of items with a vector. nan: none.

    vectors: float32 [items, dim], unit rows where `has` is true.
    """
    total, lists = 0.0, 0
    for top in course.tops:
        there = top[top >= 0]
        there = there[has[there]]
        n = len(there)
        if n < 2:
            continue
        summed = vectors[there].sum(axis=0, dtype=np.float64)
        # The sum of all pairs' cosines from the length of the summed unit vectors.
        cosine = (float(summed @ summed) - n) / (n * (n - 1))
        total, lists = total + 1.0 - cosine, lists + 1
    return total / lists if lists else float("nan")
