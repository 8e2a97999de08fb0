"""What a few clicks teach, against arithmetic by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streams.core.learning.compiled import widened
from streams.core.learning.learner import Learner
from streams.core.learning.rules import (
    SESSION_NEIGHBOURS,
    WALK_NEIGHBOURS,
    LearningRules,
)
from streams.core.learning.signals import ItemSignals
from tests.unit.core.learning.clicks import NOW_S, RULES, Clicker, circles, history

HALF_LIFE_S = RULES.session_half_life_s
NEAR = 2e-3  # float16 has 11 bits


def learned(events, rules: LearningRules = RULES) -> Learner:
    learner = Learner(rules)
    for event in events:
        learner.learn(event)
    return learner


def published(learner: Learner) -> dict[int, ItemSignals]:
    return {signals.key: signals for signals in learner.publish()}


def session(signals: ItemSignals) -> dict[int, float]:
    values = [float(widened(bits)) for bits in signals.session_weights]
    return dict(zip(signals.session_keys.tolist(), values, strict=True))


def walk(signals: ItemSignals) -> dict[int, float]:
    values = [float(widened(b)) * 2.0**signals.walk_exponent for b in signals.walk_weights]
    return dict(zip(signals.walk_keys.tolist(), values, strict=True))


def test_clicks_of_one_session_are_neighbours_the_nearer_the_more():
    """After 1, 2, 3: S[3][2] = 1 and S[3][1] = .9, each the same the other way."""
    told = published(learned(history(1, 2, 3)))
    assert session(told[3]) == pytest.approx({2: 1.0, 1: 0.9}, rel=NEAR)
    assert session(told[1]) == pytest.approx({2: 1.0, 3: 0.9}, rel=NEAR)
    assert told[2].session_total == pytest.approx(2.0)
    assert told[3].session_total == pytest.approx(1.9)


def test_likes_are_neighbours_by_the_root_of_how_many_she_had():
    """Her third like, k = 2: each pair gets 1 / sqrt(3)."""
    told = published(learned(history(1, 2, 3)))
    assert walk(told[3]) == pytest.approx({1: 3**-0.5, 2: 3**-0.5}, rel=NEAR)
    assert walk(told[1]) == pytest.approx({2: 2**-0.5, 3: 3**-0.5}, rel=NEAR)
    assert told[1].walk_total == pytest.approx(2**-0.5 + 3**-0.5)


def test_what_she_did_not_like_is_in_a_session_and_in_nothing_else():
    user = Clicker()
    learner = learned([user.clicks(1, 0), user.clicks(2, 1, liked=False)])
    told = published(learner)
    assert session(told[1]) == pytest.approx({2: 1.0})
    assert (walk(told[1]), walk(told[2])) == ({}, {})
    assert (told[1].likes, told[2].likes) == (1.0, 0.0)


def test_a_user_counts_once_an_item():
    user = Clicker()
    first = [user.clicks(item, at) for at, item in enumerate((1, 2))]
    again = [user.clicks(2, 2 + at) for at in range(5)]
    once, often = published(learned(first)), published(learned(first + again))
    assert [s.encode() for s in once.values()] == [s.encode() for s in often.values()]


def test_what_she_looked_at_first_and_liked_later_counts_once_in_either_way():
    user = Clicker()
    learner = learned([user.clicks(1, 0), user.clicks(2, 1, liked=False), user.clicks(2, 2)])
    told = published(learner)
    assert session(told[1]) == pytest.approx({2: 1.0})
    assert walk(told[1]) == pytest.approx({2: 2**-0.5}, rel=NEAR)
    assert told[2].likes == 1.0


def test_a_young_account_teaches_less():
    """With 20 likes for full trust the second like of an account counts 2 / 20."""
    told = published(learned(history(1, 2), replace(RULES, trusted_items=20)))
    assert session(told[2]) == pytest.approx({1: 0.1}, rel=NEAR)
    assert walk(told[2]) == pytest.approx({1: 0.1 / 2**0.5}, rel=NEAR)
    assert told[1].likes == pytest.approx(1 / 20)
    assert told[2].likes == pytest.approx(2 / 20)


def test_a_later_session_counts_more_and_only_by_time():
    """Forward decay: a half-life later a click weighs twice what it weighed."""
    one, other = Clicker(), Clicker()
    learner = learned(
        [
            one.clicks(1, 0),
            one.clicks(2, 1),
            other.clicks(1, 2, at_s=NOW_S + HALF_LIFE_S),
            other.clicks(3, 3, at_s=NOW_S + HALF_LIFE_S),
        ]
    )
    assert session(published(learner)[1]) == pytest.approx({2: 1.0, 3: 2.0}, rel=NEAR)


def test_weights_are_rescaled_before_they_grow_out_of_float16():
    one, other = Clicker(), Clicker()
    late_s = NOW_S + 5 * HALF_LIFE_S
    learner = learned(
        [
            one.clicks(1, 0),
            one.clicks(2, 1),
            other.clicks(1, 2, at_s=late_s),
            other.clicks(3, 3, at_s=late_s),
        ]
    )
    told = published(learner)[1]
    assert session(told) == pytest.approx({2: 1 / 32, 3: 1.0}, rel=NEAR)
    assert told.session_total == pytest.approx(1 + 1 / 32)
    assert told.session_at == pytest.approx(late_s / HALF_LIFE_S, rel=1e-6)


def test_popularity_fades_by_time_and_by_clicks():
    rules = replace(RULES, popular_half_life_events=2.0)
    one, other = Clicker(), Clicker()
    learner = learned(
        [
            one.clicks(1, 0),
            one.clicks(2, 1),
            other.clicks(1, 2, at_s=NOW_S + rules.popular_half_life_s),
        ],
        rules,
    )
    told = published(learner)[1]
    assert told.likes == 2.0
    assert told.year == pytest.approx(1.5)  # a half-life of time has passed
    assert told.hot == pytest.approx(1.5)  # two clicks have come since


def test_a_full_list_gives_the_place_of_its_lightest_to_a_newcomer():
    events = []
    for other in range(2, 2 + WALK_NEIGHBOURS + 1):
        user = Clicker()
        events += [user.clicks(1, 2 * other), user.clicks(other, 2 * other + 1)]
    told = published(learned(events, replace(RULES, items=400)))[1]
    assert len(walk(told)) == WALK_NEIGHBOURS
    assert len(session(told)) == SESSION_NEIGHBOURS
    assert 2 + WALK_NEIGHBOURS in walk(told)
    assert len(told.encode()) == 2_000


def test_no_more_items_are_kept_than_the_rules_say_and_the_popular_stay():
    rules = replace(RULES, items=32)
    events = [Clicker().clicks(1, offset) for offset in range(50)]
    for item in range(2, 400):
        events.append(Clicker().clicks(item, 100 + item))
    learner = learned(events, rules)
    told = published(learner)
    assert len(told) == 32
    assert 1 in told
    gone = set(learner.gone())
    assert len(gone) == 399 - 32
    assert not gone & set(told)


def test_the_same_clicks_teach_the_same_to_the_bit():
    def one_pass() -> tuple[list[bytes], list[float]]:
        users: dict[int, Clicker] = {}
        learner, losses = Learner(RULES), []
        told: list[bytes] = []
        for offset, (user, item) in enumerate(circles(20, 40, 12, seed=3)):
            losses.append(learner.learn(users.setdefault(user, Clicker()).clicks(item, offset)))
            if offset % 50 == 0:
                told += [signals.encode() for signals in learner.publish()]
        told += [signals.encode() for signals in learner.publish()]
        return told, [loss for loss in losses if loss is not None]

    assert one_pass() == one_pass()


def test_what_others_chose_makes_the_ranker_better_than_its_defaults():
    """Two circles of users, who like even and odd items: the loss of the second half is smaller."""
    losses = {}
    for rate in (0.0, RULES.ranker_rate):
        users: dict[int, Clicker] = {}
        rules = replace(RULES, ranker_rate=max(rate, 1e-12))
        learner, seen = Learner(rules), []
        for offset, (user, item) in enumerate(circles(100, 100, 12, seed=5)):
            seen.append(learner.learn(users.setdefault(user, Clicker()).clicks(item, offset)))
            if offset % 20 == 0:
                learner.publish()
        half = [loss for loss in seen[len(seen) // 2 :] if loss is not None]
        losses[rate] = float(np.mean(half))
    assert losses[RULES.ranker_rate] < losses[0.0] - 0.05


def test_frozen_factors_stay_where_they_began():
    events = [Clicker().clicks(item, item) for item in range(100, 150)] + history(1, 2, 3)
    rules = replace(RULES, factor_rate=0.0, own_factor_rate=0.0)
    begun = published(learned(history(1), rules))[1]
    frozen, moved = (published(learned(events, r)) for r in (rules, RULES))
    assert (frozen[1].inward == begun.inward).all()
    assert (moved[1].inward != begun.inward).any()
    assert (moved[3].outward != frozen[3].outward).any()
