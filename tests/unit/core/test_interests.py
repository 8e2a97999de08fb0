"""A user's few tastes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.interests import LARGEST_STEP, Interests, faded
from streams.core.rules import TasteRules

RULES = TasteRules()


def axis(*components: float) -> np.ndarray:
    vector = np.zeros(8, np.float32)
    vector[: len(components)] = components
    return vector / np.linalg.norm(vector)


def liked(*vectors: np.ndarray, rules: TasteRules = RULES, weight: float = 1.0) -> Interests:
    interests = Interests()
    for i, vector in enumerate(vectors):
        interests.attract(vector[None], weight, weight, f"item-{i}", rules)
    return interests


def test_a_near_click_moves_the_interest_towards_it():
    interests = liked(axis(1), axis(1, 0.5))
    assert len(interests) == 1
    assert 0 < interests.vectors[0, 1] < axis(1, 0.5)[1]
    assert interests.items == ["item-1"]


def test_a_far_click_opens_another_interest():
    assert len(liked(axis(1), axis(0, 1))) == 2


def test_the_step_is_as_large_as_the_click_is_heavy():
    light, heavy = (liked(axis(1), axis(1)) for _ in range(2))
    light.attract(axis(1, 0.5)[None], 0.1, 0.1, "x", RULES)
    heavy.attract(axis(1, 0.5)[None], 1.0, 1.0, "x", RULES)
    assert 0 < light.vectors[0, 1] < heavy.vectors[0, 1]


def test_no_click_moves_an_interest_more_than_half_way():
    interests = liked(axis(1), rules=TasteRules(largest_click_share=0.99))
    interests.attract(axis(1, 1)[None], 1e6, 1e6, "x", TasteRules(largest_click_share=0.99))
    halfway = axis(1) * (1 - LARGEST_STEP) + axis(1, 1) * LARGEST_STEP
    assert interests.vectors[0] == pytest.approx(halfway / np.linalg.norm(halfway), abs=1e-3)


def test_even_a_very_old_interest_can_follow_her():
    interests = liked(axis(1))
    interests.short, interests.long = [1e4], [1e4]
    for _ in range(200):
        interests.attract(axis(1, 1)[None], 0.1, 0.1, "x", RULES)
    assert interests.vectors[0] @ axis(1, 1) > 0.99


def test_of_several_views_the_best_match_counts():
    interests = liked(axis(1))
    views = np.stack([axis(0, 1), axis(1, 0.1)])
    interests.attract(views, 1.0, 1.0, "x", RULES)
    assert len(interests) == 1


def test_when_full_the_pair_that_loses_least_is_merged_and_weights_add():
    rules = TasteRules(interests=3)
    interests = liked(axis(1), axis(0, 1), axis(0.5, 0, 1), rules=rules)
    total = sum(interests.strengths(rules))
    interests.attract(axis(0, 0, 0, 1)[None], 0.5, 0.5, "newest", rules)
    assert len(interests) == 3
    assert interests.items[-1] == "newest"
    assert interests.vectors[-1] == pytest.approx(axis(0, 0, 0, 1))
    merged = int(np.argmax(interests.vectors @ axis(0.7, 0, 1)))
    assert interests.vectors[merged, 0] > 0.3
    assert interests.vectors[merged, 2] > 0.3
    assert sum(interests.strengths(rules)) == pytest.approx(total + 2.5)


def test_when_full_a_light_click_may_join_what_it_resembles_a_little():
    rules = TasteRules(interests=2)
    interests = liked(axis(1), axis(0, 1), rules=rules, weight=10.0)
    interests.attract(axis(0.5, 0, 1)[None], 0.1, 0.1, "x", rules)
    assert interests.items[0] == "x"
    assert len(interests) == 2


def test_when_full_nothing_is_merged_into_what_it_is_not_like():
    rules = TasteRules(interests=2)
    interests = liked(axis(1), axis(0, 1), rules=rules, weight=10.0)
    interests.attract(axis(0, 0, 1)[None], 0.1, 0.1, "x", rules)
    assert interests.items[-1] == "x"
    assert interests.vectors[-1, 2] == pytest.approx(1.0)


def test_opposite_interests_merge_into_the_heavier():
    rules = TasteRules(interests=1, largest_click_share=0.5, min_similarity=0.0)
    interests = Interests(np.stack([axis(1), axis(-1)]), [1.0, 1.0], [2.0, 2.0], ["a", "b"])
    interests.fade(0.0, rules)
    assert interests.vectors.tolist() == [axis(1).tolist()]
    assert interests.long == [4.0]


def test_what_has_faded_to_nothing_is_forgotten():
    interests = liked(axis(1), axis(0, 1))
    interests.fade(20 * RULES.long_half_life_s, RULES)
    assert len(interests) == 0


def test_one_that_has_faded_beside_others_is_forgotten():
    interests = liked(axis(1), axis(0, 1))
    interests.short[0] = interests.long[0] = 1e-9
    interests.fade(1.0, RULES)
    assert interests.items == ["item-1"]


def test_more_tastes_than_there_is_room_for_may_weigh_nothing():
    interests = liked(*np.eye(8, dtype=np.float32), weight=0.0)
    assert len(interests) <= RULES.interests
    tiny = liked(axis(1), weight=1.8e-273)
    for place in range(1, 7):
        tiny.attract(np.roll(axis(1), place)[None], 5e-324, 5e-324, str(place), RULES)
    assert len(tiny) <= RULES.interests


@given(st.lists(st.tuples(st.integers(0, 7), st.floats(0, 10)), min_size=1, max_size=30))
def test_vectors_stay_what_is_stored(clicks):
    interests = Interests()
    for place, weight in clicks:
        vector = np.roll(axis(1, 0.8), place)
        interests.attract(vector[None], weight, weight, str(place), RULES)
    steps = interests.vectors * 2.0**14
    assert np.array_equal(steps, steps.astype(np.int16))


def test_half_is_left_after_a_half_life():
    assert faded(10.0, 10.0) == 0.5
    assert faded(-10.0, 10.0) == 1.0
    assert faded(1e300, 1e-3) < 1e-300
