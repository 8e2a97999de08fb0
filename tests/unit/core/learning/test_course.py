"""A learner that begins again anywhere, or all anew, ends where one clean pass ends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from streams.core.learning.course import MOST_SOURCES, Course, course_of
from streams.core.learning.interaction import Interaction
from streams.core.learning.learner import Learner
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.core.learning.state import StateRefused, fingerprint
from streams.core.learning.weights_codec import encode_weights
from tests.unit.core.learning.clicks import NOW_S, RULES, Clicker, circles

SCHEDULE = Schedule(every_s=1.0, every_events=40, item_every_s=10.0)
FEW = replace(RULES, items=48)  # fewer than there are items, so that some make room

Log = list[tuple[int, Interaction]]


def a_log(events: int, seed: int = 7) -> Log:
    """Interactions with the times of their records: some at once, some after a pause."""
    rng = np.random.default_rng(seed)
    users: dict[int, Clicker] = {}
    told: Log = []
    at_s = NOW_S
    pairs = circles(events // 10 + 1, 80, 12, seed=seed)
    for offset, (user, item) in enumerate(pairs[:events]):
        at_s += float(rng.exponential(0.3)) if offset % 50 else 5.0
        her = users.setdefault(user, Clicker())
        click = her.clicks(item, offset, liked=bool(rng.random() < 0.8), at_s=at_s)
        told.append((int(at_s * 1000), replace(click, partition=user % 3)))
    return told


def new_course(rules: LearningRules = FEW) -> Course:
    return Course(Learner(rules), SCHEDULE)


def walk(course: Course, log: Log, until: int | None = None) -> None:
    """Learn from the records from where the course is."""
    for offset in range(course.offset, len(log) if until is None else until):
        at_ms, event = log[offset]
        if not course.knows(event):
            course.turn_to(at_ms)
            while course.serve(7):
                pass
            course.learn(event)
        course.passed(offset, at_ms)


def copied(course: Course) -> Course:
    """What a process that begins from a snapshot has."""
    arrays = {name: array.copy() for name, array in course.state().items()}
    return course_of(arrays, course.learner.rules, SCHEDULE)


def outcome(course: Course) -> dict[str, bytes]:
    """The whole state, to the bit."""
    return {name: array.tobytes() for name, array in course.state().items()}


def published(course: Course) -> dict[int, bytes | None]:
    """The newest value of each key that anybody who reads along has in the end."""
    newest: dict[int, bytes | None] = {}
    while course.unsent:
        for key, item in course.take(100):
            newest[key] = None if item is None else item.encode()
        course.sent()
    for key, item in course.learner.unpublished():
        newest[key] = None if item is None else item.encode()
    newest[-1] = encode_weights(course.learner.trainer.served(course.learner.events))
    return newest


def test_going_on_from_a_snapshot_equals_having_gone_on_to_the_bit() -> None:
    log = a_log(5_000)
    clean = new_course()
    walk(clean, log)
    rng = np.random.default_rng(1)
    course, saved = new_course(), copied(new_course())
    while course.offset < len(log):
        walk(course, log, min(course.offset + int(rng.integers(1, 900)), len(log)))
        if rng.random() < 0.5:
            saved = copied(course)
        elif course.offset < len(log):
            course = copied(saved)  # killed: what came after the snapshot is learned again
    assert outcome(course) == outcome(clean)
    assert published(course) == published(clean)
    assert clean.learner.hits > 0


def test_the_log_reaches_what_the_test_is_about() -> None:
    log = a_log(5_000)
    course = new_course()
    walk(course, log)
    learner = course.learner
    assert learner.size == FEW.items
    assert None in published(course).values()
    assert learner.trials > learner.hits > 0
    assert learner.trainer.likes > 100


def test_copies_change_nothing_wherever_they_lie() -> None:
    log = a_log(600)
    clean, often = new_course(), new_course()
    walk(clean, log)
    for at, (at_ms, event) in enumerate(log):
        for told in (log[max(at - 9, 0)][1], event):
            if not often.knows(told):
                often.turn_to(at_ms)
                often.learn(told)
        often.passed(at, at_ms)
    assert outcome(often) == outcome(clean)


def test_looking_at_what_is_not_yet_published_changes_nothing() -> None:
    log = a_log(300)
    clean, watched = new_course(), new_course()
    walk(clean, log)
    for until in range(0, 301, 10):
        walk(watched, log, until)
        list(watched.learner.unpublished())
    assert outcome(watched) == outcome(clean)


def test_an_item_is_published_once_in_a_while_however_often_it_changes() -> None:
    course = new_course()
    said: list[int] = []
    for offset in range(100):  # a like of item 1 twice a second
        course.turn_to(int(NOW_S * 1000) + 500 * offset)
        course.serve()
        said += [offset] * (1 in course.unsent)
        course.unsent.clear()
        course.learn(Clicker().clicks(1, offset))
    assert said == [1, 21, 41, 61, 81]


def test_signals_are_published_after_some_time_or_some_interactions() -> None:
    for apart_ms, times in ((1, [1, 41, 81]), (500, list(range(1, 100, 2)))):
        course = new_course()
        said: list[int] = []
        for offset in range(100):
            course.turn_to(int(NOW_S * 1000) + apart_ms * offset)
            course.serve()
            said += [offset] * bool(course.unsent)
            course.unsent.clear()
            course.learn(Clicker().clicks(1000 + offset, offset))
        assert said == times


def test_a_clock_that_was_far_ahead_for_one_record_silences_nothing() -> None:
    course = new_course()
    times = [0, 86_400_000, *range(2_000, 40_000, 1_000)]
    said = 0
    for offset, at_ms in enumerate(times):
        course.turn_to(int(NOW_S * 1000) + at_ms)
        course.serve()
        said += 1 in course.unsent
        course.unsent.clear()
        course.learn(Clicker().clicks(1, offset))
    assert said >= 4


def test_what_was_taken_and_may_not_have_arrived_is_taken_again() -> None:
    course = new_course()
    walk(course, a_log(50))
    keys = list(course.unsent)
    taken = course.take(3)
    assert [key for key, _ in taken] == keys[:3]
    assert course.state()["course.unsent"].tolist() == keys
    course.not_sent()
    assert list(course.unsent) == keys
    course.take(3)
    course.sent()
    assert list(course.unsent) == keys[3:]


def test_what_the_table_has_no_room_for_is_published_all_the_same() -> None:
    rules = replace(RULES, items=16)
    course = new_course(rules)
    for offset in range(60):  # 60 items, and 32 rows
        course.turn_to(int(NOW_S * 1000) + 1000 * offset)
        course.serve()
        said = dict(course.take(100))
        course.sent()
        if offset:
            assert said[100 + offset - 1] is not None
        course.learn(Clicker().clicks(100 + offset, offset))
    assert course.learner.table.left_out > 0


def test_more_sources_than_there_can_be_are_not_remembered() -> None:
    course = new_course()
    course.marks = dict.fromkeys(range(MOST_SOURCES), 0)
    click = Clicker().clicks(1, 5)
    assert course.takes(replace(click, partition=3))
    assert not course.takes(replace(click, partition=MOST_SOURCES))


@pytest.mark.parametrize(
    "wrong",
    [
        {"table.session_rows": 9_999},
        {"table.walk_rows": -1},
        {"table.popular_year": 9_999},
        {"crowd.session_sizes": 121},
        {"table.walk_sizes": 185},
        {"sums": math.nan},
        {"course.clocks": math.nan},
        {"course.numbers": -1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_state_that_would_reach_beyond_its_memory_is_refused(wrong: dict[str, float]) -> None:
    course = new_course()
    walk(course, a_log(300))
    arrays = {name: array.copy() for name, array in course.state().items()}
    for name, value in wrong.items():
        arrays[name][:1] = value
    with pytest.raises(StateRefused):
        course_of(arrays, FEW, SCHEDULE)


def test_a_state_of_other_shapes_is_refused() -> None:
    course = new_course()
    walk(course, a_log(300))
    state = course.state()
    for name, array in state.items():
        for other in (array.astype(np.float16), array.reshape(1, *array.shape), None):
            arrays = {key: value for key, value in state.items() if key != name}
            if other is not None:
                arrays[name] = other
            with pytest.raises(StateRefused):
                course_of(arrays, FEW, SCHEDULE)
    with pytest.raises(StateRefused, match="room for 16"):
        course_of(state, replace(FEW, items=16), SCHEDULE)


def test_more_room_or_a_rarer_ranker_is_no_reason_to_begin_anew() -> None:
    assert fingerprint(FEW) == fingerprint(replace(FEW, items=500, ranker_every=5))
    assert fingerprint(FEW) != fingerprint(replace(FEW, negatives=50))
