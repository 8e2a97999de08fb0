"""What a click teaches."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given

from streams.core.learning.interaction import decode_interaction
from streams.core.lessons import News, interaction_of, news_of
from streams.core.profile import ClickFact, Profile, item_key
from tests.unit.core.histories import histories
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on, visit

WORLD = World()


def told(profile: Profile, item_id: str, kind: str = "like", at_s: float = NOW_S + 1e4):
    return interaction_of(profile, ClickFact(item_id, kind, at_s), 3, 77, RULES)


def keys(*item_ids: str) -> list[int]:
    return [item_key(item_id) for item_id in item_ids]


def test_her_first_like_comes_after_nothing():
    lesson = told(Profile(), "0/1")
    assert lesson is not None
    assert (lesson.partition, lesson.offset, lesson.item) == (3, 77, item_key("0/1"))
    assert (lesson.first, lesson.liked, lesson.liked_before, lesson.touched_before) == (
        True, True, 0, 0,
    )  # fmt: skip
    assert math.isinf(lesson.since_s)
    assert not len(lesson.lately) + len(lesson.likes) + len(lesson.barred)
    assert not lesson.residual.any()


def test_it_names_what_she_did_before_latest_first():
    profile = visit(WORLD, [*clicks_on(["0/1", "0/2"]), ClickFact("0/3", "view", NOW_S + 600)])
    lesson = told(profile, "0/4")
    assert lesson is not None
    assert lesson.lately.tolist() == keys("0/3", "0/2", "0/1")
    assert lesson.likes.tolist() == keys("0/2", "0/1")
    assert sorted(lesson.barred.tolist()) == sorted(keys("0/1", "0/2", "0/3"))
    assert (lesson.liked_before, lesson.touched_before) == (2, 3)
    assert lesson.since_s == NOW_S + 1e4 - (NOW_S + 600)


def test_an_item_counts_once_as_touched_and_once_as_liked():
    profile = visit(WORLD, [ClickFact("0/1", "view", NOW_S)])
    again = told(profile, "0/1", "view")
    liked = told(profile, "0/1", "like")
    assert again is None
    assert liked is not None
    assert (liked.first, liked.liked) == (False, True)
    assert told(visit(WORLD, clicks_on(["0/1"])), "0/1", "purchase") is None


def test_what_is_new_of_a_click_is_told_of_the_profile_before_it():
    def news(profile: Profile, kind: str, dwell_s: float | None = None) -> News:
        return news_of(profile, ClickFact("0/1", kind, NOW_S + 1e4, dwell_s), RULES)

    nothing = News(first=False, liked=False)
    assert news(Profile(), "view") == News(first=True, liked=False)
    assert news(Profile(), "purchase") == News(first=True, liked=True)
    assert news(Profile(), "hide") == nothing
    seen = visit(WORLD, [ClickFact("0/1", "view", NOW_S)])
    assert news(seen, "view") == news(seen, "dwell", 1.0) == nothing
    assert news(seen, "dwell", 60.0) == News(first=False, liked=True)
    liked = visit(WORLD, clicks_on(["0/1"]))
    assert news(liked, "purchase") == nothing
    forgotten = visit(WORLD, clicks_on(["0/1", *(f"1/{n}" for n in range(RULES.seen))]))
    assert news(forgotten, "purchase") == News(first=True, liked=True)


def test_a_dislike_in_between_makes_no_like_new():
    profile = visit(WORLD, clicks_on(["0/1"]))
    visit(WORLD, [ClickFact("0/1", "dislike", NOW_S + 100)], profile)
    assert told(profile, "0/1", "purchase") is None


def test_a_dislike_teaches_nothing_and_is_no_evidence():
    profile = visit(WORLD, [*clicks_on(["0/1", "0/2"]), ClickFact("0/2", "dislike", NOW_S + 200)])
    assert told(profile, "0/3", "dislike") is None
    lesson = told(profile, "0/3")
    assert lesson is not None
    assert lesson.lately.tolist() == lesson.likes.tolist() == keys("0/1")
    assert sorted(lesson.barred.tolist()) == sorted(keys("0/1", "0/2"))


def test_a_click_from_before_her_last_one_came_at_once():
    lesson = told(visit(WORLD, clicks_on(["0/1"])), "0/2", at_s=NOW_S - 1e6)
    assert lesson is not None
    assert lesson.since_s == 0.0


def test_her_residual_goes_along():
    profile = visit(WORLD, clicks_on(["0/1"]))
    profile.residual = np.arange(32, dtype="<f2").tobytes()
    lesson = told(profile, "0/2")
    assert lesson is not None
    assert lesson.residual.tolist() == list(range(32))


@given(histories)
def test_whatever_she_did_it_can_be_sent(history):
    lesson = told(visit(WORLD, history), "1/7")
    if lesson is not None:
        assert decode_interaction(lesson.encode()).encode() == lesson.encode()
