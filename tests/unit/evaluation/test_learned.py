"""The crowd's signals as a method: what it ranks by, and what it doesn't learn from."""

from __future__ import annotations

import numpy as np
import pytest

from streams.core.learning.rules import LearningRules
from streams.evaluation.learned import Learned
from streams.evaluation.log import Log
from streams.evaluation.replay import replay
from tests.unit.evaluation.logs import NOT_FOUND, log_of, teach

RULES = LearningRules(items=16, trusted_items=1)

# A crowd of two tastes: who likes a likes b, who likes c likes d.
CROWD = ", ".join(f"u{n} a, u{n} b, v{n} c, v{n} d" for n in range(6))


def ranked(method: Learned, log: Log, user: str, now_s: float = 1e6) -> dict[str, float]:
    everything = np.ones(len(log.item_ids), np.bool_)
    scores = method.rank(log.user_ids.index(user), now_s, everything)
    return dict(zip(log.item_ids, scores.tolist(), strict=True))


def taught(story: str, **options: float) -> tuple[Learned, Log]:
    log = log_of(story)
    method = Learned(log, RULES, **options)  # type: ignore[arg-type]
    teach(method, log)
    return method, log


def test_what_others_clicked_beside_her_item_stands_before_what_they_did_not():
    method, log = taught(CROWD + ", eve a")
    scores = ranked(method, log, "eve")
    assert scores["b"] > max(scores["c"], scores["d"])


def test_what_she_touched_is_not_brought_up():
    method, log = taught(CROWD + ", eve a, eve c:view, eve d:hide")
    scores = ranked(method, log, "eve")
    assert [scores[item] for item in "acd"] == [-np.inf] * 3
    assert np.isfinite(scores["b"])


def test_somebody_unknown_gets_what_is_popular():
    method, log = taught(CROWD + ", x0 d, x1 d, x2 d")
    method._users.pop(log.user_ids.index("x0"))
    scores = ranked(method, log, "x0")
    assert max(scores, key=scores.__getitem__) == "d"


def test_a_dislike_teaches_nothing_of_others_tastes():
    disliked, log = taught(CROWD + ", eve a, eve d:dislike")
    plain, _ = taught(CROWD + ", eve a")
    before, after = ranked(plain, log_of(CROWD), "u0"), ranked(disliked, log, "u0")
    assert before == after


def test_what_was_learned_is_served_when_its_time_has_come():
    """Events are a minute apart: after ten minutes the first published are ten minutes old."""
    log = log_of(CROWD + ", eve a")
    late, soon = Learned(log, RULES, late_s=1e9), Learned(log, RULES, late_s=0.0)
    for method in (late, soon):
        teach(method, log)
    last_s = float(log.at_s[-1])
    assert not np.isfinite(list(ranked(late, log, "eve", last_s).values())).any()
    assert np.isfinite(ranked(soon, log, "eve", last_s)["b"])


def test_a_replay_finds_two_tastes_better_than_popularity_could():
    rng = np.random.default_rng(5)
    told = [
        (user, f"{'ab'[user % 2]}{item}") for user in range(24) for item in rng.permutation(8)[:5]
    ]
    story = ", ".join(f"u{user} {item}" for user, item in (told[n] for n in rng.permutation(120)))
    log = log_of(story)
    done = replay(log, [Learned(log, RULES)], warm_up=0.7)
    ranks = done.courses["learned"].ranks
    # Her taste has eight items of 16, less what she has: by chance at most half would stand there.
    assert np.mean(ranks <= 5) > 0.7
    assert not (ranks == NOT_FOUND).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_scores_to_the_last_bit(seed: int):
    one, log = taught(CROWD, seed=seed)
    other, _ = taught(CROWD, seed=seed)
    assert ranked(one, log, "u0") == ranked(other, log, "u0")
