"""The checker finds what is wrong with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.core.picks import Pick
from streams.core.profile import ClickFact
from streams.core.reasons import MOST_LATEST, check, items_of_hers, similarity
from streams.core.rules import TasteRules
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on, list_for, visit


@pytest.fixture
def listed(world):
    profile = visit(world, clicks_on(["0/1", "0/2", "1/1"]))
    return profile, list_for(world, profile)[0]


def problem(world: World, listed, rules: TasteRules = RULES, **changes) -> str | None:
    profile, pick = listed
    return check(replace(pick, **changes), profile, world, world.fallback(), rules)


def test_a_true_reason_holds(world, listed):
    assert problem(world, listed) is None


def test_a_wrong_similarity_is_found(world, listed):
    assert "the similarity is" in problem(world, listed, similarity=listed[1].similarity + 0.01)


def test_an_item_that_is_not_hers_is_found(world, listed):
    assert "no item of hers" in problem(world, listed, reason_item_id="0/39")


def test_a_farther_item_of_hers_is_found(world, listed):
    _, pick = listed
    ids = world.ids
    cosines = {i: similarity(world, pick.number, ids.index(i)) for i in ("0/1", "0/2", "1/1")}
    farther = sorted(cosines, key=cosines.__getitem__)[1]
    rules = TasteRules(min_similarity=0.0)
    changes = {"reason_item_id": farther, "similarity": cosines[farther]}
    assert "another item of hers is nearer" in problem(world, listed, rules, **changes)


def test_too_little_similarity_is_found(world, listed):
    assert "is below" in problem(world, listed, TasteRules(min_similarity=0.99))


def test_a_popular_item_that_is_not_popular_is_found(world, listed):
    number = world.fallback().numbers[-1]
    pick = Pick(int(number), world.item_id(number), 1.0, 1.0, "popular")
    assert "not among the popular" in check(pick, listed[0], world, world.fallback(), RULES)
    new = replace(pick, reason_kind="new")
    assert check(new, listed[0], world, world.fallback(), RULES) is None
    named = replace(new, reason_item_id="0/1")
    assert "names an item" in check(named, listed[0], world, world.fallback(), RULES)


def test_a_withdrawn_item_is_found(world, listed):
    world.unknown.add(listed[1].item_id)
    assert "not known" in problem(world, listed)


def test_the_last_item_of_an_old_interest_is_still_hers(world):
    rules = TasteRules(recent=3, pending=1)
    profile = visit(world, clicks_on(["0/1", "1/1", "1/2", "1/3", "1/4"]), rules=rules)
    assert profile.recent.ids == ["1/2", "1/3", "1/4"]
    assert "0/1" in items_of_hers(profile, world)


def test_of_many_recent_ones_the_latest_are_named_and_the_last_of_each_interest(world):
    profile = visit(world, clicks_on(["1/1", *(f"0/{i}" for i in range(39))]))
    latest = [f"0/{i}" for i in range(39 - MOST_LATEST, 39)]
    assert list(items_of_hers(profile, world)) == [*latest, "1/1"]


def test_what_she_dislikes_by_now_is_not_hers_even_if_it_moved_an_interest_last(world):
    profile = visit(world, [*clicks_on(["0/1", "1/1"]), ClickFact("1/1", "hide", NOW_S + 60)])
    assert "1/1" in profile.interests.items
    assert list(items_of_hers(profile, world)) == ["0/1"]
