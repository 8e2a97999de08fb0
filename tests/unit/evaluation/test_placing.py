from __future__ import annotations

import math

import numpy as np
import pytest

from streams.evaluation.placing import place

IN_ORDER = np.arange(5, dtype=np.int32)
ALL = np.ones(5, np.bool_)


def scores(*values: float) -> np.ndarray:
    return np.array(values)


def test_the_best_has_rank_one_and_the_worst_the_last():
    given = scores(0.1, 0.9, 0.5, 0.3, 0.2)
    assert [place(given, ALL, item, IN_ORDER, 2).rank for item in range(5)] == [5, 1, 2, 3, 4]


def test_what_she_has_seen_takes_no_place():
    unseen = np.array([True, False, True, True, True])
    assert place(scores(0.1, 0.9, 0.5, 0.3, 0.2), unseen, 2, IN_ORDER, 2).rank == 1


def test_equal_scores_get_the_middle_of_their_ranks():
    placed = [place(scores(1, 1, 1, 1, 2), ALL, item, IN_ORDER, 5).rank for item in range(5)]
    assert placed == [3.5, 3.5, 3.5, 3.5, 1]


def test_giving_all_the_same_score_wins_no_place():
    assert (
        place(np.zeros(100), np.ones(100, np.bool_), 3, np.arange(100, dtype=np.int32), 10).rank
        == 50.5
    )


@pytest.mark.parametrize("absent", [math.nan, -math.inf])
def test_what_was_not_retrieved_is_not_found_and_takes_no_place(absent: float):
    given = scores(0.1, absent, 0.5, 0.3, 0.2)
    assert place(given, ALL, 1, IN_ORDER, 5).rank == math.inf
    assert place(given, ALL, 2, IN_ORDER, 5).rank == 1
    assert place(given, ALL, 2, IN_ORDER, 5).top.tolist() == [2, 3, 4, 0, -1]


def test_an_item_that_is_not_known_is_not_found():
    unseen = np.array([True, False, True, True, True])
    assert place(scores(1, 2, 3, 4, 5), unseen, 1, IN_ORDER, 2).rank == math.inf


def test_among_equals_the_first_of_the_shuffled_order_stands_first():
    shuffled = np.array([4, 3, 2, 1, 0], np.int32)
    assert place(scores(1, 1, 1, 2, 1), ALL, 0, shuffled, 3).top.tolist() == [3, 4, 2]


def test_top_and_rank_agree_with_sorting_on_many_random_scores():
    random = np.random.default_rng(5)
    for _ in range(200):
        n = 40
        given = random.integers(0, 8, n).astype(float)
        given[random.random(n) < 0.2] = -np.inf
        unseen = random.random(n) < 0.8
        shuffled = random.permutation(n).astype(np.int32)
        target = int(random.integers(n))
        placed = place(given, unseen, target, shuffled, 10)
        there = [item for item in range(n) if unseen[item] and given[item] > -np.inf]
        best = sorted(there, key=lambda item: (-given[item], shuffled[item]))[:10]
        assert placed.top.tolist() == best + [-1] * (10 - len(best))
        if target in there:
            ranks = np.flatnonzero(np.sort(-given[there]) == -given[target]) + 1
            assert placed.rank == ranks.mean()
        else:
            assert placed.rank == math.inf
