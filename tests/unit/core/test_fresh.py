"""Which new items get a place apart: the compiled choice against a plain one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.core.crowd_rank import FRESH_LIKES, freshest

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
