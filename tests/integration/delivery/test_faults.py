"""Delivery on a real Kafka while things die: nothing is lost, and every stop is in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.echo import EchoRoad
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def road(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[EchoRoad]:
    with EchoRoad(kafka, tmp_path, topic_prefix) as road:
        yield road


def everything(last: int) -> set[bytes]:
    return {b"%d" % n for n in range(last)}


def test_after_kill_9_what_was_not_committed_comes_again(road: EchoRoad) -> None:
    worker = road.start("--max-events", "20")
    worker.wait_until_it_owns(road.partitions)
    road.produce(0, 2000)
    worker.wait_for("some are applied", lambda: worker.outcomes()["applied"] > 100)
    worker.kill()
    second = road.start()
    wait_until(lambda: everything(2000) <= set(road.echoed()), 30, "all came")
    wait_until(road.all_committed, 10, "all is committed")
    assert second.terminate() == 0


def test_sigterm_under_load_ends_in_time_and_loses_nothing(road: EchoRoad) -> None:
    road.produce(0, 5000)
    worker = road.start("--max-events", "20")
    worker.wait_for("some are applied", lambda: worker.outcomes()["applied"] > 100)
    assert worker.terminate(deadline_s=10) == 0
    finished = worker.outcomes()["applied"]
    committed = sum(road.kafka.committed(road.group, road.topic).values())
    # A stop commits exactly what was finished, and what was finished was published.
    assert committed == finished == sum(road.echoed().values())
    assert finished < 5000
    second = road.start()
    second.wait_for("the rest", lambda: second.outcomes()["applied"] == 5000 - finished)
    assert second.terminate() == 0
    assert road.echoed() == {b"%d" % n: 1 for n in range(5000)}


def test_two_workers_share_the_partitions_and_take_over(road: EchoRoad) -> None:
    first = road.start("--max-events", "20")
    first.wait_until_it_owns(4)
    second = road.start("--max-events", "20")
    first.wait_until_it_owns(2)
    second.wait_until_it_owns(2)
    assert sorted(first.owns() + second.owns()) == [0, 1, 2, 3]
    road.produce(0, 1000)
    assert first.terminate() == 0
    second.wait_until_it_owns(4, deadline_s=10)
    road.produce(1000, 1500)
    wait_until(lambda: everything(1500) <= set(road.echoed()), 30, "all came")
    wait_until(road.all_committed, 10, "all is committed")
    assert second.terminate() == 0


def test_a_bug_ends_the_process_and_its_records_come_again(road: EchoRoad) -> None:
    worker = road.start()
    worker.wait_until_it_owns(road.partitions)
    road.kafka.produce(road.topic, [(b"k", b"before")], partition=0)
    worker.wait_for("applied", lambda: worker.outcomes()["applied"] == 1)
    road.kafka.produce(road.topic, [(b"secret", b"bug")], partition=0)
    assert worker.ended(10) == 70
    assert "RuntimeError" in worker.text()
    assert "secret" not in worker.text()
    second = road.start()
    assert second.ended(20) == 70
    assert road.kafka.committed(road.group, road.topic).get(0, 0) <= 1


def test_while_a_dependency_is_down_the_worker_waits_loudly(road: EchoRoad, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    worker = road.start("--gate", str(gate))
    road.produce(0, 100)
    worker.wait_for("it says so", lambda: worker.heard("down", "store"))
    assert worker.outcomes() == {}
    gate.unlink()
    worker.wait_for("all are applied", lambda: worker.outcomes()["applied"] == 100)
    assert worker.heard("up", "store")
    assert worker.text().count("store does not answer") < 5
    assert worker.terminate() == 0
    assert road.echoed() == {b"%d" % n: 1 for n in range(100)}


def test_sigterm_while_a_dependency_is_down_ends_in_time(road: EchoRoad, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    worker = road.start("--gate", str(gate))
    road.produce(0, 100)
    worker.wait_for("it says so", lambda: worker.heard("down", "store"))
    assert worker.terminate(deadline_s=8) == 0
    assert road.kafka.committed(road.group, road.topic) == {}
    assert road.echoed() == {}


def test_a_handler_that_does_not_let_go_is_abandoned_in_time(
    road: EchoRoad, tmp_path: Path
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    worker = road.start("--hold", str(hold))
    worker.wait_until_it_owns(road.partitions)
    road.produce(0, 10)
    assert worker.terminate(deadline_s=10) == 0
    assert road.kafka.committed(road.group, road.topic) == {}


def test_a_held_batch_of_lost_partitions_is_not_committed(road: EchoRoad, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    stuck = road.start("--hold", str(hold))
    stuck.wait_until_it_owns(4)
    road.kafka.produce(road.topic, [(b"k", b"%d" % n) for n in range(10)], partition=0)
    other = road.start()
    other.wait_until_it_owns(2)
    stuck.wait_until_it_owns(2)
    owner = other if 0 in other.owns() else stuck
    if owner is other:
        other.wait_for("it applied them", lambda: other.outcomes()["applied"] == 10)
    hold.unlink()
    road.produce(10, 50)
    wait_until(lambda: everything(50) <= set(road.echoed()), 30, "all came")
    wait_until(road.all_committed, 10, "all is committed")
    assert stuck.terminate() == 0
    assert other.terminate() == 0


def test_a_zombie_finds_out_and_goes_on_with_what_it_owns_then(road: EchoRoad) -> None:
    zombie = road.start("--max-events", "5")
    zombie.wait_until_it_owns(4)
    road.produce(0, 500)
    zombie.wait_for("some are applied", lambda: zombie.outcomes()["applied"] > 10)
    zombie.suspend()
    other = road.start()
    other.wait_until_it_owns(4, deadline_s=20)
    road.produce(500, 600)
    wait_until(lambda: everything(600) <= set(road.echoed()), 30, "the other did it all")
    zombie.resume()
    zombie.wait_until_it_owns(2, deadline_s=20)
    other.wait_until_it_owns(2, deadline_s=20)
    road.produce(600, 700)
    wait_until(lambda: everything(700) <= set(road.echoed()), 30, "both go on")
    wait_until(road.all_committed, 10, "all is committed")
    assert zombie.terminate() == 0
    assert other.terminate() == 0


def test_sigterm_at_any_moment_of_the_start_ends_in_time(road: EchoRoad) -> None:
    road.produce(0, 100)
    started = road.start()
    started.wait_for("on_start has run", lambda: started.heard("started", True))
    other = road.start()
    assert started.terminate(deadline_s=10) == 0
    other.wait_until_it_owns(4, deadline_s=15)
    # The other one joins while this one is just assigned: a stop during a rebalance.
    third = road.start()
    third.wait_for("on_start has run", lambda: third.heard("started", True))
    assert other.terminate(deadline_s=10) == 0
    assert third.terminate(deadline_s=10) == 0


def test_missing_topics_are_refused_with_what_to_do(kafka: Kafka, tmp_path: Path) -> None:
    nowhere = EchoRoad(kafka, tmp_path, "nowhere-")
    worker = nowhere.start()
    assert worker.ended(15) == 78
    assert "nowhere-in" in worker.text()
    assert "lookstream topics create" in worker.text()


def test_a_stop_that_hangs_is_cut_short(road: EchoRoad) -> None:
    worker = road.start("--stop-timeout-s", "2")
    worker.wait_until_it_owns(road.partitions)
    road.kafka.produce(road.topic, [(b"k", b"block")], partition=0)
    worker.wait_for("it blocks the loop", lambda: worker.heard("blocking", 3600.0))
    worker.process.terminate()
    assert worker.ended(8) == 75
    assert "did not end within 2 s" in worker.text()
