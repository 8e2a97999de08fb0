"""Nothing is compiled after the worker said that it is ready."""

from __future__ import annotations

from streams.core.learning import causes, features, residual, table
from streams.core.learning.causes import contributions
from streams.core.learning.compiled import find, find_many, insert_many
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import contexts, score, step
from streams.core.learning.warm import warm_up
from tests.unit.core.learning.clicks import NOW_S, RULES, history

LOOPS = (
    causes.causes,
    contributions,
    features.describe,
    features.retrieve,
    find,
    find_many,
    insert_many,
    residual.choice_gradient,
    residual.draw,
    score,
    step,
)


def test_what_a_list_and_an_event_need_is_compiled_by_warm_up():
    warm_up()
    compiled = [len(loop.signatures) for loop in LOOPS]
    learner = Learner(RULES)
    for event in history(*range(1, 30)):
        learner.learn(event)
        learner.publish()
    known = learner.table
    moment = known.moment(table.NO_KEYS, table.NO_KEYS, table.NO_KEYS, None, NOW_S)
    rows, _, found, _ = known.retrieve(moment)
    known.weights.score(found, contexts(3, 1.0))
    causes.causes(known.signals, moment, rows)
    assert [len(loop.signatures) for loop in LOOPS] == compiled
