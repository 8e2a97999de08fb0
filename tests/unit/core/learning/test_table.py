"""From signals to candidates and their features, against arithmetic by hand."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest

from streams.core.learning.features import (
    FEATURES,
    FROM_ELSEWHERE,
    FROM_LONGER_WALK,
    FROM_POPULAR,
    FROM_SESSION,
    FROM_WALK,
)
from streams.core.learning.ranker import RankerWeights
from streams.core.learning.residual import residual_after
from streams.core.learning.rules import FACTORS
from streams.core.learning.signals import ItemSignals, decode_signals
from streams.core.learning.table import NO_KEYS, SignalTable
from tests.unit.core.learning.clicks import NOW_S, RULES, keys

NEAR = 1e-5


def signals(key: int, **known: object) -> ItemSignals:
    """An item of which nothing is known but what is said here; lists as {key: weight}."""
    lists = {name: known.pop(name, {}) for name in ("session", "walk")}
    nothing = {
        "likes": 0.0,
        "year": 0.0,
        "year_at": NOW_S / RULES.popular_half_life_s,
        "hot": 0.0,
        "hot_at": 0.0,
        "session_total": 0.0,
        "session_at": NOW_S / RULES.session_half_life_s,
        "walk_total": 0.0,
        "walk_exponent": 0,
        "inward": np.zeros(FACTORS, np.float32),
        "outward": np.zeros(FACTORS, np.float32),
    }
    for name, weights in lists.items():
        nothing[f"{name}_keys"] = keys(list(weights))
        nothing[f"{name}_weights"] = np.array(list(weights.values()), np.float16).view(np.uint16)
    return ItemSignals(key=key, **{**nothing, **known})


def table_of(*items: ItemSignals, rules=RULES) -> SignalTable:
    table = SignalTable(rules)
    for item in items:
        table.put(item)
    return table


def moment_of(table: SignalTable, likes: list[int], barred: list[int] | None = None, **more):
    barred = likes if barred is None else barred
    return table.moment(keys(likes), keys(likes), keys(barred), None, more.get("now_s", NOW_S))


def feature(table: SignalTable, moment, name: str, *items: int) -> list[float]:
    features = table.describe(moment, table.rows(keys(list(items))))
    return features[:, FEATURES.index(name)].tolist()


def test_a_session_share_is_of_all_that_her_last_items_point_to():
    """s(3) = 4 / sqrt(6 + 10) = 1 and s(4) = .9 x 2 / sqrt(0 + 10); no popularity but .1 each."""
    table = table_of(
        signals(1, session={3: 4.0}, session_total=6.0),
        signals(2, session={4: 2.0}),
        signals(3),
        signals(4),
    )
    moment = moment_of(table, [1, 2])
    one, other = 1.0, 1.8 / sqrt(10.0)
    floor = 0.05 * 0.1 / 0.4
    assert feature(table, moment, "session_share", 3, 4) == pytest.approx(
        [log(one / (one + other) + floor), log(other / (one + other) + floor)], rel=NEAR
    )


def test_a_session_of_long_ago_points_less_far():
    """A half-life later the weights are half of what they were: 2 / sqrt(3 + 10)."""
    table = table_of(
        signals(1, session={3: 4.0}, session_total=6.0),
        signals(2, session={4: 2.0}, session_at=NOW_S / RULES.session_half_life_s + 1.0),
        signals(3),
        signals(4),
    )
    moment = moment_of(table, [1, 2], now_s=NOW_S + RULES.session_half_life_s)
    one, other = 2.0 / sqrt(13.0), 1.8 / sqrt(10.0)
    floor = 0.05 * 0.1 / 0.4
    assert feature(table, moment, "session_share", 3)[0] == pytest.approx(
        log(one / (one + other) + floor), rel=NEAR
    )


def test_what_many_point_to_is_damped_and_measured_in_deviations():
    """Of four unseen items two are pointed to alike, one of them from everywhere."""
    table = table_of(
        signals(1, session={3: 1.0, 4: 1.0}),
        signals(2),
        signals(3),
        signals(4, session_total=90.0),
        signals(5),
    )
    moment = moment_of(table, [1])
    s = 1.0 / sqrt(10.0)
    damped = np.array([0.0, s / 10.0**0.3, s / 100.0**0.3, 0.0])
    expected = (damped - damped.mean()) / damped.std()
    assert feature(table, moment, "session_damped", 2, 3, 4, 5) == pytest.approx(
        expected.tolist(), rel=1e-4
    )


def test_a_walk_goes_one_step_and_then_half_as_much_and_another():
    """walk(2) = 3 / sqrt(8 + 1) = 1; longer(2) = 1/2, longer(3) = walk(2) x 1 / 4."""
    table = table_of(
        signals(1, walk={2: 3.0}, likes=8.0),
        signals(2, walk={3: 1.0}, walk_total=4.0),
        signals(3),
    )
    moment = moment_of(table, [1])
    floor = 0.05 * np.array([0.1, 0.1]) / 8.3
    assert feature(table, moment, "walk_share", 2, 3) == pytest.approx(
        np.log([1.0 + floor[0], floor[1]]).tolist(), rel=NEAR
    )
    shares = np.array([0.5, 0.25]) / 0.75
    assert feature(table, moment, "longer_walk_share", 2, 3) == pytest.approx(
        np.log(shares + floor).tolist(), rel=NEAR
    )


def test_counts_are_as_of_now():
    """A year after the last like half of the decayed count is left."""
    table = table_of(signals(1, likes=7.0, year=4.0, hot=2.0, hot_at=3.0))
    table.weights = RankerWeights(events=int(4 * RULES.popular_half_life_events))
    moment = moment_of(table, [], now_s=NOW_S + RULES.popular_half_life_s)
    assert feature(table, moment, "likes", 1)[0] == pytest.approx(log(8.0), rel=NEAR)
    assert feature(table, moment, "popular_year", 1)[0] == pytest.approx(log(2.1), rel=NEAR)
    assert feature(table, moment, "popular_now", 1)[0] == pytest.approx(log(1.1), rel=NEAR)


def test_factors_are_her_likes_over_the_root_of_their_number_and_her_residual():
    ones = np.ones(FACTORS, np.float32)
    table = table_of(
        signals(1, inward=ones), signals(2, inward=2 * ones), signals(3, outward=ones / FACTORS)
    )
    likes = keys([1, 2, 99])  # of 99 nothing is known
    moment = table.moment(likes, likes, likes, ones, NOW_S)
    assert feature(table, moment, "factors", 3)[0] == pytest.approx(3 / sqrt(2) + 1.0, rel=NEAR)


def test_candidates_say_where_they_came_from_and_what_is_barred_is_none():
    table = table_of(
        signals(1, session={2: 1.0, 3: 1.0}, walk={3: 1.0, 4: 1.0}),
        *(signals(key) for key in (2, 3, 4)),
        signals(5, likes=9.0, year=9.0, hot=9.0),
        *(signals(key) for key in (6, 7)),
        rules=replace(RULES, popular_candidates=1),
    )
    table.signals.listed[table.row(7)] = False
    moment = moment_of(table, [1], barred=[1, 4])
    others = table.rows(keys([3, 6, 7]))
    rows, sources, features, _ = table.retrieve(moment, others)
    found = dict(zip(table.keys[rows].tolist(), sources.tolist(), strict=True))
    assert found == {
        2: FROM_SESSION,
        3: FROM_SESSION | FROM_WALK | FROM_LONGER_WALK | FROM_ELSEWHERE,
        5: FROM_POPULAR,
        6: FROM_ELSEWHERE,
    }
    assert features.tolist() == table.describe(moment, rows).tolist()


def test_the_strongest_candidates_of_a_source_are_taken():
    many = {key: float(key) for key in range(10, 100)}
    rules = replace(
        RULES,
        session_candidates=3,
        walk_candidates=2,
        longer_walk_candidates=0,
        popular_candidates=0,
    )
    table = table_of(
        signals(1, session=many, walk={k: 200.0 - w for k, w in many.items()}), rules=rules
    )
    rows, sources, _, _ = table.retrieve(moment_of(table, [1]))
    found = dict(zip(table.keys[rows].tolist(), sources.tolist(), strict=True))
    assert found == {
        **dict.fromkeys((99, 98, 97), FROM_SESSION),
        **dict.fromkeys((10, 11), FROM_WALK),
    }


def test_two_steps_lead_to_what_one_does_not():
    table = table_of(
        signals(1, walk={2: 1.0}),
        signals(2, walk={1: 1.0, 3: 4.0}, walk_total=5.0),
        signals(3),
        rules=replace(RULES, popular_candidates=0),
    )
    rows, sources, _, _ = table.retrieve(moment_of(table, [1], barred=[1]))
    found = dict(zip(table.keys[rows].tolist(), sources.tolist(), strict=True))
    assert found[2] & FROM_WALK
    assert found[3] == FROM_LONGER_WALK


def test_nothing_of_one_list_is_left_for_the_next():
    table = table_of(signals(1, session={2: 1.0}), signals(2), signals(3, walk={2: 1.0}))
    first = [part.tolist() for part in table.retrieve(moment_of(table, [1]))[:3]]
    table.retrieve(moment_of(table, [3], barred=[1, 2, 3]))
    assert [part.tolist() for part in table.retrieve(moment_of(table, [1]))[:3]] == first
    for column in (table.scratch.rows, table.scratch.chosen):
        assert not column.any()


def test_an_item_that_is_published_again_is_replaced_and_one_that_is_gone_is_forgotten():
    table = table_of(signals(1, session={2: 1.0}, likes=3.0), signals(2, likes=1.0))
    table.put(signals(1, session={3: 1.0}, likes=5.0))
    assert table.all_likes == 6.0
    found = table.keys[table.retrieve(moment_of(table, [1]))[0]].tolist()
    assert found == [3, 2]
    table.forget(1)
    assert table.all_likes == 1.0
    assert table.keys[table.retrieve(moment_of(table, [1]))[0]].tolist() == [2, 3]


def test_a_table_takes_in_twice_the_items_of_its_rules_and_says_what_it_left_out():
    rules = replace(RULES, items=16)
    table = table_of(*(signals(key) for key in range(1, 34)), rules=rules)
    assert (table.size, table.left_out) == (32, 1)
    assert table.row(33) == -1
    table.put(signals(1, session={2: 1.0, 99: 1.0}))
    assert table.keys[table.retrieve(moment_of(table, [1]))[0]].tolist()[0] == 2


def test_what_went_through_bytes_is_served_alike():
    item = signals(1, session={2: 1.0, 3: 0.25}, walk={3: 2.0}, likes=4.0, year=1.0, hot=0.5)
    one, other = (
        table_of(i, signals(2), signals(3)) for i in (item, decode_signals(item.encode()))
    )
    rows = one.rows(keys([2, 3]))
    kept, stored = (t.describe(moment_of(t, [1]), rows) for t in (one, other))
    assert kept == pytest.approx(stored, rel=NEAR)


def test_a_user_without_events_gets_what_is_popular():
    table = table_of(*(signals(key, year=float(key), hot=1.0) for key in range(1, 60)))
    rows, sources, _, _ = table.retrieve(table.moment(NO_KEYS, NO_KEYS, NO_KEYS, None, NOW_S))
    assert set(sources.tolist()) == {FROM_POPULAR}
    assert set(range(35, 60)) <= set(table.keys[rows].tolist())


def test_a_residual_moves_towards_what_she_liked_and_stays_bounded():
    rng = np.random.default_rng(1)
    towards = np.eye(FACTORS, dtype=np.float32)[0]
    table = table_of(
        signals(1, outward=towards),
        *(signals(k, outward=rng.normal(0, 0.1, FACTORS).astype(np.float32)) for k in range(2, 40)),
    )
    chances = np.cumsum(np.ones(table.size))
    residual = np.zeros(FACTORS, np.float32)
    for offset in range(200):
        moment = table.moment(NO_KEYS, NO_KEYS, NO_KEYS, residual, NOW_S)
        after = residual_after(table, moment, 1, chances, seed=offset)
        assert (after == after.astype(np.float16)).all()
        if offset < 10:
            assert after[0] > residual[0]
        residual = after
    assert float(np.linalg.norm(residual)) <= 8.01
    unknown = residual_after(table, moment, 999, chances, seed=1)
    assert unknown.tolist() == moment.residual.tolist()
