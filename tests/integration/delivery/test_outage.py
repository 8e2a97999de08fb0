"""A long outage with full buffers, and a loop that hangs: nobody may end up alive and deaf."""

from __future__ import annotations

import time
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


def test_full_buffers_in_an_outage_survive_rebalances_and_lose_nothing(
    road: EchoRoad, tmp_path: Path
) -> None:
    # Nothing was ever committed here, and what is held when partitions go must come again.
    gate = tmp_path / "gate"
    gate.touch()
    options = ("--gate", str(gate), "--max-events", "5")
    first = road.start(*options)
    first.wait_until_it_owns(4)
    road.produce(0, 400)
    first.wait_for("it says so", lambda: first.heard("down", "store"))
    second = road.start(*options)
    second.wait_until_it_owns(2)
    second.wait_for("it says so", lambda: second.heard("down", "store"))
    # Longer than a session: both stay members, though nobody polls.
    assigned = first.count("assigned"), second.count("assigned")
    end_s = time.monotonic() + 6.0
    wait_until(lambda: time.monotonic() > end_s, 10, "two sessions have passed")
    assert (first.count("assigned"), second.count("assigned")) == assigned
    assert road.kafka.committed(road.group, road.topic) == {}
    gate.unlink()
    wait_until(lambda: everything(400) <= set(road.echoed()), 30, "all came")
    wait_until(road.all_committed, 10, "all is committed")
    assert road.echoed() == dict.fromkeys(everything(400), 1)
    assert first.terminate() == 0
    assert second.terminate() == 0


def test_a_loop_that_hangs_loses_its_partitions_and_publishes_nothing_when_it_goes_on(
    road: EchoRoad,
) -> None:
    hanging = road.start()
    hanging.wait_until_it_owns(4)
    road.kafka.produce(road.topic, [(b"k", b"block:7")], partition=0)
    hanging.wait_for("it hangs", lambda: hanging.heard("blocking", 7.0))
    other = road.start("--never-block")
    other.wait_until_it_owns(4, deadline_s=20)
    hanging.wait_until_it_owns(2, deadline_s=20)
    assert "lost the lease" in hanging.text()
    road.produce(0, 40)
    wait_until(lambda: everything(40) <= set(road.echoed()), 20, "both go on")
    wait_until(road.all_committed, 10, "all is committed")
    assert road.echoed()[b"block:7"] == 1
    assert hanging.terminate() == 0
    assert other.terminate() == 0
