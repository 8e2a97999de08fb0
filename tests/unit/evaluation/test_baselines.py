"""Scores computed by hand on logs of a few events."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streams.core.rules import TasteRules
from streams.evaluation.baselines import baselines
from streams.evaluation.baselines.looks import Looks
from streams.evaluation.baselines.neighbours import ItemCosine
from streams.evaluation.baselines.popularity import Chance, Popularity
from streams.evaluation.baselines.sessions import SessionCovisits
from streams.evaluation.baselines.tastes import LastItem, MeanVector, SeveralInterests
from streams.evaluation.baselines.walks import RootsWalk, Walk
from streams.evaluation.log import Log
from streams.evaluation.method import Method
from tests.unit.evaluation.logs import log_of, teach

# Numbers: users ann 0, bob 1, eve 2; items a 0, b 1, c 2.
STORY = "ann a, ann b, bob a, bob c, eve a"


def ranked(method: Method, log: Log, user: str) -> list[float]:
    everything = np.ones(len(log.item_ids), np.bool_)
    return method.rank(log.user_ids.index(user), 1e9, everything).tolist()


def test_popularity_counts_likes_and_not_views():
    log = log_of(STORY + ", eve b:view, eve c:dislike")
    method = Popularity(3)
    teach(method, log)
    assert ranked(method, log, "ann") == [3, 1, 1]


def test_decayed_popularity_halves_with_every_half_life_of_events():
    log = log_of("ann a, ann b, bob c")
    method = Popularity(3, half_life_events=1)
    teach(method, log)
    a, b, c = ranked(method, log, "ann")
    assert (b / a, c / a) == (2, 4)


def test_decayed_popularity_keeps_its_order_beyond_what_a_double_can_count():
    log = log_of(", ".join(f"u{n} {'a' if n % 3 else 'b'}" for n in range(3_000)))
    method = Popularity(2, half_life_events=1)
    teach(method, log)
    b, a = ranked(method, log, "u0")
    # The last like was of a, the one before of a, the third last of b; then the same again.
    assert b / a == pytest.approx((1 / 4) / (1 + 1 / 2))


def test_cosine_item_cf_is_common_likes_over_the_root_of_both_counts():
    log = log_of(STORY)
    method = ItemCosine(3, 3, 9)
    teach(method, log)
    # a is liked by three, b and c by one each; one liked a and b, one a and c, none b and c.
    assert ranked(method, log, "eve")[1:] == pytest.approx([1 / math.sqrt(3), 1 / math.sqrt(3)])
    assert ranked(method, log, "ann")[2] == pytest.approx(1 / math.sqrt(3))


def test_recency_takes_a_power_of_how_many_likes_ago_it_was():
    log = log_of("ann a, ann c, bob b, bob d, eve b, eve a")
    method = ItemCosine(3, 4, 9, recency=0.5)
    teach(method, log)
    by_id = dict(zip(log.item_ids, ranked(method, log, "eve"), strict=True))
    # c by way of a, her last like; d by way of b, the one before: half of it.
    assert by_id["c"] == pytest.approx(1 / math.sqrt(2))
    assert by_id["d"] == pytest.approx(0.5 / math.sqrt(2))


def test_a_second_like_of_the_same_item_counts_no_more():
    once, twice = ItemCosine(3, 3, 9), ItemCosine(3, 3, 9)
    teach(once, log_of(STORY))
    log = log_of(STORY + ", ann b, ann a")
    teach(twice, log)
    assert ranked(once, log, "eve") == ranked(twice, log, "eve")


def test_session_covisits_fade_with_the_distance_in_the_window():
    log = log_of("ann a:view, ann b:view, ann c:view, bob a:view")
    method = SessionCovisits(3)
    teach(method, log)
    # S(a, b) = S(b, c) = 1, S(a, c) = .9; n(a) = n(c) = 1.9, n(b) = 2.
    from_a = 1 / math.sqrt(1.9 + 10)
    assert ranked(method, log, "bob")[1:] == pytest.approx(
        [1 * from_a / (2 + 10) ** 0.3, 0.9 * from_a / (1.9 + 10) ** 0.3]
    )


def test_the_roots_walk_spreads_by_the_roots_of_the_numbers_of_likes():
    log = log_of(STORY)
    method = RootsWalk(3)
    teach(method, log)
    # ann's b came after one like, bob's c after one: 1 / sqrt(2) each. Three like a.
    assert ranked(method, log, "eve")[1:] == pytest.approx([1 / math.sqrt(2) / math.sqrt(4)] * 2)


def test_the_walk_divides_evenly_at_every_step():
    log = log_of(STORY)
    method = Walk(3, 3, 9)
    teach(method, log)
    # From eve to a, to one of its three lovers, to one of the two likes of ann or bob.
    assert ranked(method, log, "eve")[1:] == pytest.approx([1 / 6, 1 / 6])


def test_a_damped_walk_divides_by_a_power_of_the_targets_likes():
    log = log_of(STORY + ", joe b")
    plain, damped = Walk(4, 3, 9), Walk(4, 3, 9, damping=0.5)
    teach(plain, log)
    teach(damped, log)
    # Three like a, two b, one c.
    _, b, c = ranked(plain, log, "eve")
    assert ranked(damped, log, "eve")[1:] == pytest.approx(
        [b / math.sqrt(2 + 1), c / math.sqrt(1 + 1)]
    )


def test_five_steps_reach_what_no_lover_of_hers_likes():
    log = log_of("ann a, bob a, bob b, eve b, eve c")
    three, five = Walk(3, 3, 9), Walk(3, 3, 9, steps=5)
    teach(three, log)
    teach(five, log)
    # a, bob (1/2), b (1/2); from b to eve (1/2), to c (1/2).
    assert ranked(three, log, "ann")[1:] == pytest.approx([1 / 4, 0])
    assert ranked(five, log, "ann")[2] == pytest.approx(1 / 4 * 1 / 2 * 1 / 2)


def test_item_cf_by_steps_on_the_graph_is_what_a_matrix_would_give():
    random = np.random.default_rng(3)
    story = ", ".join(f"u{random.integers(30)} i{random.integers(20)}" for _ in range(250))
    log = log_of(story)
    method = ItemCosine(len(log.user_ids), len(log.item_ids), len(log))
    teach(method, log)
    liked = np.zeros((len(log.user_ids), len(log.item_ids)))
    liked[log.users, log.items] = 1
    counts = liked.sum(axis=0)
    cosines = (liked.T @ liked) / np.sqrt(np.outer(counts, counts))
    for user in range(len(log.user_ids)):
        everything = np.ones(len(log.item_ids), np.bool_)
        assert method.rank(user, 0.0, everything) == pytest.approx(liked[user] @ cosines)


def test_pictures_alone_rank_by_the_cosine_with_what_she_liked():
    vectors = np.array([[1, 0], [0.8, 0.6], [-1, 0], [0, -1]], np.float32)
    has = np.array([True, True, True, False])
    method = Looks(vectors, has)
    log = log_of("ann a, ann b:view, ann c:view, ann d")
    teach(method, log)
    a, b, c, d = ranked(method, log, "ann")
    assert a == pytest.approx(1)
    assert a > b > c
    assert d == -math.inf
    assert np.isfinite(method.rank(9, 0.0, has)[:3]).all()


# a and b look alike, c and d do; e is in the middle between the two kinds.
KINDS_OF_PICTURES = np.array(
    [[1, 0], [0.98, 0.199], [0, 1], [0.199, 0.98], [0.7071, 0.7071]], np.float32
)


def tastes(log: Log) -> dict[str, dict[str, float]]:
    """What each way to keep a taste gives the items that she has not touched."""
    found, unseen = {}, np.ones(5, np.bool_)
    unseen[log.items] = False
    for kind in (SeveralInterests, MeanVector, LastItem):
        method = kind(KINDS_OF_PICTURES, np.ones(5, np.bool_), TasteRules(short_half_life_s=60.0))
        teach(method, log)
        scores = method.rank(0, float(log.at_s[-1]), unseen)
        found[method.name] = dict(zip("abcde", np.where(unseen, scores, -np.inf), strict=True))
    return found


def test_of_two_tastes_several_interests_keep_both_and_a_mean_neither():
    every_item = dict.fromkeys("abcde", math.inf)  # numbered in this order, not yet there
    told = tastes(log_of("ann a, ann c, ann a, ann c", since_s=every_item))
    several, mean, last = told["interests"], told["mean-vector"], told["last-item"]
    assert min(several["b"], several["d"]) > several["e"]
    assert mean["e"] > max(mean["b"], mean["d"])
    assert last["d"] > last["e"] > last["b"]


def test_a_taste_of_long_ago_fades_in_the_mean_as_in_the_interests():
    every_item = dict.fromkeys("abcde", math.inf)
    log = log_of("ann a, ann c, ann c, ann c, ann c, ann c", since_s=every_item)
    told = tastes(log)
    for name in ("interests", "mean-vector"):
        assert told[name]["d"] > told[name]["b"]


def test_without_a_taste_all_are_alike():
    log = log_of("bob a, ann c:dislike", since_s=dict.fromkeys("abcde", math.inf))
    for kind in (SeveralInterests, MeanVector, LastItem):
        method = kind(KINDS_OF_PICTURES, np.ones(5, np.bool_), TasteRules())
        teach(method, log)
        assert set(method.rank(1, 1e3, np.ones(5, np.bool_)).tolist()) == {0.0}


def test_a_catalogue_too_large_for_matrices_leaves_two_out_and_says_so():
    log = log_of("ann a", since_s={f"i{n}": 0.0 for n in range(16_384)})
    methods, said = baselines(log, None, seed=1)
    assert not {"sessions", "walk-roots"} & {method.name for method in methods}
    assert "16,385" in said[0]


def test_chance_is_the_same_with_the_same_seed_and_another_at_every_call():
    log = log_of(STORY)
    one, other = Chance(3, seed=4), Chance(3, seed=4)
    first = ranked(one, log, "ann")
    assert first == ranked(other, log, "ann")
    assert first != ranked(one, log, "ann")
