"""What to search for, and what of the found may be listed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.core.candidates import active, barred_keys, gather, is_barred, queries
from streams.core.profile import ClickFact, item_key
from tests.unit.core.worlds import NOW_S, RULES, clicks_on, visit

NOTHING = np.empty(0, np.uint32)


def found(*rows: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.array([[number for number, _ in row] for row in rows], np.int32)
    return numbers, np.array([[cosine for _, cosine in row] for row in rows], np.float32)


def test_an_item_found_twice_belongs_to_the_interest_it_is_nearest_to(world):
    numbers, cosines = found([(1, 0.9), (2, 0.5)], [(2, 0.8), (1, 0.7)])
    pool = gather(numbers, cosines, NOTHING, [9, 9], world)
    assert (pool.numbers, pool.interests) == ([1, 2], [0, 1])
    assert pool.similarities == [np.float32(0.9), np.float32(0.8)]


def test_barred_unavailable_and_missing_ones_are_left_out(world):
    world.there[3] = False
    numbers, cosines = found([(1, 0.9), (2, 0.8), (3, 0.7), (4, 0.6), (-1, 0.0)])
    pool = gather(numbers, cosines, np.array([item_key(world.item_id(2))], np.uint32), [9], world)
    assert pool.numbers == [1, 4]
    assert not pool.cut


def test_the_room_of_an_interest_bounds_what_is_taken_for_it(world):
    numbers, cosines = found([(1, 0.9), (2, 0.8)], [(3, 0.7), (4, 0.6)])
    pool = gather(numbers, cosines, NOTHING, [1, 5], world)
    assert pool.numbers == [1, 3, 4]
    assert pool.cut


def test_nothing_found_is_no_candidate(world):
    numbers, cosines = found([(-1, 0.0), (-1, 0.0)])
    assert gather(numbers, cosines, NOTHING, [5], world).numbers == []


def test_an_interest_without_claim_to_a_place_is_not_searched(world):
    profile = visit(world, clicks_on(["0/1", "1/1", "0/2"]))
    assert queries(profile, world, RULES, NOW_S).shape == (2, 64)
    profile.interests.short[1] = profile.interests.long[1] = 0.01
    assert active(profile, RULES, NOW_S)[0] == [0]
    assert queries(profile, world, RULES, NOW_S).shape == (1, 64)


def test_her_queries_do_not_change_with_her_next_click(world):
    profile = visit(world, clicks_on(["0/1"]))
    wanted = queries(profile, world, RULES, NOW_S)
    before = wanted.copy()
    visit(world, clicks_on(["0/2"]), profile)
    assert np.array_equal(wanted, before)


def test_seen_and_hidden_items_are_barred(world):
    profile = visit(world, [*clicks_on(["0/1"]), ClickFact("0/2", "hide", NOW_S)])
    assert barred_keys(profile).tolist() == sorted([item_key("0/1"), item_key("0/2")])


@given(st.sets(st.integers(0, 2**32 - 1)), st.lists(st.integers(0, 2**32 - 1)))
def test_a_key_is_barred_if_it_is_among_them(barred, others):
    keys = np.array([*others, *barred], np.uint32)
    found_barred = is_barred(keys, np.array(sorted(barred), np.uint32))
    assert found_barred.tolist() == [key in barred for key in keys.tolist()]


def test_an_item_found_by_three_interests_is_taken_once(world):
    numbers, cosines = found([(1, 0.6), (2, 0.5)], [(1, 0.9), (3, 0.5)], [(1, 0.7), (2, 0.5)])
    pool = gather(numbers, cosines, NOTHING, [2, 2, 2], world)
    assert (pool.numbers, pool.interests) == ([1, 2, 3], [1, 0, 1])
