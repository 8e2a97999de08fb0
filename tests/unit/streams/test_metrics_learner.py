"""What the learner's metrics say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.core.learning.course import Course
from streams.core.learning.features import FEATURES
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import CONTEXT_NAMES, LATER_POPULAR_NOW
from streams.core.learning.schedule import Schedule
from streams.metrics import Metrics
from streams.metrics_learner import LearnerMeasures
from streams.stores.learner_snapshot import Written
from tests.unit.core.learning.clicks import RULES, Clicker


class Page:
    """A learner's metrics, on a clock that passes when told."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.metrics = Metrics("learner")
        self.measures = LearnerMeasures(self.metrics, lambda: self.now_s)

    def value(self, name: str, **labels: str) -> float:
        found = self.metrics.registry.get_sample_value(f"lookstream_{name}", labels)
        assert found is not None, name
        return found


def test_interactions_are_counted_by_outcome() -> None:
    page = Page()
    page.measures.learned("learned", 5)
    page.measures.learned("learned", 2)
    page.measures.learned("duplicate", 1)
    assert page.value("interactions_total", outcome="learned") == 7
    assert page.value("interactions_total", outcome="duplicate") == 1


def test_it_says_what_the_course_has_come_to() -> None:
    page = Page()
    course = Course(Learner(replace(RULES, items=16)), Schedule())
    user = Clicker()
    for offset, item in enumerate((1, 2, 3)):
        course.learn(user.clicks(item, offset))
    page.measures.stands(course, 4.5)
    assert page.value("learned_items") == 3
    assert page.value("learned_likes") == 3
    assert page.value("learner_lag_seconds") == 4.5
    weights = course.learner.trainer.weights
    for row, context in enumerate(CONTEXT_NAMES):
        for column, feature in enumerate(FEATURES):
            found = page.value("ranker_weight", context=context, feature=feature)
            assert found == weights[row, column]
    later = page.value("ranker_weight", context="later", feature="popular_now")
    assert later == pytest.approx(LATER_POPULAR_NOW, abs=0.1)


def test_hits_are_of_what_this_process_saw_the_last_counting_most() -> None:
    page = Page()
    course = Course(Learner(replace(RULES, items=16)), Schedule())
    learner = course.learner
    learner.trials, learner.hits = 5_000, 5_000  # from a snapshot
    page.measures.stands(course, 0.0)
    for trials, hits, ratio in ((10, 5, 0.5), (10, 0, 0.25), (20_000, 20_000, 1.0)):
        learner.trials += trials
        learner.hits += hits
        page.measures.stands(course, 0.0)
        assert page.value("ranker_hit_ratio") == pytest.approx(ratio, abs=0.02)


def test_the_loss_is_a_mean() -> None:
    page = Page()
    for loss in (1.0, 2.0, 3.0):
        page.measures.loss(loss)
    assert page.value("ranker_loss") == pytest.approx(2.0, abs=0.01)


def test_a_snapshot_ages_until_the_next_one() -> None:
    page = Page()
    page.now_s += 30.0
    assert page.value("learner_snapshot_age_seconds") == 30.0
    page.measures.snapshot(Written(size_bytes=1_000, took_s=0.25))
    page.now_s += 7.0
    assert page.value("learner_snapshot_age_seconds") == 7.0
    assert page.value("learner_snapshot_seconds") == 0.25
    assert page.value("learner_snapshot_bytes") == 1_000


def test_what_is_published_is_counted() -> None:
    page = Page()
    page.measures.published(3)
    page.measures.published(4)
    assert page.value("signals_published_total") == 7
