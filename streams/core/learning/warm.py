"""Compiling everything before it is needed."""

from __future__ import annotations

import math

import numpy as np

from streams.core.learning.causes import causes
from streams.core.learning.interaction import Interaction
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import contexts
from streams.core.learning.residual import residual_after
from streams.core.learning.rules import FACTORS, LearningRules


def warm_up() -> None:
    """Run every compiled loop once, on a handful of made-up clicks.

    A second where the compiled code is cached, some ten where it is not. A worker calls it before
    it says that it is ready.
    """
    learner = Learner(LearningRules(items=16))
    residual = np.zeros(FACTORS, np.float32)
    before: list[int] = []
    for key in range(1, 41):
        keys = np.array(before[::-1][:4], np.uint32)
        learner.learn(
            Interaction(
                partition=0,
                offset=key,
                item=key,
                at_s=1e9,
                liked=True,
                first=True,
                since_s=math.inf,
                liked_before=len(before),
                touched_before=len(before),
                lately=keys,
                likes=keys,
                barred=keys,
                residual=residual,
            )
        )
        learner.publish()
        before.append(key)
    learner.gone()
    table = learner.table
    keys = np.array(before[::-1][:4], np.uint32)
    moment = table.moment(keys, keys, keys, residual, 1e9)
    rows, _, features, _ = table.retrieve(moment)
    table.weights.score(features, contexts(0, math.inf))
    causes(table.signals, moment, rows)
    residual_after(table, moment, 1, np.cumsum(table.signals.likes[: table.size] + 1.0), 1)
