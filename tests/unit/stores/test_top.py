from __future__ import annotations

import numpy as np
import pytest

from streams.stores.top import GROUP, PAD, top_k


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("columns", [8, 16, 800, 4096])
@pytest.mark.parametrize("k", [1, 7, 50])
def test_it_finds_the_largest_in_order(rows: int, columns: int, k: int) -> None:
    values = np.random.default_rng(columns).uniform(-1, 1, (rows, columns)).astype(np.float32)
    found, best = top_k(values, k)
    expected = np.sort(values, axis=1)[:, ::-1][:, :k]
    assert np.array_equal(best, expected)
    assert np.array_equal(np.take_along_axis(values, found, axis=1), expected)


def test_the_largest_may_all_lie_in_one_group_or_at_the_edges() -> None:
    values = np.full((2, 80 * GROUP), -0.5, dtype=np.float32)
    values[0, 5::80] = np.linspace(0.1, 0.9, GROUP)
    values[1, [0, -1]] = 1.0
    assert sorted(top_k(values, GROUP)[0][0].tolist()) == list(range(5, 80 * GROUP, 80))
    assert sorted(top_k(values, 2)[0][1].tolist()) == [0, 80 * GROUP - 1]


def test_equal_values_are_different_columns() -> None:
    found, _ = top_k(np.zeros((1, 1024), dtype=np.float32), 50)
    assert len(set(found[0].tolist())) == 50


def test_padding_comes_last() -> None:
    values = np.full((1, 16), PAD)
    values[0, 3] = -1.0
    found, best = top_k(values, 2)
    assert found[0, 0] == 3
    assert best[0].tolist() == [-1.0, PAD]


def test_columns_that_are_no_multiple_of_a_group_are_refused() -> None:
    with pytest.raises(ValueError, match="9 columns"):
        top_k(np.zeros((1, 9), dtype=np.float32), 2)
