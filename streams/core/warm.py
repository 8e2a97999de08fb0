"""Compiling what a recommender's lists need before they are asked for."""

from __future__ import annotations

import numpy as np

from streams.core.crowd_rank import freshest, nearest_of_hers, shortlist, tell
from streams.core.diversity import NO_PAIRS, Company, grouped, near_duplicates, unlike_places
from streams.core.fresh import interleave
from streams.core.learning import warm
from streams.core.learning.rules import LearningRules
from streams.core.learning.table import NO_KEYS, SignalTable
from streams.core.rules import TasteRules


def warm_up() -> None:
    """Run every compiled loop once. How long that takes: `learning.warm.warm_up`."""
    warm.warm_up()
    warm_up_pictures()
    table = SignalTable(LearningRules(items=16))
    row = table.add(1)
    rows = np.array([row], np.int32)
    keys = table.keys[rows]
    moment = table.moment(keys, keys, NO_KEYS, None, 1e9)
    sources, term = np.zeros(1, np.uint8), (1.0, 0.0, 1.0)
    features, ones = np.zeros((1, 9), np.float32), np.ones(9)
    few, numbers, sources, earned, _ = shortlist(
        rows, sources, features, table.keys.astype(np.int32), ones, ones, ones, rows, 1, term, 0.0
    )
    cosines = np.zeros((1, 1), np.float32)
    one = cosines[0]
    freshest(table.signals.likes, table.signals.listed, table.keys, keys, rows, one, 1)
    nearest_of_hers(cosines)
    company = Company(NO_PAIRS, *grouped((rows, 1)), cosines)
    found, _ = unlike_places(np.zeros(1), company, 1)
    interleave(found, found, company.pairs, company.groups, company.most, 1, 1)
    tell(
        table.signals,
        moment,
        numbers,
        few,
        sources,
        earned,
        cosines,
        rows,
        np.zeros(1),
        rows,
        term,
        1,
        0.0,
    )


def warm_up_pictures() -> None:
    """Run once what lists by pictures alone run. Some seconds where it is not cached."""
    cosines = np.zeros((1, 1), np.float32)
    near_duplicates(cosines, np.zeros(1, np.uint64), TasteRules())
    unlike_places(np.zeros(1), Company(taken=cosines), 1)
