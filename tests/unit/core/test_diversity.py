"""Several tastes in one list, and nothing twice that looks the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.core.diversity import (
    Company,
    grouped,
    look_same,
    near_duplicates,
    pairs_alike,
    share_places,
    unlike_places,
)
from streams.core.rules import TasteRules

RULES = TasteRules()


def both_ways(*pairs: tuple[int, int]) -> NDArray[np.int32]:
    """Near-duplicates as a Company has them."""
    return np.array([(a, b) for pair in pairs for a, b in (pair, pair[::-1])], np.int32)


def test_places_are_shared_in_proportion_to_strength():
    chosen = share_places([0.5] * 60, [0, 1, 2] * 20, [5.0, 3.0, 2.0], Company(), 20)
    assert Counter(at % 3 for at, _ in chosen) == {0: 10, 1: 6, 2: 4}
    assert Counter(at % 3 for at, _ in chosen[:10]) == {0: 5, 1: 3, 2: 2}


def test_of_one_owner_the_best_come_first():
    chosen = share_places([0.1, 0.9, 0.5], [0, 0, 0], [1.0], Company(), 2)
    assert [at for at, _ in chosen] == [1, 2]


def test_what_an_owner_cannot_fill_goes_to_the_others():
    chosen = share_places([0.5, 0.5, 0.5, 0.5], [0, 1, 1, 1], [100.0, 1.0], Company(), 4)
    assert len(chosen) == 4


def test_a_near_duplicate_of_a_listed_one_is_left_out():
    company = Company(both_ways((0, 1)))
    chosen = share_places([0.9, 0.8, 0.7], [0, 0, 1], [1.0, 1.0], company, 3)
    assert [at for at, _ in chosen] == [0, 2]


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 3)), max_size=40),
    st.lists(st.floats(0.0, 1e3), min_size=4, max_size=4),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=20),
    st.integers(1, 30),
)
def test_values_never_rise_and_nothing_is_chosen_twice(candidates, strengths, pairs, length):
    scores, owners = [c[0] for c in candidates], [c[1] for c in candidates]
    company = Company(np.array(pairs, np.int32).reshape(-1, 2))
    chosen = share_places(scores, owners, strengths, company, length)
    places, values = [at for at, _ in chosen], [value for _, value in chosen]
    assert values == sorted(values, reverse=True)
    assert len(set(places)) == len(places) <= length
    assert all(scores[at] > 0.0 for at in places)
    for rank, at in enumerate(places):
        assert not {(at, other) for other in places[rank + 1 :]} & set(pairs)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 3)), max_size=40),
    st.lists(st.floats(0.0, 1e3), min_size=4, max_size=4),
    st.integers(1, 30),
)
def test_without_duplicates_sorting_gives_what_place_by_place_gives(candidates, strengths, length):
    scores, owners = [c[0] for c in candidates], [c[1] for c in candidates]
    of_none = both_ways((len(scores), len(scores)))
    at_once = share_places(scores, owners, strengths, Company(), length)
    sorted_values = [value for _, value in at_once]
    in_turn = share_places(scores, owners, strengths, Company(of_none), length)
    assert sorted_values == pytest.approx([value for _, value in in_turn if value > 0.0])


def test_near_duplicates_are_those_of_vector_or_picture():
    cosines = np.eye(5, dtype=np.float32)
    cosines[0, 1] = cosines[1, 0] = 0.96
    hashes = np.array([0, 0, 0b1111 << 8, 0b1100 << 8, 1], np.uint64)
    assert near_duplicates(cosines, hashes, RULES).tolist() == [[0, 1], [1, 0], [2, 3], [3, 2]]


def test_hashes_count_for_nothing_where_the_rule_says_so():
    hashes = np.array([5, 5], np.uint64)
    rules = TasteRules(near_duplicate_bits=-1)
    assert not len(near_duplicates(np.eye(2, dtype=np.float32), hashes, rules))


@given(st.integers(0, 9), st.integers(-1, 64), st.integers(0, 2**32 - 1))
def test_pairs_alike_are_those_that_look_the_same(n, bits, seed):
    rng = np.random.default_rng(seed)
    cosines = rng.choice(np.array([0.2, 0.97, 0.99], np.float32), (n, n))
    hashes = rng.choice(np.array([0, 1, 3, 2**63, 2**64 - 1], np.uint64), n)
    rules = TasteRules(near_duplicate_similarity=0.97, near_duplicate_bits=bits)
    same = look_same(cosines, hashes, hashes, rules) & ~np.eye(n, dtype=bool)
    alike = pairs_alike(cosines, hashes, 0.97, bits)
    assert alike.tolist() == np.argwhere(same).tolist()


def test_what_looks_like_what_is_above_it_comes_later():
    """By hand: 1 is nearly 0 and loses .9 beside it; 2 loses .1; so 2 stands before 1."""
    logits = np.array([0.0, -0.1, -0.5, -3.0])
    taken = np.array([[1, 0.9, 0.1, 0], [0.9, 1, 0.2, 0], [0.1, 0.2, 1, 0], [0, 0, 0, 1]], "f4")
    found, values = unlike_places(logits, Company(taken=taken), 3)
    assert found.tolist() == [0, 2, 1]
    worths = np.exp([0.0, -0.6, -1.0]) / [1, 3, 5]
    assert values == pytest.approx(worths, rel=1e-6)


logarithms = st.lists(st.integers(-36, 0).map(lambda n: n / 4) | st.just(-np.inf), max_size=9)


@given(logarithms, st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=4), st.data())
def test_where_nothing_is_taken_off_places_are_those_of_one_owner(logits, alike, data):
    n = len(logits)
    pairs = [pair for pair in alike if pair[0] != pair[1] and max(pair) < n]
    named = data.draw(st.lists(st.sampled_from("xyz"), min_size=n, max_size=n))
    ways = data.draw(st.just([]) | st.just([(named, 2)]))
    company = Company(both_ways(*pairs).reshape(-1, 2), *grouped(*ways))
    found, values = unlike_places(np.array(logits), company, 5)
    shared = share_places(np.exp(logits).tolist(), [0] * n, [1.0], company, 5)
    assert found.tolist() == [at for at, _ in shared]
    assert values == pytest.approx([value for _, value in shared])
    assert values.tolist() == sorted(values.tolist(), reverse=True)
