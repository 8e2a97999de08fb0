"""Which new items get a place apart: the compiled choice against a plain one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.core.crowd_rank import FRESH_LIKES, freshest
from streams.core.diversity import Company
from streams.core.fresh import with_fresh
from streams.core.rules import TasteRules

ROWS = 12
LIKES = np.where(np.arange(ROWS) % 4 == 3, FRESH_LIKES, FRESH_LIKES - 1).astype(np.float32)
LISTED = np.arange(ROWS) % 5 != 4
KEYS = np.arange(ROWS, dtype=np.uint32) * 11 + 5

found = st.lists(st.tuples(st.integers(-1, ROWS - 1), st.integers(-2, 4)), max_size=40)
barred_rows = st.sets(st.integers(0, ROWS - 1))


@given(found, barred_rows, st.integers(1, 6))
def test_the_freshest_are_those_of_a_full_sort(found, barred_rows, most):
    rows = np.array([row for row, _ in found], np.int32)
    cosines = np.array([cosine / 4 for _, cosine in found], np.float32)
    barred = KEYS[sorted(barred_rows)]
    best = freshest(LIKES, LISTED, KEYS, barred, rows, cosines, most).tolist()
    expected: dict[int, int] = {}
    for at in np.argsort(-cosines, kind="stable").tolist():
        row = int(rows[at])
        if row >= 0 and LIKES[row] < FRESH_LIKES and LISTED[row] and row not in barred_rows:
            expected.setdefault(row, at)
    assert best == list(expected.values())[:most]


def test_each_stretch_gets_one_near_its_end_and_what_cannot_stand_there_is_passed_over():
    """Chosen are 0 to 9; of the fresh ones, 10 to 15, 10 is a double of 3 and 11 fills a group."""
    chosen = [(at, 1.0 / (at + 1), 0.5) for at in range(10)]
    groups = np.full((1, 16), -1, np.int64)
    groups[0, [0, 11]] = 7
    company = Company(np.array([[3, 10], [10, 3]], np.int32), groups, np.array([1]))
    fresh = np.arange(10, 16)
    for share, expected in {
        0.2: [0, 1, 2, 12, 3, 4, 5, 6, 13, 7],
        0.5: [0, 12, 1, 13, 2, 14, 3, 15, 4, 5],
    }.items():
        rules = TasteRules(list_length=10, fresh_share=share)
        listed = with_fresh(chosen, fresh, company, rules)
        assert [at for at, _, _ in listed] == expected
        assert all(chance == (1.0 if at > 9 else 0.5) for at, _, chance in listed)
        values = [value for _, value, _ in listed]
        assert values == sorted(values, reverse=True)
