"""Arithmetic whose last bit is the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.vectors import FIXED, STEP, STEPS, dots, nearest, rounded, towards, unit


@given(st.integers(1, 20), st.integers(1, 700), st.integers(0, 1000))
def test_a_product_does_not_depend_on_the_rows_beside_it(n, dim, seed):
    rng = np.random.default_rng(seed)
    rows, vector = rng.normal(size=(n, dim)).astype("f4"), rng.normal(size=dim).astype("f4")
    assert dots(rows, vector) == [dots(row[None], vector)[0] for row in rows]


def test_the_best_pair_of_row_and_view_is_found():
    rows, views = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[[2, 1]] * [[0.5], [0.9]]
    row, view, cosine = nearest(rows, views.astype("f4"))
    assert (row, cosine) == (1, pytest.approx(0.9))
    assert view[1] == pytest.approx(0.9)


def test_half_way_between_two_directions_is_between_them():
    x, y = np.eye(2, dtype=np.float32)
    assert towards(x, y, 0.5) == pytest.approx([0.5**0.5, 0.5**0.5])
    assert towards(x, y, 0.0) == pytest.approx(x)


def test_no_direction_is_replaced():
    x = np.eye(2, dtype=np.float32)[0]
    assert unit(np.zeros(2, np.float32), x) is x


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=9))
def test_what_is_rounded_is_within_half_a_step_and_stays_so(components):
    vector = np.array(components, np.float32)
    once = rounded(vector)
    assert np.abs(once - vector).max() <= STEP / 2
    assert np.array_equal(rounded(once), once)
    assert np.array_equal((once * STEPS).astype(FIXED) * STEP, once)
