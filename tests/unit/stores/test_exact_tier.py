from __future__ import annotations

import random

import numpy as np
import pytest

from streams.stores import exact_tier
from streams.stores.exact_tier import ExactTier
from tests.unit.stores.items import DIM, unit, units


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_tier, "BLOCK_ROWS", 32)


def test_whatever_came_and_went_the_nearest_are_found() -> None:
    rng = random.Random(3)
    tier = ExactTier(DIM)
    there: dict[int, int] = {}
    queries = units(range(500, 504))
    for step in range(400):
        row = rng.randrange(120)
        if row in there:
            tier.remove(row)
            del there[row]
        else:
            there[row] = step
            tier.add(row, unit(step))
        assert len(tier) == len(there)
        assert (row in tier) == (row in there)
        if step % 20 == 0:
            rows, cosines = tier.search(queries, 10)
            best = _best(there, queries, 10)
            count = min(10, len(there))
            assert np.allclose(cosines[:, :count], best, atol=5e-3)
            for query, found, best_of in zip(queries, rows, best, strict=True):
                vectors = [unit(there[row]).astype(np.float32) for row in found[:count]]
                assert np.allclose(vectors @ query, best_of, atol=5e-3)
                assert len(set(found[:count].tolist())) == count


def test_fewer_than_asked_for_are_padded() -> None:
    tier = ExactTier(DIM)
    tier.add(7, unit(1))
    rows, _ = tier.search(units([1]), 3)
    assert rows[0].tolist() == [7, -1, -1]


def test_rows_that_are_cheap_to_remove_come_first() -> None:
    tier = ExactTier(DIM)
    for row in range(40):
        tier.add(row, unit(row))
    assert tier.last(3).tolist() == [39, 38, 37]
    assert tier.last(100).tolist() == list(range(39, -1, -1))


def test_a_changed_vector_is_found_by_its_new_value_only() -> None:
    tier = ExactTier(DIM)
    for row in range(40):
        tier.add(row, unit(row))
    tier.search(units([0]), 1)
    tier.remove(5)
    tier.add(5, unit(99))
    assert tier.search(units([99]), 1)[0].tolist() == [[5]]
    assert tier.search(units([5]), 1)[0].tolist() != [[5]]


def _best(there: dict[int, int], queries: np.ndarray, k: int) -> np.ndarray:
    vectors = np.stack([unit(seed) for seed in there.values()]).astype(np.float32)
    return np.sort(queries @ vectors.T, axis=1)[:, ::-1][:, :k]
