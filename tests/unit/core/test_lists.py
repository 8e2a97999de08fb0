"""The list somebody gets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.candidates import queries
from streams.core.lists import make_fallback_list, make_list
from streams.core.picks import Fallback
from streams.core.profile import ClickFact, Profile, item_key
from streams.core.reasons import check, similarity
from streams.core.rules import DAY_S, TasteRules
from tests.unit.core.histories import histories
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on, list_for, tastes_of, visit

NOBODY = Fallback(np.empty(0, np.int32), [])


def worlds() -> list[World]:
    plain, several_views, partly = World(), World(seed=8, views=3), World(seed=9)
    partly.unknown.update(partly.ids[::3])
    partly.there[::5] = False
    partly.copy_picture("0/1", "0/2")
    partly.hashes[7] = partly.hashes[8] = partly.hashes[9]
    return [plain, several_views, partly]


WORLDS = worlds()


@settings(max_examples=150)
@given(histories, st.sampled_from(WORLDS), st.floats(0.0, 400 * DAY_S))
def test_whatever_she_did_the_list_keeps_its_promises(history, world, later_s):
    profile = visit(world, history)
    known = np.array([n for n, i in enumerate(world.ids) if i not in world.unknown], np.int32)
    fallback = Fallback(known[:120], ["popular"] * 60 + ["new"] * 60)
    picks = list_for(world, profile, now_s=profile.clock_s + later_s, fallback=fallback)

    assert len(picks) == RULES.list_length
    assert len({pick.item_id for pick in picks}) == len(picks)
    scores = [pick.score for pick in picks]
    assert all(score > 0.0 for score in scores)
    assert scores == sorted(scores, reverse=True)
    for pick in picks:
        key = item_key(pick.item_id)
        assert key not in profile.seen
        assert key not in profile.hidden
        assert world.there[pick.number]
        assert pick.item_id not in world.unknown
        assert world.item_id(pick.number) == pick.item_id
        assert pick.propensity == 1.0
        assert check(pick, profile, world, fallback, RULES) is None
    for place, pick in enumerate(picks):
        for other in picks[:place]:
            alike = similarity(world, pick.number, other.number)
            assert alike <= RULES.near_duplicate_similarity + 1e-5
            differing = int(world.hashes[pick.number] ^ world.hashes[other.number]).bit_count()
            assert differing > RULES.near_duplicate_bits


@given(histories)
def test_the_same_profile_gets_the_same_list(history):
    first, second = (list_for(WORLDS[0], visit(WORLDS[0], history)) for _ in range(2))
    assert first == second


def test_two_tastes_are_both_in_the_list_and_in_its_beginning(world):
    picks = list_for(world, visit(world, clicks_on(["0/1", "1/1", "0/2", "1/2"])))
    counts = Counter(tastes_of(picks))
    assert counts[0] + counts[1] == 20
    assert abs(counts[0] - counts[1]) <= 2
    assert set(tastes_of(picks)[:2]) == {0, 1}


def test_a_lighter_taste_gets_fewer_places_but_gets_some(world):
    profile = visit(world, clicks_on(["0/1", "0/2", "0/3", "1/1"]))
    counts = Counter(tastes_of(list_for(world, profile)))
    assert counts[0] in (14, 15, 16)
    assert counts[1] == 20 - counts[0]


def test_after_her_taste_has_drifted_the_new_one_leads(world):
    profile = visit(world, clicks_on([f"0/{i}" for i in range(10)]))
    visit(world, clicks_on([f"1/{i}" for i in range(5)], at_s=NOW_S + 2 * DAY_S), profile)
    tastes = tastes_of(list_for(world, profile))
    assert tastes[0] == 1
    assert Counter(tastes)[1] > Counter(tastes)[0] > 0


def test_what_she_likes_anyway_comes_back_when_the_mood_has_passed(world):
    profile = visit(world, clicks_on([f"0/{i}" for i in range(10)]))
    visit(world, clicks_on([f"1/{i}" for i in range(4)], at_s=NOW_S + 2 * DAY_S), profile)
    counts = Counter(tastes_of(list_for(world, profile, now_s=NOW_S + 4 * DAY_S)))
    assert counts[0] > counts[1] > 0


def test_a_dislike_pushes_what_looks_like_it_down(world):
    clicks = [*clicks_on(["0/1", "0/2", "1/1", "1/2"])]
    before = Counter(tastes_of(list_for(world, visit(world, clicks))))
    dislike = ClickFact("0/9", "dislike", clicks[-1].at_s)
    after = Counter(tastes_of(list_for(world, visit(world, [*clicks, dislike]))))
    assert after[0] < before[0]


def test_a_dislike_is_forgiven_in_time(world):
    profile = visit(world, [*clicks_on(["0/1", "0/2"]), ClickFact("0/9", "hide", NOW_S + 120)])

    def best(now_s):
        return max(pick.score for pick in list_for(world, profile, now_s=now_s))

    assert best(NOW_S + 120 + 6 * RULES.repel_half_life_s) > best(NOW_S + 120)


def test_one_purchase_takes_no_more_of_the_list_than_its_share(world):
    profile = visit(world, clicks_on([f"0/{i}" for i in range(4)], "view"))
    visit(world, [ClickFact("1/1", "purchase", profile.clock_s)], profile)
    counts = Counter(tastes_of(list_for(world, profile)))
    assert 4 <= counts[1] <= RULES.largest_click_share * RULES.list_length


def test_a_reason_names_the_item_of_hers_that_is_nearest(world):
    world.copy_picture("0/5", "0/30")
    rules = TasteRules(near_duplicate_similarity=1.0)
    profile = visit(world, clicks_on(["0/4", "0/5", "0/6"]))
    pick = next(pick for pick in list_for(world, profile, rules) if pick.item_id == "0/30")
    assert (pick.reason_kind, pick.reason_item_id) == ("looks-like", "0/5")
    assert pick.similarity == pytest.approx(1.0, abs=1e-5)


def test_an_item_like_none_of_hers_is_not_said_to_look_like_one(world):
    rules = TasteRules(min_similarity=0.99)
    picks = list_for(world, visit(world, clicks_on(["0/1"])), rules)
    assert {pick.reason_kind for pick in picks} == {"popular"}


def test_a_disliked_item_is_never_given_as_a_reason(world):
    profile = visit(world, [*clicks_on(["0/1", "0/2"]), ClickFact("0/2", "dislike", NOW_S + 90)])
    reasons = {pick.reason_item_id for pick in list_for(world, profile)}
    assert "0/1" in reasons
    assert "0/2" not in reasons


def test_near_duplicates_are_listed_once(world):
    for copy in range(10, 30):
        world.copy_picture("0/9", f"0/{copy}")
    ids = {pick.item_id for pick in list_for(world, visit(world, clicks_on(["0/1", "0/2"])))}
    assert len(ids & {"0/9", *(f"0/{copy}" for copy in range(10, 30))}) == 1


def test_pictures_with_nearly_the_same_hash_are_listed_once_but_those_without_one_are_not(world):
    profile = visit(world, clicks_on(["0/1"]))
    world.hashes[:40] = 0
    assert Counter(tastes_of(list_for(world, profile)))[0] == 20
    world.hashes[:40] = 0b1111
    world.hashes[5:40:2] = 0b1110
    assert Counter(tastes_of(list_for(world, profile)))[0] == 1


def test_a_withdrawn_item_is_in_no_list(world):
    profile = visit(world, clicks_on(["0/1"]))
    first = list_for(world, profile)[0]
    world.there[first.number] = False
    assert first.item_id not in {pick.item_id for pick in list_for(world, profile)}


def test_somebody_new_gets_the_popular_items_in_their_order(world):
    fallback = world.fallback()
    picks = make_fallback_list(fallback, world, replace(RULES, unlikeness=0.0))
    assert [pick.number for pick in picks] == fallback.numbers[:20].tolist()
    assert {pick.reason_kind for pick in picks} == {"popular"}
    assert all(check(pick, Profile(), world, fallback, RULES) is None for pick in picks)


def test_new_items_follow_when_there_are_too_few_popular_ones(world):
    picks = make_fallback_list(
        Fallback(np.arange(25, dtype=np.int32), ["popular"] * 3 + ["new"] * 22), world, RULES
    )
    assert [pick.reason_kind for pick in picks] == ["popular"] * 3 + ["new"] * 17


def test_the_fallback_repeats_no_near_duplicates_and_nothing_twice(world):
    world.copy_picture("0/0", "0/1")
    numbers = np.array([0, 0, 1, 2, *range(3, 30)], np.int32)
    picks = make_fallback_list(Fallback(numbers, ["popular"] * 31), world, RULES)
    assert [pick.number for pick in picks] == [0, *range(2, 21)]


def test_a_catalogue_of_nothing_gives_an_empty_list(world):
    world.unknown.update(world.ids)
    profile = visit(world, clicks_on(["0/1"]))
    assert list_for(world, profile, fallback=NOBODY) == []


def test_what_taste_does_not_fill_the_fallback_does(world):
    world.unknown.update(f"0/{i}" for i in range(5, 40))
    others = Fallback(np.arange(40, 240, dtype=np.int32), ["popular"] * 200)
    picks = list_for(
        world, visit(world, clicks_on(["0/1"])), TasteRules(min_similarity=0.5), fallback=others
    )
    kinds = [pick.reason_kind for pick in picks]
    assert kinds == ["looks-like"] * 4 + ["popular"] * 16


def test_a_profile_of_another_model_is_searched_for_nothing_and_gets_the_fallback(world):
    profile = visit(world, clicks_on(["0/1"]))
    other = World(dim=32, model_id="model-2")
    assert queries(profile, other, RULES, NOW_S).shape == (0, 32)
    assert {pick.reason_kind for pick in list_for(other, profile)} == {"popular"}


def test_somebody_who_has_seen_what_is_nearest_gets_what_is_next(world):
    profile = visit(world, clicks_on([f"0/{i}" for i in range(30)]))
    assert Counter(tastes_of(list_for(world, profile)))[0] == 10


def test_answers_to_other_queries_are_refused(world):
    profile = visit(world, clicks_on(["0/1", "1/1"]))
    numbers, cosines = world.search(queries(profile, world, RULES, NOW_S)[:1], 10)
    with pytest.raises(ValueError, match="1 queries"):
        make_list(
            profile, numbers, cosines, NOBODY, catalogue=world, rules=RULES, now_s=profile.clock_s
        )


@pytest.mark.parametrize("closeness", [0.25, 0.5, 0.7])
@pytest.mark.parametrize("join_similarity", [0.4, 0.6, 0.7])
def test_three_tastes_are_found_among_noise_wherever_the_threshold_lies(closeness, join_similarity):
    rules = TasteRules(join_similarity=join_similarity)
    world = World(seed=3, tastes=12, per_taste=60, dim=256, closeness=closeness)
    rng = np.random.default_rng(0)
    fitting, shown = [], []
    for _ in range(8):
        hers = rng.choice(12, 3, replace=False)
        clicks = []
        for i in range(60):
            taste = rng.choice(hers, p=[0.5, 0.3, 0.2]) if rng.random() > 0.15 else rng.integers(12)
            kind = ("view", "click", "like")[rng.integers(3)]
            clicks.append(ClickFact(f"{taste}/{rng.integers(60)}", kind, NOW_S + 3 * 3600.0 * i))
        counts = Counter(tastes_of(list_for(world, visit(world, clicks, rules=rules), rules)))
        fitting.append(sum(counts[taste] for taste in hers) / 20)
        shown.append(sum(counts[taste] > 0 for taste in hers) / 3)
    assert np.mean(fitting) > 0.85  # by chance .25
    assert np.mean(shown) > 0.95


@settings(max_examples=60)
@given(histories, st.sampled_from(WORLDS), st.integers(0, 2**32))
def test_left_to_chance_a_list_keeps_its_promises_too(history, world, seed):
    rules = TasteRules(temperature=0.8, explore_share=0.15)
    profile = visit(world, history)
    known = np.array([n for n, i in enumerate(world.ids) if i not in world.unknown], np.int32)
    fallback = Fallback(known[:120], ["popular"] * 60 + ["new"] * 60)
    rng = np.random.default_rng(seed)
    picks = list_for(world, profile, rules, fallback=fallback, rng=rng)
    assert len(picks) == rules.list_length == len({pick.item_id for pick in picks})
    for pick in picks:
        key = item_key(pick.item_id)
        assert key not in profile.seen
        assert key not in profile.hidden
        assert world.there[pick.number]
        assert 0.0 < pick.propensity <= 1.0
        assert pick.score > 0.0
        assert check(pick, profile, world, fallback, rules) is None
    for place, pick in enumerate(picks):
        for other in picks[:place]:
            alike = similarity(world, pick.number, other.number)
            assert alike <= rules.near_duplicate_similarity + 1e-5


def test_the_list_for_somebody_new_is_no_monotony():
    """The twelve most popular are of one taste, and others are popular as well."""
    world = World()
    popular = [*range(12), *(40 * taste + place for place in range(6) for taste in range(1, 6))]
    fallback = Fallback(np.array(popular, np.int32), ["popular"] * len(popular))
    plain = make_fallback_list(fallback, world, replace(RULES, unlikeness=0.0))
    varied = make_fallback_list(fallback, world, RULES)
    assert varied[0] == plain[0]
    assert Counter(tastes_of(varied[:10]))[0] < 10 == Counter(tastes_of(plain[:10]))[0]
    scores = [pick.score for pick in varied]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
@pytest.mark.parametrize("temperature", [0.0, 1.0, 50.0])
def test_an_item_of_hers_is_named_no_more_often_than_its_share(share, temperature):
    """One of seven clicks lies in the middle of a taste, so that most of it looks like that one."""
    world = World()
    middle = world._first[:40].mean(axis=0)
    world._first[0] = world._views[0, 0] = middle / np.linalg.norm(middle)
    hers = ["0/0", "0/1", "0/2", "1/1", "2/2", "3/3", "4/4"]
    rules = replace(RULES, largest_click_share=share, temperature=temperature, explore_share=0.0)
    profile = visit(world, clicks_on(hers), rules=rules)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        picks = list_for(world, profile, rules, rng=rng)
        named = Counter(pick.reason_item_id for pick in picks if pick.reason_item_id)
        assert len(picks) == rules.list_length
        assert max(named.values()) <= max(share * rules.list_length, 1)


def test_where_nothing_else_is_there_a_share_is_exceeded_at_the_end():
    world = World(tastes=2, per_taste=20)
    rules = replace(RULES, largest_click_share=0.2, explore_share=0.0)
    profile = visit(world, clicks_on(["0/1", "1/1"]), rules=rules)
    picks = list_for(world, profile, rules, fallback=NOBODY)
    assert len(picks) == rules.list_length
    assert max(Counter(pick.reason_item_id for pick in picks[:8]).values()) == 4
    scores = [pick.score for pick in picks]
    assert scores == sorted(scores, reverse=True)
    assert all(check(pick, profile, world, NOBODY, rules) is None for pick in picks)
