"""The last items she did something with."""

from __future__ import annotations

import pytest

from streams.core.recent import RecentItems
from streams.core.rules import TasteRules

RULES = TasteRules(recent=4, pending=2)


def after(*events: tuple[str, str, bool], rules: TasteRules = RULES) -> RecentItems:
    recent = RecentItems()
    for at, (item_id, kind, pending) in enumerate(events):
        weight = rules.weight(kind, 30.0)
        recent.note(item_id, kind, weight, 100.0 + at, pending=pending, rules=rules)
    return recent


def test_an_item_touched_again_moves_to_the_end_with_its_later_time():
    recent = after(("a", "view", False), ("b", "view", False), ("a", "view", False))
    assert recent.ids == ["b", "a"]
    assert recent.times_s.tolist() == [101, 102]


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        ("like", "view", "like"),
        ("view", "purchase", "purchase"),
        ("like", "dislike", "dislike"),
        ("dislike", "view", "view"),
        ("hide", "dislike", "dislike"),
    ],
)
def test_the_heavier_of_two_likes_or_dislikes_is_kept_and_else_the_later_word(first, then, kept):
    assert after(("a", first, False), ("a", then, False)).kind(0) == kept


def test_the_oldest_goes_when_there_are_too_many():
    assert after(*((name, "view", False) for name in "abcdef")).ids == list("cdef")


def test_pending_ones_stay_up_to_their_number():
    events = [("x", "like", True), *((name, "view", False) for name in "abcdef")]
    assert after(*events).ids == ["x", "d", "e", "f"]
    events = [(name, "like", True) for name in "xyz"] + [(name, "view", False) for name in "abc"]
    assert after(*events).ids == ["y", "z", "b", "c"]


def test_a_dwell_is_remembered_to_about_an_eighth():
    recent = after(("a", "dwell", False))
    assert recent.weight(0, RULES) == pytest.approx(RULES.weight("dwell", 30.0), rel=0.15)


def test_what_she_dislikes_is_not_among_what_she_likes():
    assert after(("a", "like", False), ("b", "hide", False)).positive() == ["a"]
