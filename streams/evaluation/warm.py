"""Compiling what the methods run before their seconds are counted."""

from __future__ import annotations

import numpy as np

from streams.core import warm
from streams.evaluation.baselines import baselines
from streams.evaluation.learned import Learned
from streams.evaluation.log import Row, make_log
from streams.evaluation.product import Lookstream
from streams.evaluation.replay import replay
from streams.evaluation.vectors import ItemPictures
from streams.settings import Settings

_LIKES = (("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "c"), ("eve", "b"), ("eve", "c"))


def warm_up(settings: Settings) -> None:
    """Run every method once, on a handful of made-up clicks, and what only a large log leads to.

    Some seconds where the compiled code is cached, a minute where it is not.
    """
    warm.warm_up()
    rules = settings.taste_rules()
    rows = [Row(user, item, "like", None) for user, item in _LIKES]
    log = make_log(rows, rules)
    n = len(log.item_ids)
    pictures = ItemPictures(
        "warm-up", np.eye(n, 16, dtype=np.float32), np.ones(n, np.bool_), np.zeros(n, np.uint64)
    )
    methods, _ = baselines(log, pictures, 1, rules)
    replay(log, [Lookstream(log, pictures, settings), Learned(log), *methods], warm_up=0.0)
