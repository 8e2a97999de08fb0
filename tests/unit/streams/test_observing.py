"""What delivery tells reaches metrics, readiness and liveness."""

from __future__ import annotations

import pytest

from streams.delivery.observer import Observer
from streams.errors import Reason
from streams.health import Progress, Readiness
from streams.metrics import Metrics
from streams.observing import PARTITIONS, WorkerObserver


class Worker:
    """An observer and all it tells."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.metrics = Metrics("recommender")
        self.readiness = Readiness([PARTITIONS, "redis"])
        self.progress = Progress(60.0, lambda: self.now_s)
        self.observer: Observer = WorkerObserver(self.metrics, self.readiness, self.progress)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_outcomes_carry_a_reason_only_when_refused(worker: Worker) -> None:
    worker.observer.outcome("r", "applied", None, 4)
    worker.observer.outcome("r", "dead-lettered", Reason.BAD_JSON, 1)
    name = "lookstream_events_total"
    assert worker.sample(name, agent="r", outcome="applied", reason="") == 4
    assert worker.sample(name, agent="r", outcome="dead-lettered", reason="bad-json") == 1


def test_batches_and_retries_are_counted(worker: Worker) -> None:
    worker.observer.batch("r", 5, 0.1)
    worker.observer.retry("redis")
    assert worker.sample("lookstream_batch_events_sum", agent="r") == 5
    assert worker.sample("lookstream_dependency_retries_total", dependency="redis") == 1


def test_a_worker_is_ready_when_the_group_has_dealt_even_if_it_got_nothing(
    worker: Worker,
) -> None:
    worker.readiness.met("redis")
    assert not worker.readiness.ready
    worker.observer.assigned("clicks", [])
    assert worker.readiness.ready


def test_a_dependency_that_is_down_makes_the_worker_unready_but_not_dead(worker: Worker) -> None:
    worker.observer.assigned("clicks", [0])
    worker.readiness.met("redis")
    worker.observer.dependency_down("redis", "can't be reached")
    worker.now_s = 1000.0
    assert list(worker.readiness.reasons) == ["redis"]
    assert worker.progress.problems() == []
    assert worker.sample("lookstream_dependency_up", dependency="redis") == 0
    worker.observer.dependency_up("redis")
    assert worker.readiness.ready
    assert worker.sample("lookstream_dependency_up", dependency="redis") == 1


def test_progress_reaches_liveness(worker: Worker) -> None:
    worker.observer.assigned("clicks", [0])
    for worker.now_s in (0.0, 61.0):
        worker.observer.progress("clicks", 0, 5, 9)
    assert len(worker.progress.problems()) == 1


def test_lag_is_told_for_owned_partitions_only(worker: Worker) -> None:
    name = "lookstream_consumer_lag_events"
    worker.observer.assigned("clicks", [0, 1])
    worker.observer.lag("clicks", 0, 3)
    worker.observer.lag("clicks", 1, 4)
    worker.observer.lag("clicks", 2, 5)
    worker.observer.assigned("clicks", [1])
    worker.observer.lag("clicks", 0, 3)
    lags = [worker.sample(name, topic="clicks", partition=str(n)) for n in range(3)]
    assert lags == [None, 4, None]


def test_it_knows_which_partitions_are_ours(worker: Worker) -> None:
    observer = WorkerObserver(worker.metrics, worker.readiness, worker.progress)
    assert not observer.owns("clicks", 0)
    observer.assigned("clicks", iter([0]))
    assert observer.owns("clicks", 0)
    assert not observer.owns("clicks", 1)
    assert not observer.owns("images", 0)
