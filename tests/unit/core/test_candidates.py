"""What to search for, and what of the found may be listed."""

from __future__ import annotations

import numpy as np

from streams.core.candidates import active, barred_keys, gather, queries
from streams.core.profile import ClickFact, item_key
from tests.unit.core.worlds import NOW_S, RULES, clicks_on, visit


def found(*rows: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.array([[number for number, _ in row] for row in rows], np.int32)
    return numbers, np.array([[cosine for _, cosine in row] for row in rows], np.float32)


def test_an_item_found_twice_belongs_to_the_interest_it_is_nearest_to(world):
    numbers, cosines = found([(1, 0.9), (2, 0.5)], [(2, 0.8), (1, 0.7)])
    pool = gather(numbers, cosines, set(), [9, 9], world)
    assert (pool.numbers, pool.interests) == ([1, 2], [0, 1])
    assert pool.similarities == [np.float32(0.9), np.float32(0.8)]


def test_barred_unavailable_and_missing_ones_are_left_out(world):
    world.there[3] = False
    numbers, cosines = found([(1, 0.9), (2, 0.8), (3, 0.7), (4, 0.6), (-1, 0.0)])
    pool = gather(numbers, cosines, {item_key(world.item_id(2))}, [9], world)
    assert pool.numbers == [1, 4]
    assert not pool.cut


def test_the_room_of_an_interest_bounds_what_is_taken_for_it(world):
    numbers, cosines = found([(1, 0.9), (2, 0.8)], [(3, 0.7), (4, 0.6)])
    pool = gather(numbers, cosines, set(), [1, 5], world)
    assert pool.numbers == [1, 3, 4]
    assert pool.cut


def test_nothing_found_is_no_candidate(world):
    numbers, cosines = found([(-1, 0.0), (-1, 0.0)])
    assert gather(numbers, cosines, set(), [5], world).numbers == []


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
    assert barred_keys(profile) == {item_key("0/1"), item_key("0/2")}
