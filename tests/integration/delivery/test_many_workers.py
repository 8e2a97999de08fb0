"""More workers than two, joining and leaving in bursts: nothing lost, and little done twice."""

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


def shared(road: EchoRoad) -> bool:
    """Whether the living workers own all partitions, each once."""
    living = [worker for worker in road.workers if worker.process.poll() is None]
    return sorted(n for worker in living for n in worker.owns()) == list(range(road.partitions))


def test_a_handover_without_a_crash_delivers_nothing_twice(road: EchoRoad) -> None:
    first = road.start("--max-events", "20")
    first.wait_until_it_owns(4)
    road.produce(0, 1500)
    first.wait_for("some are applied", lambda: first.outcomes()["applied"] > 50)
    second = road.start("--max-events", "20")
    second.wait_until_it_owns(2)
    road.produce(1500, 2000)
    second.wait_for("it works too", lambda: second.outcomes()["applied"] > 0)
    assert first.terminate() == 0
    second.wait_until_it_owns(4)
    wait_until(lambda: everything(2000) <= set(road.echoed()), 30, "all came")
    assert second.terminate() == 0
    assert road.all_committed()
    assert road.echoed() == dict.fromkeys(everything(2000), 1)


def test_five_workers_on_four_partitions_join_and_leave_in_bursts(road: EchoRoad) -> None:
    burst = [road.start("--max-events", "20") for _ in range(3)]
    wait_until(lambda: shared(road), 30, "three share")
    road.produce(0, 1000)
    more = [road.start("--max-events", "20") for _ in range(2)]
    wait_until(lambda: all(worker.count("assigned") for worker in more), 30, "two more joined")
    wait_until(lambda: shared(road), 30, "five share, and one of them waits")
    road.produce(1000, 2000)
    for worker in burst:
        worker.process.terminate()
    assert [worker.ended(15) for worker in burst] == [0, 0, 0]
    wait_until(lambda: shared(road), 30, "two share")
    road.produce(2000, 3000)
    more[0].kill()
    wait_until(lambda: everything(3000) <= set(road.echoed()), 40, "all came")
    wait_until(road.all_committed, 20, "all is committed")
    assert more[1].terminate() == 0
