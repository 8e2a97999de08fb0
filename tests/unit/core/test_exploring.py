"""New items get the last places by chance, and nothing else changes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from streams.core.picks import Fallback, Pick
from streams.core.profile import Profile, item_key
from streams.core.reasons import check
from streams.core.rules import TasteRules
from tests.unit.core.worlds import World, clicks_on, list_for, visit

RULES = TasteRules(explore_share=0.1)
NEW = np.arange(200, 240, dtype=np.int32)
FALLBACK = Fallback(NEW, ["new"] * len(NEW))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def profile(world: World) -> Profile:
    return visit(world, clicks_on(["0/1", "0/2", "1/1"]))


def made(world: World, profile: Profile, seed: int | None, rules: TasteRules = RULES) -> list[Pick]:
    rng = None if seed is None else np.random.default_rng(seed)
    return list_for(world, profile, rules, fallback=FALLBACK, rng=rng)


def test_the_last_places_go_to_new_items_and_the_others_stay(
    world: World, profile: Profile
) -> None:
    best = made(world, profile, None)
    explored = made(world, profile, 1)
    assert explored[:18] == best[:18]
    assert [pick.reason_kind for pick in explored[18:]] == ["exploring"] * 2
    assert {pick.number for pick in explored[18:]} <= set(NEW.tolist())
    assert explored[17].score > explored[18].score > explored[19].score > 0.0
    assert all(check(pick, profile, world, FALLBACK, RULES) is None for pick in explored)


def test_each_new_item_gets_its_chance(world: World, profile: Profile) -> None:
    rules = TasteRules(explore_share=0.05)
    lists = [made(world, profile, seed, rules) for seed in range(2_000)]
    found = Counter(picks[-1].item_id for picks in lists)
    (propensity,) = {picks[-1].propensity for picks in lists}
    assert propensity == pytest.approx(1.0 / len(found))
    expected = len(lists) * propensity
    assert all(abs(count - expected) < 5 * np.sqrt(expected) for count in found.values())


def test_what_she_had_or_what_is_withdrawn_is_not_explored(world: World, profile: Profile) -> None:
    for number in NEW[3:].tolist():
        world.there[number] = False
    profile.seen.add(item_key(world.item_id(int(NEW[0]))), RULES.seen)
    for seed in range(50):
        explored = [p.number for p in made(world, profile, seed) if p.reason_kind == "exploring"]
        assert set(explored) <= set(NEW[1:3].tolist())


def test_where_nothing_is_new_the_list_is_as_it_was(world: World, profile: Profile) -> None:
    world.there[NEW] = False
    assert made(world, profile, 1) == made(world, profile, None)


def test_look_alikes_are_not_explored(world: World, profile: Profile) -> None:
    listed = made(world, profile, None)[0]
    world.there[NEW[1:]] = False
    world.copy_picture(listed.item_id, world.item_id(int(NEW[0])))
    assert made(world, profile, 1) == made(world, profile, None)


def test_a_group_keeps_to_its_most(world: World, profile: Profile) -> None:
    rules = TasteRules(explore_share=0.1, group_most=3)
    world.groups = {number: world.item_id(number)[0] for number in range(len(world.ids))}
    for seed in (None, 1, 2, 3):
        picks = made(world, profile, seed, rules)
        assert max(Counter(world.groups[pick.number] for pick in picks).values()) <= 3
        assert len(picks) > 5


@pytest.mark.parametrize("new", [1, 2, 3])
@pytest.mark.parametrize("share", [0.1, 0.25])
def test_few_new_items_that_are_among_the_last_picks_are_not_listed_twice(
    new: int, share: float, world: World, profile: Profile
) -> None:
    rules = TasteRules(explore_share=share)
    best = made(world, profile, None, rules)
    assert {pick.reason_kind for pick in best} == {"looks-like"}
    listed = [pick.number for pick in best]
    fallback = Fallback(np.array(listed[17 : 17 + new], np.int32), ["new"] * new)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        picks = list_for(world, profile, rules, fallback=fallback, rng=rng)
        assert sorted(pick.number for pick in picks) == sorted(listed)
        scores = [pick.score for pick in picks]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("alike", ["in a full group", "a double"])
def test_a_new_item_does_not_stand_beside_the_like_of_it_that_stays(
    alike: str, world: World, profile: Profile
) -> None:
    rules = TasteRules(explore_share=0.25, group_most=1)
    world.groups = {number: str(number) for number in range(len(world.ids))}
    best = made(world, profile, None, rules)
    assert {pick.reason_kind for pick in best} == {"looks-like"}
    like, other = best[17], int(NEW[0])
    if alike == "a double":
        world.copy_picture(like.item_id, world.item_id(other))
    else:
        world.groups[other] = world.groups[like.number]
    for seed in range(30):
        rng = np.random.default_rng(seed)
        picks = list_for(world, profile, rules, fallback=Fallback(NEW[:1], ["new"]), rng=rng)
        assert len({like.number, other} & {pick.number for pick in picks}) == 1


def test_a_part_of_a_place_is_given_now_and_then_and_propensities_say_how_often(
    world: World, profile: Profile
) -> None:
    """Of ten places half a one: what stands last does so as often as is said."""
    rules = TasteRules(list_length=10, explore_share=0.05)
    lists = [made(world, profile, seed, rules) for seed in range(3_000)]
    last = Counter(picks[-1].item_id for picks in lists)
    said = {picks[-1].item_id: picks[-1].propensity for picks in lists}
    assert sum(said.values()) == pytest.approx(1.0)
    kept = made(world, profile, None, rules)[-1].item_id
    assert said[kept] == pytest.approx(0.5)
    for item_id, chance in said.items():
        tolerance = 5.0 * np.sqrt(chance * (1.0 - chance) / len(lists))
        assert last[item_id] / len(lists) == pytest.approx(chance, abs=tolerance)
