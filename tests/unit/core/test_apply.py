"""One click into a profile."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.apply import apply
from streams.core.codec import decode, encode
from streams.core.profile import ClickFact, Profile, item_key
from streams.core.rules import HOUR_S, TasteRules
from tests.unit.core.histories import clicks, histories
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on, visit

WORLD = World()
SMALL = TasteRules(interests=2, repelled=1, recent=6, pending=2, seen=10, hidden=4)


@given(histories, st.data())
def test_the_state_does_not_depend_on_when_it_went_through_the_store(history, data):
    in_memory, stored = Profile(), Profile()
    restarts = data.draw(st.sets(st.integers(0, len(history))))
    for offset, click in enumerate(history):
        apply(in_memory, click, "clicks-0", offset, catalogue=WORLD, rules=SMALL)
        apply(stored, click, "clicks-0", offset, catalogue=WORLD, rules=SMALL)
        if offset in restarts:
            stored = decode(encode(stored))
    assert encode(stored) == encode(in_memory)


@given(histories, st.data())
def test_events_that_come_again_change_nothing(history, data):
    profile = visit(WORLD, history)
    before = encode(profile)
    again = data.draw(st.integers(0, len(history) - 1))
    for offset, click in list(enumerate(history))[again:]:
        assert not apply(profile, click, "clicks-0", offset, catalogue=WORLD, rules=RULES)
    assert encode(profile) == before


@given(histories)
def test_whatever_comes_every_memory_stays_bounded(history):
    profile = visit(WORLD, history * 2, rules=SMALL)
    assert len(profile.interests) <= SMALL.interests
    assert len(profile.repelled) <= SMALL.repelled
    assert len(profile.recent) <= SMALL.recent
    assert len(profile.seen) <= SMALL.seen
    assert len(profile.hidden) <= SMALL.hidden
    assert len(set(profile.recent.ids)) == len(profile.recent)


@given(histories)
def test_whatever_comes_vectors_are_unit_and_weights_finite(history):
    profile = visit(WORLD, history)
    interests = profile.interests
    assert np.allclose(np.linalg.norm(interests.vectors, axis=1), 1.0, atol=2e-3)
    assert all(0.0 <= w < math.inf for w in (*interests.short, *interests.long))
    assert len(interests.vectors) == len(interests.short) == len(interests.long) == len(interests)


@given(histories, clicks)
def test_one_click_claims_at_most_its_share_of_her_taste(history, click):
    profile = visit(WORLD, history)
    before = decode(encode(profile))
    visit(WORLD, [click], profile)
    before.interests.fade(max(profile.clock_s - before.clock_s, 0.0), RULES)
    if len(before.interests) and len(profile.interests):
        old, new = (sum(p.interests.strengths(RULES)) for p in (before, profile))
        assert (new - old) / new <= RULES.largest_click_share + 1e-9


def test_a_purchase_of_something_else_claims_no_more_than_the_rule_allows(world):
    profile = visit(world, clicks_on(["0/1", "0/2"], "view"))
    visit(world, [ClickFact("1/1", "purchase", profile.clock_s)], profile)
    strengths = profile.interests.strengths(RULES)
    assert profile.interests.items[-1] == "1/1"
    assert strengths[-1] / sum(strengths) == pytest.approx(RULES.largest_click_share)


def test_a_smaller_largest_share_lets_a_click_claim_less(world):
    rules = TasteRules(largest_click_share=0.1)
    profile = visit(world, clicks_on(["0/1", "0/2"]), rules=rules)
    visit(world, [ClickFact("1/1", "purchase", profile.clock_s)], profile, rules)
    strengths = profile.interests.strengths(rules)
    assert strengths[-1] / sum(strengths) == pytest.approx(0.1)


def test_the_first_click_is_all_her_taste(world):
    profile = visit(world, clicks_on(["3/3"], "view"))
    assert profile.interests.items == ["3/3"]
    cosine = profile.interests.vectors[0] @ world.views(world.ids.index("3/3"))[0]
    assert cosine == pytest.approx(1.0, abs=1e-3)


def test_a_click_on_an_unknown_item_is_folded_in_at_her_next_click(world):
    world.unknown.add("1/1")
    profile = visit(world, clicks_on(["0/1", "1/1"]))
    assert profile.interests.items == ["0/1"]
    world.unknown.clear()
    visit(world, clicks_on(["0/2"], at_s=NOW_S + 600), profile)
    assert sorted(profile.interests.items) == ["0/2", "1/1"]
    assert profile.recent.pending() == []


def test_a_pending_click_counts_as_old_as_it_is(world):
    world.unknown.add("1/1")
    profile = visit(world, clicks_on(["0/1", "0/2", "0/3", "0/4", "1/1"], "click"))
    world.unknown.clear()
    later = NOW_S + 240 + 2 * RULES.short_half_life_s
    visit(world, [ClickFact("0/5", "click", later)], profile)
    at = profile.interests.items.index("1/1")
    assert profile.interests.short[at] == pytest.approx(0.25, rel=1e-3)


def test_pending_clicks_outstay_others_up_to_their_number(world):
    world.unknown.update({"1/1", "1/2", "1/3"})
    profile = visit(world, clicks_on(["1/1", "1/2"]), rules=SMALL)
    visit(world, clicks_on([f"0/{i}" for i in range(10)]), profile, SMALL)
    assert profile.recent.ids[:2] == ["1/1", "1/2"]
    visit(world, clicks_on(["1/3", *(f"2/{i}" for i in range(10))]), profile, SMALL)
    assert len(profile.recent.pending()) == 2
    assert profile.recent.ids[:2] == ["1/2", "1/3"]


def test_a_change_of_model_makes_the_interests_anew_from_what_she_did(world):
    other = World(seed=99, dim=32, model_id="model-2")
    profile = visit(world, clicks_on(["0/1", "1/1", "0/2", "1/2"]))
    visit(other, clicks_on(["0/3"], at_s=NOW_S + 3600), profile)
    assert profile.model_id == "model-2"
    assert profile.interests.vectors.shape == (2, 32)
    assert sorted(profile.interests.items) == ["0/3", "1/2"]
    assert profile.recent.pending() == []


def test_after_a_change_of_model_what_is_not_yet_known_waits(world):
    other = World(seed=99, dim=32, model_id="model-2")
    other.unknown.update(other.ids)
    profile = visit(world, clicks_on(["0/1", "1/1"]))
    visit(other, clicks_on(["0/3"], at_s=NOW_S + 3600), profile)
    assert len(profile.interests) == 0
    assert len(profile.recent.pending()) == 3
    other.unknown.clear()
    visit(other, clicks_on(["0/4"], at_s=NOW_S + 7200), profile)
    assert sorted(profile.interests.items) == ["0/4", "1/1"]


def test_an_older_event_weighs_as_if_it_had_faded_and_time_stays(world):
    profile = visit(world, [ClickFact("0/1", "click", NOW_S)])
    visit(world, [ClickFact("1/1", "click", NOW_S - RULES.short_half_life_s)], profile)
    assert profile.clock_s == NOW_S
    assert profile.interests.short == [1.0, pytest.approx(0.5)]


def test_the_short_term_fades_faster_than_the_long_term(world):
    profile = visit(world, [ClickFact("0/1", "click", NOW_S)])
    later = NOW_S + RULES.short_half_life_s
    visit(world, [ClickFact("1/1", "click", later)], profile)
    assert profile.interests.short[0] == pytest.approx(0.5)
    assert profile.interests.long[0] == pytest.approx(0.5 ** (6 * HOUR_S / RULES.long_half_life_s))


@pytest.mark.parametrize("at_s", [-1e300, -1.0, 0.0, 2.0**32, 1e300, math.inf, -math.inf, math.nan])
def test_a_senseless_time_does_no_harm(world, at_s):
    profile = visit(world, [ClickFact("0/1", "like", at_s), ClickFact("1/1", "like", at_s)])
    assert 0.0 <= profile.clock_s <= 2**32 - 1
    assert encode(decode(encode(profile))) == encode(profile)
    assert len(profile.interests) == 2


def test_a_user_of_1970_who_comes_back_today_starts_again(world):
    profile = visit(world, [ClickFact("0/1", "like", 0.0), ClickFact("1/1", "click", NOW_S)])
    assert profile.interests.items == ["1/1"]


def test_a_dislike_repels_and_weakens_the_interest_it_belongs_to(world):
    profile = visit(world, clicks_on(["0/1", "0/2"]))
    before = profile.interests.strengths(RULES)[0]
    visit(world, [ClickFact("0/2", "dislike", profile.clock_s)], profile)
    assert profile.interests.strengths(RULES)[0] < 0.8 * before
    assert len(profile.repelled) == 1
    assert item_key("0/2") in profile.hidden


def test_a_hide_repels_but_leaves_the_interest(world):
    profile = visit(world, clicks_on(["0/1", "0/2"]))
    before = profile.interests.strengths(RULES)
    visit(world, [ClickFact("0/3", "hide", profile.clock_s)], profile)
    assert profile.interests.strengths(RULES) == before
    assert len(profile.repelled) == 1


def test_a_hidden_item_is_remembered_longer_than_a_seen_one(world):
    profile = visit(world, [ClickFact("5/1", "hide", NOW_S)], rules=SMALL)
    visit(world, clicks_on([f"0/{i}" for i in range(40)]), profile, SMALL)
    assert item_key("5/1") in profile.hidden
    assert item_key("0/1") not in profile.seen


@pytest.mark.parametrize("bad", ["", "a\nb"])
def test_an_id_that_would_spoil_the_record_is_refused_with_nothing_changed(world, bad):
    profile = visit(world, clicks_on(["0/1"]))
    before = encode(profile)
    with pytest.raises(ValueError, match="line feed"):
        apply(profile, ClickFact(bad, "view", NOW_S), "clicks-0", 9, catalogue=world, rules=RULES)
    with pytest.raises(ValueError, match="unknown kind"):
        apply(profile, ClickFact("0/1", "?", NOW_S), "clicks-0", 9, catalogue=world, rules=RULES)
    assert encode(profile) == before


def test_two_sources_have_a_mark_each_and_the_marks_are_bounded(world):
    profile = visit(world, clicks_on(["0/1", "0/2"]))
    click = ClickFact("0/3", "view", NOW_S)
    assert apply(profile, click, "clicks-1", 0, catalogue=world, rules=RULES)
    assert not apply(profile, click, "clicks-1", 0, catalogue=world, rules=RULES)
    for partition in range(100):
        apply(profile, click, f"clicks-{partition}", 50, catalogue=world, rules=RULES)
    assert len(profile.marks) == 8
    assert profile.marks["clicks-99"] == 50
