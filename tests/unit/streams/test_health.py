"""When a worker is ready, and when it is alive."""

from __future__ import annotations

import pytest

from streams.health import Progress, Readiness


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_worker_is_ready_once_every_condition_has_been_met() -> None:
    readiness = Readiness(["model", "index"])
    assert readiness.reasons == {"model": "starting", "index": "starting"}
    readiness.met("model")
    assert not readiness.ready
    readiness.met("index")
    assert readiness.ready
    assert readiness.reasons == {}


def test_a_condition_that_no_longer_holds_says_why() -> None:
    readiness = Readiness(["redis"])
    readiness.met("redis")
    readiness.unmet("redis", "does not answer")
    assert not readiness.ready
    assert readiness.reasons == {"redis": "does not answer"}


def test_a_condition_nobody_announced_counts_too() -> None:
    readiness = Readiness([])
    assert readiness.ready
    readiness.unmet("kafka", "gone")
    assert not readiness.ready


def test_changes_of_readiness_are_told_once_each() -> None:
    told: list[bool] = []
    readiness = Readiness(["a", "b"], on_change=told.append)
    readiness.met("a")
    readiness.met("b")
    readiness.met("b")
    readiness.unmet("a", "x")
    readiness.unmet("b", "y")
    readiness.met("a")
    assert told == [True, False]


def test_changes_of_readiness_are_logged_with_their_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "streams.health")
    readiness = Readiness(["redis"])
    readiness.met("redis")
    readiness.unmet("redis", "does not answer")
    assert caplog.messages == ["ready", "not ready: redis: does not answer"]


def progress(clock: Clock) -> Progress:
    watched = Progress(60.0, clock)
    watched.assigned("clicks", [0, 1])
    for partition in (0, 1):
        watched.position("clicks", partition, 10, 10)
    return watched


def tick(watched: Progress, clock: Clock, seconds: float, **positions: int) -> None:
    """Seconds pass; partitions say each second where they stand, p0=position, end 100."""
    for _ in range(int(seconds)):
        clock.now_s += 1
        for partition, position in positions.items():
            watched.position("clicks", int(partition.removeprefix("p")), position, 100)


def test_partitions_at_their_end_are_alive_for_ever() -> None:
    clock = Clock()
    watched = progress(clock)
    tick(watched, clock, 1000, p0=100, p1=100)
    assert watched.problems() == []


def test_a_partition_that_stands_before_its_end_is_not_alive() -> None:
    clock = Clock()
    watched = progress(clock)
    tick(watched, clock, 60, p0=20, p1=100)
    assert watched.problems() == []
    tick(watched, clock, 2, p0=20, p1=100)
    assert watched.problems() == [
        "clicks-0: stands at offset 20 for 61 s, 80 before the end",
    ]


def test_a_slow_partition_that_moves_is_alive() -> None:
    clock = Clock()
    watched = progress(clock)
    for position in range(20, 30):
        tick(watched, clock, 50, p0=position, p1=100)
    assert watched.problems() == []


def test_a_partition_that_moves_again_is_alive_again() -> None:
    clock = Clock()
    watched = progress(clock)
    tick(watched, clock, 70, p0=20, p1=100)
    assert watched.problems() != []
    tick(watched, clock, 1, p0=21, p1=100)
    assert watched.problems() == []


def test_a_partition_of_which_nothing_is_heard_is_not_alive_even_at_its_end() -> None:
    clock = Clock()
    watched = progress(clock)
    tick(watched, clock, 70, p0=100)
    assert watched.problems() == ["clicks-1: nothing heard of it for 70 s"]


def test_while_a_dependency_is_down_nobody_is_to_blame() -> None:
    clock = Clock()
    watched = progress(clock)
    watched.dependency_down("redis")
    tick(watched, clock, 600, p0=20, p1=100)
    assert watched.problems() == []


def test_after_an_outage_partitions_have_the_whole_time_again() -> None:
    clock = Clock()
    watched = progress(clock)
    watched.dependency_down("redis")
    watched.dependency_down("kafka")
    tick(watched, clock, 600, p0=20, p1=100)
    watched.dependency_up("redis")
    tick(watched, clock, 600, p0=20, p1=100)
    assert watched.problems() == []
    watched.dependency_up("kafka")
    tick(watched, clock, 59, p0=20, p1=100)
    assert watched.problems() == []
    tick(watched, clock, 2, p0=20, p1=100)
    assert len(watched.problems()) == 1


def test_a_dependency_that_was_not_down_forgives_nothing() -> None:
    clock = Clock()
    watched = progress(clock)
    tick(watched, clock, 70, p0=20, p1=100)
    watched.dependency_up("redis")
    assert len(watched.problems()) == 1


def test_a_partition_that_went_to_another_worker_is_not_our_problem() -> None:
    clock = Clock()
    watched = progress(clock)
    tick(watched, clock, 70, p0=20, p1=100)
    watched.assigned("clicks", [1])
    watched.position("clicks", 0, 20, 100)
    assert watched.problems() == []


def test_a_partition_newly_ours_starts_afresh_and_one_kept_does_not() -> None:
    clock = Clock()
    watched = progress(clock)
    tick(watched, clock, 50, p0=20, p1=100)
    watched.assigned("clicks", [0, 2])
    tick(watched, clock, 20, p0=20, p2=5)
    assert watched.problems() == ["clicks-0: stands at offset 20 for 69 s, 80 before the end"]


def test_a_spare_worker_without_partitions_is_alive() -> None:
    clock = Clock()
    watched = Progress(60.0, clock)
    watched.assigned("clicks", [])
    clock.now_s += 1e6
    assert watched.problems() == []


def test_it_tells_where_its_partitions_stand() -> None:
    watched = Progress(60.0, Clock())
    assert watched.positions("clicks") == {}
    watched.assigned("clicks", [0, 1, 2])
    watched.position("clicks", 0, 20, 100)
    watched.position("clicks", 2, 0, 0)
    assert watched.positions("clicks") == {0: 20, 2: 0}
    watched.assigned("clicks", [1, 2])
    assert watched.positions("clicks") == {2: 0}
