"""How many interactions a learner takes in a second: python -m tests.bench.bench_learner

One process, one thread, CPU time; from the bytes of a record to what is published of it, without
Kafka. 2,000 users click on 5,000 items, four in five of the clicks are likes. The baseline in the
same run reads the same bytes and counts by item: what a recommender that only knows what is popular
would spend. Quote the ratios.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: as the workers run

import numpy as np

from streams.core.learning.course import Course
from streams.core.learning.interaction import decode_interaction
from streams.core.learning.learner import Learner
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.core.learning.warm import warm_up
from tests.unit.core.learning.clicks import NOW_S, Clicker

USERS, ITEMS = 2_000, 5_000
WARM, MEASURED = 20_000, 15_000
RATES_HZ = (10.0, 1_000.0)


def interactions() -> Iterator[bytes]:
    """What recommenders would say: popular items more often, an item at most once a user."""
    rng = np.random.default_rng(1)
    users = [Clicker() for _ in range(USERS)]
    items = rng.zipf(1.3, 4 * (WARM + MEASURED)) % ITEMS
    offset = 0
    for item in items.tolist():
        her = users[int(rng.integers(USERS))]
        if item in her.lately or offset == WARM + MEASURED:
            continue
        yield her.clicks(item, offset, liked=bool(rng.random() < 0.8)).encode()
        offset += 1


def taught(course: Course, told: list[bytes], rate_hz: float) -> int:
    """Learn from them, so many in each second of their record times; how many were published."""
    published = 0
    for data in told:
        event = decode_interaction(data)
        at_ms = int(1000 * (NOW_S + course.offset / rate_hz))
        course.turn_to(at_ms)
        course.serve()
        course.learn(event)
        course.passed(course.offset, at_ms)
        if course.offset % 256 == 0:  # a batch: what it changed goes out once
            for _, item in course.take(1_000_000):
                published += len(item.encode()) > 0 if item is not None else 1
            course.sent()
    return published


def counted(told: list[bytes]) -> None:
    """The baseline."""
    counts: Counter[int] = Counter()
    for data in told:
        counts[decode_interaction(data).item] += 1


def per_s(work: Callable[[], object], events: int) -> float:
    """Events in a second of this thread's CPU time."""
    started_s = time.thread_time()
    work()
    return events / (time.thread_time() - started_s)


def main() -> None:
    warm_up()
    told = list(interactions())
    early, late = told[:WARM], told[WARM:]
    baseline = per_s(lambda: counted(late), len(late))
    print(f"counting: {baseline:,.0f} interactions/s")
    for rate_hz in RATES_HZ:
        for ranker_every in (1, 5):
            rules = LearningRules(ranker_every=ranker_every)
            course = Course(Learner(rules), Schedule())
            taught(course, early, rate_hz)
            before = course.learner.trials
            published = 0

            def work(course: Course = course, rate_hz: float = rate_hz) -> None:
                nonlocal published
                published = taught(course, late, rate_hz)

            speed = per_s(work, len(late))
            print(
                f"clicks at {rate_hz:,.0f}/s, ranker on every {ranker_every}. like: "
                f"{speed:,.0f} interactions/s, {speed / baseline:.3f} of counting; "
                f"{published / len(late):.1f} items published for each, "
                f"{(course.learner.trials - before) / len(late):.2f} choices ranked"
            )


if __name__ == "__main__":
    main()
