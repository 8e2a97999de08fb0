"""One interest that stands between two tastes becomes two; one taste stays one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streams.core import splitting
from streams.core.interests import Interests
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on, visit


def between(world: World, ids: list[str], rules=RULES) -> Interests:
    """One interest in the middle of what these items look like."""
    interests = Interests()
    middle = world.vectors(numbers(world, ids)).mean(axis=0)
    interests.attract((middle / np.linalg.norm(middle))[None], 3.0, 6.0, ids[-1], rules)
    return interests


def numbers(world: World, ids: list[str]) -> np.ndarray:
    return np.array([world.number(item_id) for item_id in ids], np.int32)


def split(interests: Interests, world: World, ids: list[str], rules=RULES, weights=None) -> bool:
    vectors = world.vectors(numbers(world, ids))
    return splitting.split(interests, ids, weights or [1.0] * len(ids), vectors, rules)


@pytest.mark.parametrize("closeness", [0.4, 0.7])
def test_two_tastes_in_one_interest_come_apart(closeness):
    world = World(closeness=closeness, dim=256)
    ids = [f"{taste}/{place}" for place in range(4) for taste in (0, 1)] + ["0/9"]
    interests = between(world, ids)
    assert split(interests, world, ids)
    assert sorted(interests.items) == ["0/9", "1/3"]
    assert sum(interests.short) == pytest.approx(3.0)
    assert sum(interests.long) == pytest.approx(6.0)
    of_zero = interests.items.index("0/9")
    assert interests.long[of_zero] == pytest.approx(6.0 * 5 / 9)
    lengths = np.linalg.norm(interests.vectors, axis=1)
    assert lengths == pytest.approx(1.0, abs=1e-3)
    cosines = world.vectors(numbers(world, ["0/20", "1/20"])) @ interests.vectors.T
    assert cosines.argmax(axis=1).tolist() == [of_zero, 1 - of_zero]


@pytest.mark.parametrize("closeness", [0.05, 0.25, 0.4, 0.7])
@pytest.mark.parametrize("seed", range(5))
def test_one_taste_stays_one(closeness, seed):
    world = World(seed, closeness=closeness, dim=256)
    ids = [f"0/{place}" for place in range(12)]
    assert not split(between(world, ids), world, ids)


def test_a_few_strays_make_no_taste():
    world = World()
    ids = [f"0/{place}" for place in range(8)] + ["1/1", "2/1"]
    assert not split(between(world, ids), world, ids)


def test_without_room_the_two_that_lose_least_are_merged_for_it():
    world = World(dim=256)
    ids = [f"{taste}/{place}" for place in range(4) for taste in (0, 1)]
    interests = between(world, ids)
    for item_id in ("2/0", "2/1", "3/0"):
        vector = world.vectors(numbers(world, [item_id]))
        interests.vectors = np.concatenate([interests.vectors, vector])
        interests.short.append(0.5)
        interests.long.append(0.5)
        interests.items.append(item_id)
    before = sum(interests.long)
    assert split(interests, world, ids, replace(RULES, interests=4))
    assert len(interests) == 4
    assert sum(interests.long) == pytest.approx(before)
    assert {item[0] for item in interests.items} == {"0", "1", "2", "3"}
    firm = between(world, ids)
    firm.long = [0.01]
    firm.short = [0.0]
    for item_id in ("2/0", "3/0", "4/0"):
        firm.vectors = np.concatenate([firm.vectors, world.vectors(numbers(world, [item_id]))])
        firm.short.append(5.0)
        firm.long.append(5.0)
        firm.items.append(item_id)
    assert not split(firm, world, ids, replace(RULES, interests=4))


def test_a_profile_whose_tastes_were_merged_gets_them_back_once_there_is_room():
    """With room for one interest; the rule is raised then."""
    world = World(dim=256)
    ids = [f"{taste}/{place}" for place in range(6) for taste in (0, 1)]
    profile = visit(world, clicks_on(ids), rules=replace(RULES, interests=1))
    assert len(profile.interests) == 1
    later = [f"{taste}/{place}" for place in range(10, 14) for taste in (0, 1)]
    visit(world, clicks_on(later, at_s=NOW_S + 1e4), profile)
    assert profile.events == splitting.EVERY
    assert sorted(item[0] for item in profile.interests.items) == ["0", "1"]
