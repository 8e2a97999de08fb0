"""How good a candidate is for her."""

from __future__ import annotations

import numpy as np
import pytest

from streams.core.candidates import Candidates
from streams.core.profile import ClickFact
from streams.core.ranker import CONCENTRATION, score
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on, visit


def test_of_one_interest_it_is_the_density_about_it(world):
    profile = visit(world, clicks_on(["0/1"]))
    pool = Candidates([5, 45], [0, 0], [1.0, 0.4])
    assert score(pool, world, profile, RULES, NOW_S) == pytest.approx([1.0, np.exp(-6.0)])


def test_what_lies_between_two_interests_is_more_likely_than_what_lies_as_far_from_one():
    world = World(dim=256)
    profile = visit(world, clicks_on(["0/1", "1/1"]))
    two = profile.interests.vectors
    between, aside = two[0] + two[1], two[0] + world.vectors(np.array([130], np.int32))[0]
    world._first[20], world._first[60] = unit(between), unit(aside)
    found = [float(world._first[n] @ two[0]) for n in (20, 60)]
    assert found[0] == pytest.approx(found[1], abs=0.05)
    near, far = score(Candidates([20, 60], [0, 0], found), world, profile, RULES, NOW_S)
    assert near > 1.5 * far


def test_what_repels_takes_its_strength_times_the_cosine_off_the_cosine(world):
    liked, disliked = clicks_on(["2/1"], at_s=NOW_S - 1), ClickFact("0/5", "dislike", NOW_S)
    pool = Candidates([5, 45], [0, 0], [0.8, 0.4])
    plain = score(pool, world, visit(world, liked), RULES, NOW_S)
    near, far = score(pool, world, visit(world, [*liked, disliked]), RULES, NOW_S)
    taken = RULES.repulsion * 3.0 / 4.0
    assert near / plain[0] == pytest.approx(np.exp(-CONCENTRATION * taken), rel=0.02)
    assert 0.2 < far / plain[1] <= 1.0
    gone = score(Candidates([5], [0], [0.7]), world, visit(world, [*liked, disliked]), RULES, NOW_S)
    assert gone == [0.0]


def unit(vector):
    return vector / np.linalg.norm(vector)
