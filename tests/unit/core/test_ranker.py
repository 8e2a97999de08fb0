"""How good a candidate is for her."""

from __future__ import annotations

import pytest

from streams.core.candidates import Candidates
from streams.core.profile import ClickFact
from streams.core.ranker import score
from tests.unit.core.worlds import NOW_S, RULES, clicks_on, visit


def test_without_dislikes_it_is_the_similarity(world):
    profile = visit(world, clicks_on(["0/1"]))
    pool = Candidates([5, 45], [0, 0], [0.8, 0.4])
    assert score(pool, world, profile, RULES, NOW_S) == [0.8, 0.4]


def test_what_repels_takes_off_its_strength_times_the_cosine(world):
    profile = visit(world, [ClickFact("0/5", "dislike", NOW_S)])
    pool = Candidates([5, 45], [0, 0], [0.8, 0.4])
    near, far = score(pool, world, profile, RULES, NOW_S)
    assert near == pytest.approx(0.8 - RULES.repulsion * 3.0 / 4.0, abs=1e-3)
    assert far == pytest.approx(0.4, abs=0.2)
    assert far <= 0.4
