"""lookstream as a method: what the workers would list, and nothing that comes later."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.core import codec
from streams.core.apply import apply
from streams.core.profile import ClickFact, Profile
from streams.evaluation.loading import read_embeddings
from streams.evaluation.log import Log
from streams.evaluation.product import Lookstream
from streams.evaluation.replay import replay
from streams.evaluation.vectors import ItemPictures
from streams.settings import defaults, load_settings
from tests.unit.evaluation.logs import log_of

DIM = 16


def looks(log: Log) -> ItemPictures:
    """Items whose ids begin with the same letter look alike."""
    vectors = np.zeros((len(log.item_ids), DIM), np.float32)
    for number, item_id in enumerate(log.item_ids):
        vectors[number, ord(item_id[0]) % 8] = 1.0
        vectors[number, 8 + ord(item_id[1]) % 8] = 0.6
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(log.item_ids)
    return ItemPictures("test", vectors, np.ones(n, np.bool_), np.zeros(n, np.uint64))


CATALOGUE = {f"{letter}{number}": 0.0 for letter in "abc" for number in range(6)}


def test_what_looks_like_what_she_liked_stands_first():
    log = log_of("ann a0, ann a1, bob c0, ann a2", since_s=CATALOGUE)
    done = replay(log, [Lookstream(log, looks(log), defaults())], warm_up=0.7)
    assert done.asked.rows.tolist() == [2, 3]
    assert done.courses["lookstream"].ranks[1] <= 4
    first_four = [log.item_ids[item] for item in done.courses["lookstream"].tops[1, :4]]
    assert {item_id[0] for item_id in first_four} == {"a"}


def test_profiles_are_those_that_a_worker_would_have_stored():
    log = log_of("ann a0, ann b1:view, ann a2, ann c0:dislike, ann b3", since_s=CATALOGUE)
    method = Lookstream(log, looks(log), defaults())
    replay(log, [method])
    stored = codec.decode(method._store._profiles["ann"][1])
    stored.residual = b""  # it follows from what was learned by then
    by_hand = Profile()
    for offset, event in enumerate(log.events()):
        fact = ClickFact(log.item_ids[event.item], event.kind, event.at_s)
        apply(
            by_hand,
            fact,
            "clicks-0",
            offset,
            catalogue=method._index,
            rules=defaults().taste_rules(),
        )
        by_hand = codec.decode(codec.encode(by_hand))
    assert codec.encode(stored) == codec.encode(by_hand)


def test_a_list_depends_on_nothing_that_comes_later():
    story = "ann a0, bob b1, ann a1, bob b0, ann c2"
    short, long = (
        log_of(story, since_s=CATALOGUE),
        log_of(story + ", bob c3, ann b5, eve a4", since_s=CATALOGUE),
    )
    ranked = []
    for log in (short, long):
        method = Lookstream(log, looks(log), defaults())
        done = replay(log, [method], warm_up=0)
        tops = done.courses["lookstream"].tops[:5].tolist()
        ranked.append([[log.item_ids[item] for item in top if item >= 0] for top in tops])
    assert ranked[0] == ranked[1]


def test_the_same_log_gives_the_same_ranks_again():
    story = ", ".join(f"u{n % 7} {'abc'[n % 3]}{(n * 5) % 6}" for n in range(60))
    log = log_of(story, since_s=CATALOGUE)
    runs = [
        replay(log, [Lookstream(log, looks(log), defaults())], warm_up=0).courses["lookstream"]
        for _ in range(2)
    ]
    assert runs[0].ranks.tolist() == runs[1].ranks.tolist()
    assert runs[0].tops.tolist() == runs[1].tops.tolist()


def test_an_item_without_a_picture_is_not_listed_where_others_have_one():
    log = log_of("ann a0, bob a1, ann a1", since_s=CATALOGUE)
    pictures = looks(log)
    has = pictures.has.copy()
    has[log.item_ids.index("a1")] = False
    blind = replace(pictures, has=has)
    done = replay(log, [Lookstream(log, blind, defaults())], warm_up=0.6)
    assert done.courses["lookstream"].ranks[-1] == math.inf


def test_without_any_pictures_popular_items_are_listed():
    log = log_of("ann a0, bob a0, eve a1, joe a0")
    done = replay(log, [Lookstream(log, None, defaults())], warm_up=0.7)
    assert done.courses["lookstream"].ranks.tolist()[-1] == 1


@pytest.mark.parametrize("score_all", [False, True])
def test_scoring_all_finds_what_retrieval_left_out(score_all: bool):
    since_s = {f"{chr(97 + n % 26)}{n}": 0.0 for n in range(700)}
    log = log_of("ann a0, ann z25, bob a26, ann q42", since_s=since_s)
    method = Lookstream(log, looks(log), defaults(), score_all=score_all)
    done = replay(log, [method], warm_up=0.7)
    ranks = done.courses["lookstream"].ranks
    listed = int(np.isfinite(method._scores).sum())
    assert listed > 50 if score_all else listed == 50
    assert len(ranks) == 2


@pytest.mark.parametrize("score_all", [False, True])
def test_scoring_all_looks_at_every_item_once_the_crowd_ranks(score_all: bool):
    """Of 100 items like hers, that nobody touched and that are not among the newest, 25 are
    candidates; with all scored they and all others."""
    told = [f"u{n // 10} c{n * 7 % 1_100}" for n in range(1_500)]
    clicked, alike, newest = (
        [f"{kind}{n}" for n in range(count)]
        for kind, count in (("c", 1_100), ("a", 100), ("n", 40))
    )
    since_s = dict.fromkeys(clicked, 0.0) | dict.fromkeys(alike, 1.0) | dict.fromkeys(newest, 2.0)
    log = log_of(", ".join([*told, "ann c0", "ann a0", "ann a1"]), since_s=since_s)
    n = len(log.item_ids)
    vectors = np.random.default_rng(2).normal(size=(n, 64)).astype(np.float32)
    vectors[[item_id in alike for item_id in log.item_ids], 0] += 12.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pictures = ItemPictures("test", vectors, np.ones(n, np.bool_), np.zeros(n, np.uint64))
    method = Lookstream(log, pictures, defaults(), score_all=score_all)
    assert method._lessons is not None
    crowd, looked_at = method._lessons.crowd, set()
    retrieve = crowd.table.retrieve

    def noting(*given):
        retrieved = retrieve(*given)
        looked_at.update(map(method._index.item_id, crowd.numbers[retrieved.rows].tolist()))
        return retrieved

    crowd.table.retrieve = noting  # type: ignore[method-assign]
    replay(log, [method], warm_up=1_502 / len(log))
    assert crowd.ranks
    listed = int(np.isfinite(method._scores).sum())
    if score_all:
        assert looked_at == set(log.item_ids) - {"a0", "c0"}
        assert listed == 1_000
    else:
        assert len(looked_at.intersection(alike)) <= 25
        assert listed == 50


def test_what_is_set_for_the_learner_counts():
    log = log_of("ann a0, ann a1", since_s=CATALOGUE)
    doubtful = load_settings(trusted_items=10)
    method = Lookstream(log, looks(log), doubtful)
    assert method._lessons is not None
    assert method._lessons.crowd.table.rules.trusted_items == 10
    assert Lookstream(log, looks(log), load_settings(learning=False))._lessons is None


def test_tastes_are_told_apart_in_features_that_share_a_direction(tmp_path: Path):
    """As published features of networks do: here pictures of two tastes have a cosine of .7."""
    ids = [f"{taste}{number}" for taste in range(8) for number in range(12)]
    vectors = np.zeros((len(ids), 8 + 1 + len(ids)))
    for row, item_id in enumerate(ids):
        vectors[row, 8] = math.sqrt(0.7)
        vectors[row, int(item_id[0])] = math.sqrt(0.2)
        vectors[row, 9 + row] = math.sqrt(0.1)
    np.savez(tmp_path / "emb.npz", ids=np.array(ids), emb=7.0 * vectors)
    story = ", ".join(f"ann {taste}{number}" for number in range(3) for taste in range(3))
    log = log_of(f"{story}, ann 73", since_s=dict.fromkeys(ids, 0.0))
    pictures = read_embeddings(tmp_path / "emb.npz").by_item(log)
    method = Lookstream(log, pictures, load_settings(learning=False))
    done = replay(log, [method], warm_up=0.9)
    top = done.courses["lookstream"].tops[-1].tolist()
    tastes = Counter(log.item_ids[item][0] for item in top)
    assert sorted(tastes) == ["0", "1", "2"]
    assert min(tastes.values()) >= 2
