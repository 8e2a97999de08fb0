from __future__ import annotations

import math

import numpy as np
import pytest

from streams.evaluation.measures import Bootstrap, breadth, diversity, gini, liked_ahead, of_events
from streams.evaluation.replay import Asked, Course
from streams.evaluation.slices import slices
from tests.unit.evaluation.logs import NOT_FOUND, log_of


def course(ranks: list[float], tops: list[list[int]] | None = None) -> Course:
    padded = [[*top, *[-1] * 10][:10] for top in (tops or [[]] * len(ranks))]
    return Course(np.array(ranks), np.array(padded, np.int32))


def test_each_measure_of_a_rank() -> None:
    values = of_events(course([1, 3, 10, 10.5, 50, 51, NOT_FOUND]), [frozenset()] * 7)
    assert values["hr@10"].tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert values["hr@50"].tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert values["ndcg@10"].tolist() == pytest.approx([1, 0.5, 1 / math.log2(11), 0, 0, 0, 0])
    assert values["mrr"].tolist() == [1, 1 / 3, 1 / 10, 1 / 10.5, 1 / 50, 1 / 51, 0]


def test_liked_is_the_share_of_ten_places_and_an_empty_place_is_nobodys() -> None:
    values = of_events(course([1], [[4, 7, 9]]), [frozenset({4, 9, 30})])
    assert values["liked@20"].tolist() == [0.2]


def test_what_lies_ahead_is_her_next_twenty_positive_events_from_this_one_on() -> None:
    story = ", ".join(f"ann i{n}" for n in range(25)) + ", bob i0, ann i25:view, ann i26"
    log = log_of(story)
    first, late, last = liked_ahead(log, np.array([0, 20, 27]))
    assert first == set(range(20))
    assert late == {20, 21, 22, 23, 24, 26}
    assert last == {26}


def test_the_interval_holds_the_mean_and_is_the_same_for_the_same_seed() -> None:
    random = np.random.default_rng(2)
    users = random.integers(0, 80, 600).astype(np.int32)
    values = random.random(600)
    (once,) = Bootstrap(users, seed=7).intervals([values])
    (again,) = Bootstrap(users, seed=7).intervals([values])
    (other,) = Bootstrap(users, seed=8).intervals([values])
    assert once == again != other
    assert once.mean == pytest.approx(values.mean())
    assert once.low < once.mean < once.high


def test_the_interval_is_about_as_wide_as_theory_says() -> None:
    random = np.random.default_rng(4)
    values = random.normal(0, 1, 400)
    (found,) = Bootstrap(np.arange(400, dtype=np.int32), seed=1).intervals([values])
    assert (found.high - found.low) / 2 == pytest.approx(1.96 / math.sqrt(400), rel=0.15)


def test_events_of_one_user_count_as_one_observation() -> None:
    values = np.repeat(np.random.default_rng(1).normal(0, 1, 20), 50)
    (alone,) = Bootstrap(np.arange(1_000, dtype=np.int32), seed=1).intervals([values])
    (by_user,) = Bootstrap(np.repeat(np.arange(20), 50).astype(np.int32), 1).intervals([values])
    assert by_user.high - by_user.low > 4 * (alone.high - alone.low)


def test_a_difference_that_is_the_same_for_every_user_has_no_width() -> None:
    random = np.random.default_rng(5)
    users, values = np.arange(50, dtype=np.int32), random.random(50)
    (ahead,) = Bootstrap(users, seed=1).intervals([(values + 0.25) - values])
    assert (ahead.low, ahead.high) == (pytest.approx(0.25), pytest.approx(0.25))


def test_no_events_have_no_mean() -> None:
    (nothing,) = Bootstrap(np.empty(0, np.int32), seed=1).intervals([np.empty(0)])
    assert math.isnan(nothing.mean)


def test_gini_of_equal_and_of_single_exposure() -> None:
    assert gini(np.array([3, 3, 3, 3])) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)


def test_coverage_is_of_the_items_that_there_were() -> None:
    found = breadth(course([1, 1], [[0, 1], [0, 2]]), np.array([0, 1, 2, 5]))
    assert found["coverage"] == 0.75


def test_diversity_is_one_less_the_mean_cosine_of_pairs_with_vectors() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 0], [1, 0]], np.float32)
    has = np.array([True, True, False, True])
    assert diversity(course([1], [[0, 1, 2]]), vectors, has) == pytest.approx(1)
    assert diversity(course([1], [[0, 3]]), vectors, has) == pytest.approx(0)
    assert diversity(course([1], [[0, 1, 3]]), vectors, has) == pytest.approx(2 / 3)
    assert math.isnan(diversity(course([1], [[2]]), vectors, has))


def test_slices_by_what_was_known_and_by_the_gap() -> None:
    asked = Asked(
        rows=np.arange(4),
        user_events=np.array([0, 4, 5, 9], np.int32),
        item_events=np.array([0, 5, 4, 0], np.int32),
        gaps_s=np.array([np.nan, 60.0, 3_600.0, 3_601.0]),
        known=np.ones(4, np.int32),
    )
    found = {name: np.flatnonzero(mask).tolist() for name, mask in slices(asked, True).items()}
    assert found == {
        "cold users": [0, 1],
        "warm users": [2, 3],
        "cold items": [0, 2, 3],
        "warm items": [1],
        "never-seen items": [0, 3],
        "gap to a minute": [1],
        "gap to an hour": [2],
        "gap over an hour": [3],
    }
    assert "gap to an hour" not in slices(asked, timed=False)
