"""Everything a learner has come to, as named arrays: what a snapshot holds.

Whoever takes them back in learns on as if there had been no pause, to the bit. Hash tables are
built again; working memory is empty between two interactions.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.core.learning import interaction, signals, weights_codec
from streams.core.learning.compiled import compiled, insert
from streams.core.learning.features import FEATURES
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import CONTEXTS, RankerWeights
from streams.core.learning.rules import (
    FACTORS,
    SESSION_NEIGHBOURS,
    WALK_NEIGHBOURS,
    LearningRules,
)

Arrays = Mapping[str, NDArray[Any]]

_VERSION = 1
# What may change without making what was learned another's: how much room there is, and how often
# the ranker learns. Both only decide how it goes on.
_FREE = ("items", "ranker_every")
_COUNTS = ("events", "likes", "trials", "hits", "drawn_at")


class StateRefused(ValueError):
    """These arrays are not a learner's state under these rules. The message says why."""


def fingerprint(rules: LearningRules) -> str:
    """What a state must have been learned by to be gone on with: rules and formats."""
    parts: list[object] = [_VERSION, interaction.VERSION, signals.VERSION, weights_codec.VERSION]
    parts += [FACTORS, SESSION_NEIGHBOURS, WALK_NEIGHBOURS, CONTEXTS, FEATURES]
    parts += sorted((name, value) for name, value in asdict(rules).items() if name not in _FREE)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def state_of(learner: Learner) -> dict[str, NDArray[Any]]:
    """Its state. The arrays are the learner's own memory: take them before it learns on."""
    table, trainer, served = learner.table, learner.trainer, learner.table.weights
    counts = [getattr(learner, name) for name in _COUNTS]
    counts += [table.changes, table.left_out, trainer.likes, served.events, served.likes]
    return {
        **{f"crowd.{k}": v[: learner.size] for k, v in learner.crowd._asdict().items()},
        **{f"table.{k}": v[: table.size] for k, v in table.signals._asdict().items()},
        "table.keys": table.keys[: table.size],
        "table.popular_year": table.most_popular[0],
        "table.popular_now": table.most_popular[1],
        "trainer.weights": trainer.weights,
        "trainer.squares": trainer.squares,
        "trainer.means": trainer.means,
        "trainer.variances": trainer.variances,
        "trainer.seen": trainer.seen,
        "served.weights": served.weights,
        "served.means": served.means,
        "served.deviations": served.deviations,
        "counts": np.array(counts, np.int64),
        "sums": np.array([table.all_likes, table.clock_s]),
        "dirty": np.array(list(learner.dirty), np.uint32),
        "evicted": np.array(list(learner.evicted), np.uint32),
        "resting": np.array(list(learner.resting), np.uint32),
        "resting_at": np.array(list(learner.resting.values()), np.float64),
        "drawn_from": learner.drawn_from,
    }


def learner_of(arrays: Arrays, rules: LearningRules) -> Learner:
    """The learner with this state. Raises StateRefused for what no learner can have come to."""
    learner = Learner(rules)
    size, n = (len(arrays[name]) if name in arrays else 0 for name in ("crowd.keys", "table.keys"))
    if size > rules.items or n > len(learner.table.keys):
        raise StateRefused(f"it has {size} items, and there is room for {rules.items}")
    _check(arrays, state_of(learner), size, n)
    table, trainer = learner.table, learner.trainer
    for name, column in learner.crowd._asdict().items():
        column[:size] = arrays[f"crowd.{name}"]
    for name, column in table.signals._asdict().items():
        column[:n] = arrays[f"table.{name}"]
    table.keys[:n] = arrays["table.keys"]
    insert_all(learner.slots, learner.crowd.keys, size)
    insert_all(table.slots, table.keys, n)
    learner.size, table.size = size, n
    for name in ("weights", "squares", "means", "variances", "seen"):
        getattr(trainer, name)[:] = arrays[f"trainer.{name}"]
    counts = arrays["counts"].tolist()
    for name, value in zip(_COUNTS, counts, strict=False):
        setattr(learner, name, value)
    table.changes, table.left_out, trainer.likes, events, likes = counts[len(_COUNTS) :]
    served = [arrays[f"served.{name}"].copy() for name in ("weights", "means", "deviations")]
    table.weights = RankerWeights(served[0], served[1], served[2], events, likes)
    table.all_likes, table.clock_s = arrays["sums"].tolist()
    table.most_popular = (arrays["table.popular_year"].copy(), arrays["table.popular_now"].copy())
    learner.dirty = dict.fromkeys(arrays["dirty"].tolist())
    learner.evicted = dict.fromkeys(arrays["evicted"].tolist())
    learner.resting = dict(
        zip(arrays["resting"].tolist(), arrays["resting_at"].tolist(), strict=True)
    )
    learner.drawn_from = arrays["drawn_from"].copy()
    return learner


@compiled
def insert_all(slots: NDArray[np.int32], keys: NDArray[np.uint32], n: int) -> None:
    """Make the first `n` rows findable."""
    for row in range(n):
        insert(slots, keys, row)


def _check(arrays: Arrays, template: Arrays, size: int, n: int) -> None:
    """Compiled loops look at no bounds: names, types, shapes and every row must be right."""
    if arrays.keys() != template.keys():
        raise StateRefused("it consists of other arrays")
    lengths = {"crowd": size, "table": n}
    free = {"table.popular_year", "table.popular_now", "dirty", "evicted", "drawn_from"}
    free |= {"resting", "resting_at"}
    for name, like in template.items():
        have = arrays[name]
        first = len(have) if name in free else lengths.get(name.partition(".")[0], len(like))
        if have.dtype != like.dtype or have.shape != (first, *like.shape[1:]):
            raise StateRefused(f"{name} is {have.dtype} {have.shape}")
    for name in (
        "table.session_rows",
        "table.walk_rows",
        "table.popular_year",
        "table.popular_now",
    ):
        rows = arrays[name]
        if rows.size and not (rows.min() >= 0 and rows.max() < max(n, 1)):
            raise StateRefused(f"{name} names rows that there are not")
    for room in ("crowd", "table"):
        for kind, most in (("session", SESSION_NEIGHBOURS), ("walk", WALK_NEIGHBOURS)):
            sizes = arrays[f"{room}.{kind}_sizes"]
            if sizes.size and not (sizes.min() >= 0 and sizes.max() <= most):
                raise StateRefused(f"{room}.{kind}_sizes are beyond {most}")
    if len(arrays["drawn_from"]) > size or len(arrays["resting"]) != len(arrays["resting_at"]):
        raise StateRefused("its lists don't fit together")
    if not all(math.isfinite(value) for value in arrays["sums"].tolist()):
        raise StateRefused("a sum is no number")
