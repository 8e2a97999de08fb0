"""Compiling everything that a recommender's lists need before they are asked for."""

from __future__ import annotations

import numpy as np

from streams.core.crowd_rank import freshest, tell, within_reach
from streams.core.diversity import Company, pairs_alike, unlike_places
from streams.core.learning import warm
from streams.core.learning.rules import LearningRules
from streams.core.learning.table import NO_KEYS, SignalTable


def warm_up() -> None:
    """Run every compiled loop once. How long that takes: `learning.warm.warm_up`."""
    warm.warm_up()
    table = SignalTable(LearningRules(items=16))
    row = table.add(1)
    rows = np.array([row], np.int32)
    keys = table.keys[rows]
    moment = table.moment(keys, keys, NO_KEYS, None, 1e9)
    earned, term = np.zeros((1, 3)), (1.0, 0.0, 1.0)
    within_reach(earned, 1, term, 0.0)
    cosines = np.zeros(1, np.float32)
    freshest(table.signals.likes, table.signals.listed, table.keys, keys, rows, cosines, 1)
    pairs_alike(cosines.reshape(1, 1), np.zeros(1, np.uint64), 1.0, 0)
    unlike_places(np.zeros(1), Company(), 1)
    tell(
        table.signals,
        moment,
        rows,
        np.zeros(1, np.uint8),
        earned,
        cosines.reshape(1, 1),
        rows,
        np.zeros(1),
        rows,
        term,
        1,
        0.0,
    )
