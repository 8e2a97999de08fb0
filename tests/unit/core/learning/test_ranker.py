"""The linear ranker, against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest

from streams.core.learning.features import FEATURES, PICTURE
from streams.core.learning.ranker import (
    AT_ONCE,
    COMMON,
    CONTEXTS,
    FEW,
    LATER,
    MANY,
    MOST_WEIGHT,
    SOME,
    RankerTrainer,
    RankerWeights,
    contexts,
)

N = len(FEATURES)
HERS = (COMMON, FEW, AT_ONCE)


def flat() -> RankerWeights:
    return RankerWeights(np.zeros((CONTEXTS, N)), np.zeros(N), np.ones(N))


def test_a_score_is_the_weighted_sum_of_standardised_features():
    ranker = RankerWeights(np.full((CONTEXTS, N), 2.0), np.full(N, 1.0), np.full(N, 4.0))
    features = np.array([[1.0] * N, [5.0] + [1.0] * (N - 1)], np.float32)
    assert ranker.score(features, HERS).tolist() == pytest.approx([0.0, 6.0])


def test_the_loss_counts_each_item_that_was_not_drawn():
    """With all weights 0 one liked item among 1 + 3: the chance is that of one in 1 + 30."""
    trainer = RankerTrainer(flat())
    loss = trainer.learn(np.zeros((4, N), np.float32), candidates=30, rate=0.0, hers=HERS)
    assert loss == pytest.approx(np.log(31.0), rel=1e-4)


def test_a_first_step_is_adagrads():
    """gradient = -z chosen + mean z = -1/2; step = rate x 1/2 / sqrt(.01 + 1/4)."""
    trainer = RankerTrainer(flat())
    features = np.zeros((2, N), np.float32)
    features[0, 0] = 1.0
    trainer.learn(features, candidates=1, rate=0.05, hers=HERS)
    moved = np.zeros((CONTEXTS, N))
    moved[HERS, 0] = 0.05 * 0.5 / np.sqrt(0.26)
    assert trainer.weights == pytest.approx(moved, rel=1e-4)


def test_features_are_standardised_by_what_was_not_chosen():
    rng = np.random.default_rng(1)
    trainer = RankerTrainer(flat())
    for _ in range(2_000):
        features = rng.normal(5.0, 2.0, (11, N)).astype(np.float32)
        features[0] = 100.0
        trainer.learn(features, candidates=10, rate=0.0, hers=HERS)
    served = trainer.served(events=3)
    assert served.means == pytest.approx(5.0, abs=0.3)
    assert served.deviations == pytest.approx(2.0, abs=0.6)
    assert (served.events, served.likes) == (3, 2_000)


def test_what_is_no_number_teaches_nothing():
    trainer = RankerTrainer()
    before = trainer.weights.copy(), trainer.means.copy()
    features = np.zeros((3, N), np.float32)
    features[1, 2] = np.nan
    assert np.isnan(trainer.learn(features, candidates=2, rate=0.05, hers=HERS))
    assert (trainer.weights == before[0]).all()
    assert (trainer.means == before[1]).all()


def test_no_event_takes_a_weight_far_and_none_takes_it_beyond_its_bound():
    trainer = RankerTrainer()
    features = np.full((101, N), -3e38, np.float32)
    features[0] = 3e38
    before = trainer.weights.copy()
    trainer.learn(features, candidates=100, rate=0.05, hers=HERS)
    assert np.abs(trainer.weights - before).max() <= 0.0501
    for _ in range(3_000):
        trainer.learn(features, candidates=100, rate=1.0, hers=HERS)
    assert np.abs(trainer.weights).max() <= MOST_WEIGHT
    assert np.isfinite(trainer.served(0).means).all()


def test_weights_differ_by_how_much_she_liked_and_how_long_she_was_away():
    assert contexts(0, np.inf) == (COMMON, FEW, LATER)
    assert contexts(4, 1_799.0) == (COMMON, FEW, AT_ONCE)
    assert contexts(5, 1_800.0) == (COMMON, SOME, LATER)
    assert contexts(20, 0.0) == (COMMON, MANY, AT_ONCE)


def test_without_pictures_what_is_known_of_them_stays():
    """A column that is all zero would be standardised by nothing, and rule once there are any."""
    trainer = RankerTrainer()
    rng = np.random.default_rng(2)
    before = RankerTrainer().served(0)
    for _ in range(2_000):
        features = rng.normal(0.0, 1.0, (20, N)).astype(np.float32)
        features[:, PICTURE] = 0.0
        trainer.learn(features, candidates=19, rate=0.05, hers=HERS, pictures=False)
    after = trainer.served(0)
    assert (after.weights[:, PICTURE] == before.weights[:, PICTURE]).all()
    assert after.means[PICTURE] == before.means[PICTURE]
    assert after.deviations[PICTURE] == before.deviations[PICTURE]
    assert (after.weights[0, :PICTURE] != before.weights[0, :PICTURE]).all()


def test_pictures_that_all_look_alike_leave_the_first_that_differs_in_bounds():
    trainer = RankerTrainer()
    features = np.random.default_rng(2).normal(0.0, 1.0, (120, N)).astype(np.float32)
    features[:, PICTURE] = 0.2
    for _ in range(20_000):
        trainer.learn(features, candidates=119, rate=0.05, hers=HERS)
    served = trainer.served(0)
    features[:, PICTURE] = 0.9
    parts = served.weights[0, PICTURE] * (0.9 - served.means[PICTURE]) / served.deviations[PICTURE]
    assert abs(parts) < 10.0
