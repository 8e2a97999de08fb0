"""A list ranked by what others clicked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.lessons import interaction_of
from streams.core.picks import Fallback
from streams.core.profile import ClickFact, Profile, item_key
from streams.core.reasons import check, similarity
from tests.unit.core.crowds import crowd_of, pairs
from tests.unit.core.histories import histories
from tests.unit.core.test_lists import WORLDS
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on, list_for, visit

CROWDS = [pairs(world, seed) for seed, world in enumerate(WORLDS)]
NOTHING = Fallback(np.empty(0, np.int32), [])


@settings(max_examples=100)  # the first one compiles
@given(histories, st.integers(0, len(WORLDS) - 1), st.sampled_from([0.0, 1.0]))
def test_whatever_she_did_the_list_keeps_its_promises(history, which, temperature):
    world, crowd = WORLDS[which], CROWDS[which]
    rules = replace(RULES, temperature=temperature)
    profile = visit(world, history)
    known = np.array([n for n, i in enumerate(world.ids) if i not in world.unknown], np.int32)
    fallback = Fallback(known[:120], ["popular"] * 60 + ["new"] * 60)
    rng = np.random.default_rng(1)
    picks = list_for(world, profile, rules, fallback=fallback, rng=rng, crowd=crowd)

    assert len(picks) == rules.list_length
    assert len({pick.item_id for pick in picks}) == len(picks)
    for pick in picks:
        key = item_key(pick.item_id)
        assert key not in profile.seen
        assert key not in profile.hidden
        assert world.there[pick.number]
        assert pick.item_id not in world.unknown
        assert pick.score > 0.0
        assert 0.0 < pick.propensity <= 1.0
        assert check(pick, profile, world, fallback, rules, crowd=crowd) is None
    for place, pick in enumerate(picks):
        for other in picks[:place]:
            alike = similarity(world, pick.number, other.number)
            assert alike <= rules.near_duplicate_similarity + 1e-5


def test_what_others_clicked_beside_hers_comes_first_and_says_so():
    world = World()
    picks = list_for(world, visit(world, clicks_on(["0/13", "2/23"])), crowd=CROWDS[0])
    first = picks[:5]
    assert all(pick.item_id[-1] == "3" for pick in first)
    assert {pick.reason_kind for pick in first} == {"people-also-clicked"}
    assert {pick.reason_item_id for pick in first} <= {"0/13", "2/23"}
    assert all(0.0 < (pick.similarity or 0.0) <= 1.0 for pick in first)


def test_while_little_has_been_learned_pictures_speak():
    world = World()
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    likes = pairs(world, 0).table.all_likes
    enough, too_few = (pairs(world, 0, least_likes=likes + more) for more in (0.0, 1.0))
    assert list_for(world, profile, crowd=too_few) == list_for(world, profile)
    assert list_for(world, profile, crowd=enough) != list_for(world, profile)


def test_without_anything_learned_of_hers_pictures_speak():
    world = World()
    nobody = crowd_of(world, [["3/1", "3/2"]])
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    assert list_for(world, profile, crowd=nobody) == list_for(world, profile)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
def test_one_click_claims_no_more_than_its_share_of_the_list(share):
    world = World()
    digits = [[i for i in world.ids if i[-1] == str(d)] for d in range(10)]
    crowd = crowd_of(world, [digits[user % 3][user % 5 :][:12] for user in range(60)])
    rules = replace(RULES, largest_click_share=share)
    heavy = clicks_on(["0/10", "1/11"]) + clicks_on(["0/2"], "purchase", NOW_S + 1e4)
    picks = list_for(world, visit(world, heavy, rules=rules), rules, crowd=crowd)
    named = Counter(pick.reason_item_id for pick in picks if pick.reason_item_id)
    assert len(picks) == rules.list_length
    assert max(named.values()) <= max(share * rules.list_length, 1)


def test_her_first_click_may_claim_all_of_it():
    world = World()
    picks = list_for(world, visit(world, clicks_on(["0/13"])), crowd=CROWDS[0])
    assert {pick.reason_item_id for pick in picks[:15]} == {"0/13"}


def test_an_item_that_is_not_there_is_not_listed_and_comes_back_with_it():
    world = World()
    crowd, profile = pairs(world, 0), visit(world, clicks_on(["0/13", "2/23"]))
    first = list_for(world, profile, crowd=crowd)[0]
    world.there[first.number] = False
    crowd.relist(np.array([first.number], np.int32), world)
    assert first.item_id not in {pick.item_id for pick in list_for(world, profile, crowd=crowd)}
    world.there[first.number] = True
    crowd.relist(np.array([first.number], np.int32), world)
    assert list_for(world, profile, crowd=crowd)[0] == first


def test_what_she_dislikes_is_pushed_down_where_it_looks_alike():
    world = World()
    liked = clicks_on(["0/13", "2/23"])
    before = Counter(p.item_id[0] for p in list_for(world, visit(world, liked), crowd=CROWDS[0]))
    disliked = [ClickFact(f"2/{n}", "dislike", NOW_S + 999) for n in (3, 5, 6)]
    after = Counter(
        p.item_id[0] for p in list_for(world, visit(world, liked + disliked), crowd=CROWDS[0])
    )
    assert after["2"] < before["2"]


def test_a_number_that_passed_to_another_item_is_not_taken_for_the_first():
    world = World()
    crowd = pairs(world, 0)
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    number = list_for(world, profile, crowd=crowd)[0].number
    world._keys[number] = 12345
    world.ids[number] = "another"
    crowd.relist(np.array([number], np.int32), world)
    picks = list_for(world, profile, crowd=crowd, fallback=NOTHING)
    assert number not in {p.number for p in picks if p.reason_kind == "people-also-clicked"}


def test_a_reason_never_names_an_item_that_took_over_the_number_of_hers():
    """As when hers was withdrawn, and the new one is known but not listed yet."""
    world = World()
    crowd = pairs(world, 0)
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    number = world.number("0/13")
    assert number is not None
    world._keys[number] = item_key("another")
    world.ids[number] = "another"
    world._numbers["another"] = world._numbers.pop("0/13")
    world.there[number] = False
    crowd.relist(np.array([number], np.int32), world)
    picks = list_for(world, profile, crowd=crowd, fallback=NOTHING)
    named = {p.reason_item_id for p in picks if p.reason_kind == "people-also-clicked"}
    assert named == {"2/23"}


@pytest.mark.parametrize("wrong", ["2/24", "9/9"])
def test_the_checker_finds_out_a_wrong_reason(wrong):
    world = World()
    profile = visit(world, clicks_on(["0/13", "2/23", "2/24"]))
    pick = list_for(world, profile, crowd=CROWDS[0])[0]
    assert check(pick, profile, world, NOTHING, RULES, crowd=CROWDS[0]) is None
    assert check(pick, profile, world, NOTHING, RULES) is not None
    pick.reason_item_id = wrong
    assert check(pick, profile, world, NOTHING, RULES, crowd=CROWDS[0]) is not None


def test_the_checker_finds_out_a_wrong_part():
    world = World()
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    pick = list_for(world, profile, crowd=CROWDS[0])[0]
    pick.similarity = (pick.similarity or 0.0) / 2
    assert "its part is" in (check(pick, profile, world, NOTHING, RULES, crowd=CROWDS[0]) or "")


def test_a_like_moves_her_residual_and_nothing_moves_it_before_anything_is_learned():
    world = World()
    taught, untaught = CROWDS[0], crowd_of(world, [])
    profile = visit(world, clicks_on(["0/13"]))
    told = interaction_of(profile, ClickFact("2/23", "like", NOW_S + 99), 0, 5, RULES)
    assert told is not None
    assert untaught.residual_after(told) == b""
    after = taught.residual_after(told)
    assert len(after) == 64
    assert after == taught.residual_after(told)
    assert Profile().residual == b""


def fresh_in(picks, crowd):
    likes = crowd.table.signals.likes
    return [
        at for at, pick in enumerate(picks) if likes[crowd.table.row(item_key(pick.item_id))] < 3
    ]


def test_what_nobody_has_clicked_gets_its_places_where_it_looks_like_hers():
    world = World()
    crowd = crowd_of(world, [[i for i in world.ids if i[-1] == "3"]] * 5)
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    rules = replace(RULES, fresh_share=0.2, explore_share=0.0, unlikeness=0.0)
    picks = list_for(world, profile, rules, crowd=crowd, fallback=NOTHING)
    assert fresh_in(picks[:20], crowd)[:2] == [3, 8]
    assert all(picks[at].reason_kind == "looks-like" for at in (3, 8))
    none = replace(rules, fresh_share=0.0)
    without = list_for(world, profile, none, crowd=crowd, fallback=NOTHING)
    crowded = [pick.item_id for pick in picks if pick.item_id[-1] == "3"]
    assert [pick.item_id for pick in without if pick.item_id[-1] == "3"][: len(crowded)] == crowded


def test_a_fresh_item_never_stands_beside_its_double():
    world = World()
    crowd = crowd_of(world, [[i for i in world.ids if i[-1] == "3"]] * 5)
    rules = replace(RULES, fresh_share=0.2, explore_share=0.0)
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    fresh = list_for(world, profile, rules, crowd=crowd, fallback=NOTHING)[3].item_id
    world.copy_picture("0/23", fresh)
    again = list_for(world, profile, rules, crowd=crowd, fallback=NOTHING)
    assert len({"0/23", fresh} & {pick.item_id for pick in again}) <= 1


def test_a_fresh_double_of_what_is_drawn_is_left_out():
    world = World()
    crowd = crowd_of(world, [[i for i in world.ids if i[-1] == "3"]] * 5)
    rules = replace(RULES, fresh_share=0.2, explore_share=0.0, temperature=1.0)
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    greedy = list_for(world, profile, replace(rules, temperature=0.0), crowd=crowd)
    fresh = greedy[3].item_id
    world.copy_picture("0/23", fresh)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        drawn = list_for(world, profile, rules, crowd=crowd, fallback=NOTHING, rng=rng)
        assert len({"0/23", fresh} & {pick.item_id for pick in drawn}) <= 1


def test_more_unlikeness_makes_a_list_of_things_that_look_less_alike():
    world, likeness = World(), {}
    profile = visit(world, clicks_on(["0/13", "2/23"]))
    for unlikeness in (0.0, 3.0):
        rules = replace(RULES, unlikeness=unlikeness, fresh_share=0.0, explore_share=0.0)
        picks = list_for(world, profile, rules, crowd=CROWDS[0], fallback=NOTHING)[:10]
        vectors = world.vectors(np.array([pick.number for pick in picks], np.int32))
        likeness[unlikeness] = float((vectors @ vectors.T).mean())
    assert likeness[3.0] < likeness[0.0] - 0.03


@pytest.mark.parametrize("share", [0.1, 0.25])
@pytest.mark.parametrize("temperature", [0.0, 1.0, 100.0])
def test_what_is_beyond_a_share_makes_room_for_what_is_popular(share, temperature):
    """Six clicks; one crowd leads on from one of them to everything."""
    world = World()
    crowd = crowd_of(world, [["0/0", *world.ids[n : n + 12]] for n in range(1, 200, 3)])
    rules = replace(RULES, largest_click_share=share, temperature=temperature, explore_share=0.0)
    profile = visit(world, clicks_on(["0/0", "9", "8", "7", "6", "5/5"]), rules=rules)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        picks = list_for(world, profile, rules, crowd=crowd, rng=rng)
        named = Counter(pick.reason_item_id for pick in picks if pick.reason_item_id)
        assert len(picks) == rules.list_length
        assert max(named.values()) <= max(share * rules.list_length, 1)


def test_propensities_of_whole_lists_are_their_frequencies_with_places_for_the_fresh():
    """Drawn, with two fresh items of which one looks like what is drawn, and one place explored."""
    world = World(tastes=2, per_taste=9)
    liked = [i for i in world.ids if i[-1] in "01234"]
    crowd = crowd_of(world, [liked] * 8)
    world.copy_picture("0/2", "0/6")
    rules = replace(
        RULES,
        list_length=4,
        temperature=1.0,
        fresh_share=0.25,
        explore_share=0.1,
        unlikeness=2.0,
        largest_click_share=0.5,
    )
    profile = visit(world, clicks_on(["0/0", "1/0"]), rules=rules)
    new = Fallback(
        np.array([world.number(i) for i in ("0/5", "1/7", "1/8")], np.int32), ["new"] * 3
    )
    rounds, lists, said = 4_000, Counter[tuple[str, ...]](), dict[tuple[str, ...], float]()
    kinds = Counter[str]()
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        picks = list_for(world, profile, rules, crowd=crowd, fallback=new, rng=rng)
        made = tuple(f"{pick.item_id} {pick.reason_kind}" for pick in picks)
        lists[made] += 1
        said[made] = float(np.prod([pick.propensity for pick in picks]))
        kinds.update(pick.reason_kind for pick in picks)
    assert 0 < kinds["exploring"] < rounds
    assert len(lists) > 20
    assert sum(said.values()) == pytest.approx(1.0, abs=0.02)  # a few rare lists never came
    for made, chance in said.items():
        tolerance = 5.0 * np.sqrt(chance * (1.0 - chance) / rounds) + 1e-3
        assert lists[made] / rounds == pytest.approx(chance, abs=tolerance)
