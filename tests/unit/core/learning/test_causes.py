"""Which item of hers a reason names."""

from __future__ import annotations

import numpy as np
import pytest

from streams.core.learning.causes import causes
from streams.core.learning.table import NO_KEYS, SignalTable
from tests.unit.core.learning.clicks import NOW_S, keys
from tests.unit.core.learning.test_table import signals, table_of


def named(table: SignalTable, lately: list[int], likes: list[int], *items: int):
    moment = table.moment(keys(lately), keys(likes), keys(lately + likes), None, NOW_S)
    _, rows, shares = causes(table.signals, moment, table.rows(keys(list(items))))
    return [int(table.keys[row]) if row >= 0 else None for row in rows], shares.tolist()


def test_the_item_that_adds_most_is_named_with_its_part():
    """Of s(3): 1 / sqrt(10) from item 1, and .9 x 3 / sqrt(10) from item 2."""
    table = table_of(signals(1, session={3: 1.0}), signals(2, session={3: 3.0}), signals(3))
    assert named(table, [1, 2], [], 3) == ([2], [pytest.approx(2.7 / 3.7)])


def test_what_she_did_lately_and_what_she_liked_add_up():
    """Item 1 leads to 3 in half of the session's terms and all of the walk's."""
    table = table_of(
        signals(1, session={3: 0.9}, walk={3: 5.0}), signals(2, session={3: 1.0}), signals(3)
    )
    assert named(table, [2, 1], [1], 3)[0] == [1]
    assert named(table, [2, 1], [], 3)[0] == [2]


def test_where_nothing_of_hers_leads_nothing_is_named():
    table = table_of(signals(1, session={3: 1.0}), signals(3), signals(4))
    assert named(table, [1], [], 3, 4) == ([1, None], [1.0, 0.0])
    moment = table.moment(NO_KEYS, NO_KEYS, NO_KEYS, None, NOW_S)
    _, rows, shares = causes(table.signals, moment, np.array([1, 2], np.int32))
    assert (rows.tolist(), shares.tolist()) == ([-1, -1], [0.0, 0.0])
