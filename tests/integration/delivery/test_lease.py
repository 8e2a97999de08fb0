"""A worker that can't prove that its partitions are its own publishes nothing, on a real Kafka.

Each of these stops a worker between its store and the broker, has another one take over and move
on, and lets the first go on. What it would have published is older than what is there by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.proxy import Link, Proxy
from tests.support.echo import EchoRoad, EchoWorker
from tests.support.kafka import Kafka, KafkaMissing
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

# More than the sockets' buffers take while nobody reads at the other end.
LARGE = 900_000


@dataclass
class Cut:
    """A road with workers behind a link that can be cut."""

    road: EchoRoad
    link: Link
    hold: Path

    def start(self) -> EchoWorker:
        """A worker behind the link, which has published, and now holds a batch with a large result.

        Its first result makes it ask for the topic's partitions: now it needs only to write.
        """
        worker = self.road.start("--hold", str(self.hold), "--kafka", f"127.0.0.1:{self.link.port}")
        worker.wait_until_it_owns(4)
        say(self.road, b"first")
        wait_until(self.road.all_committed, 20, "the first is committed")
        self.hold.touch()
        say(self.road, b"huge:%d" % LARGE)
        worker.wait_for("it holds its batch", lambda: worker.count("holding") == 2)
        return worker


@pytest.fixture
def road(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[EchoRoad]:
    with EchoRoad(kafka, tmp_path, topic_prefix) as road:
        yield road


@pytest.fixture
def cut(tmp_path: Path) -> Iterator[Cut]:
    proxy = Proxy()
    link = proxy.link()
    broker = Kafka(tmp_path / "kafka", detours={"worker": link.port})
    try:
        broker.start()
    except KafkaMissing as missing:
        pytest.skip(str(missing))
    link.upstream = broker.behind("worker")
    try:
        with EchoRoad(broker, tmp_path, "") as road:
            yield Cut(road, link, tmp_path / "hold")
    finally:
        broker.kill()
        proxy.close()


def values(road: EchoRoad) -> list[bytes]:
    """What was echoed from partition 0, in the order of the log; long values by their length."""
    found = [record.value for record in road.kafka.read_all(road.out)]
    return [value if len(value) < 1000 else b"%d bytes" % len(value) for value in found]


def say(road: EchoRoad, value: bytes) -> None:
    road.kafka.produce(road.topic, [(b"k", value)], partition=0)


def another_moves_on(road: EchoRoad, before: list[bytes]) -> EchoWorker:
    """It takes over, and publishes the old one, which was never committed, and a newer one."""
    other = road.start()
    other.wait_until_it_owns(4, deadline_s=20)
    say(road, b"new")
    wait_until(lambda: values(road) == [*before, b"new"], 20, "the other one has moved on")
    return other


def comes_back(zombie: EchoWorker, other: EchoWorker, road: EchoRoad, before: list[bytes]) -> None:
    """It learns what happened, publishes nothing of the old, and shares the work again."""
    zombie.wait_until_it_owns(2, deadline_s=30)
    assert "lost the lease" in zombie.text()
    for partition in range(4):
        road.kafka.produce(road.topic, [(b"k", b"later")], partition=partition)
    wait_until(lambda: len(values(road)) >= 6, 20, "both go on")
    wait_until(road.all_committed, 10, "all is committed")
    assert values(road) == [*before, b"new", *[b"later"] * 4]
    assert zombie.terminate() == 0
    assert other.terminate() == 0


def test_a_zombie_stopped_between_store_and_publish_publishes_nothing(
    road: EchoRoad, tmp_path: Path
) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    zombie = road.start("--hold", str(hold))
    zombie.wait_until_it_owns(4)
    say(road, b"old")
    zombie.wait_for("it holds its batch", lambda: zombie.count("holding") == 1)
    zombie.suspend()
    other = another_moves_on(road, [b"old"])
    hold.unlink()
    zombie.resume()
    comes_back(zombie, other, road, [b"old"])


def test_a_request_on_its_way_through_a_cut_network_is_not_delivered_late(cut: Cut) -> None:
    road, before = cut.road, [b"first", b"%d bytes" % LARGE]
    lonely = cut.start()
    cut.link.cut()
    cut.hold.unlink()
    lonely.wait_for("it says so", lambda: "lost the lease" in lonely.text())
    other = another_moves_on(road, before)
    cut.link.heal()
    comes_back(lonely, other, road, before)


def test_what_the_kernel_holds_is_not_delivered_late_even_if_the_worker_sleeps(cut: Cut) -> None:
    road, before = cut.road, [b"first", b"%d bytes" % LARGE]
    lonely = cut.start()
    cut.link.cut()
    cut.hold.unlink()
    lonely.wait_for("it writes", lambda: lonely.count("publishing") == 2)
    lonely.suspend()
    other = another_moves_on(road, before)
    cut.link.heal()
    say(road, b"newer")
    wait_until(lambda: values(road)[-1] == b"newer", 20, "the network works again")
    assert values(road) == [*before, b"new", b"newer"]
    lonely.resume()
    lonely.wait_until_it_owns(2, deadline_s=30)
    assert values(road) == [*before, b"new", b"newer"]
    assert lonely.terminate() == 0
    assert other.terminate() == 0


def test_a_worker_whose_broker_was_away_for_long_goes_on_by_itself(
    own_kafka: Kafka, tmp_path: Path
) -> None:
    with EchoRoad(own_kafka, tmp_path, "") as road:
        worker = road.start()
        worker.wait_until_it_owns(4)
        own_kafka.suspend()
        worker.wait_for("it says so", lambda: "lost the lease" in worker.text())
        own_kafka.resume()
        road.produce(0, 100)
        worker.wait_for("it goes on", lambda: worker.outcomes()["applied"] == 100)
        assert worker.terminate() == 0
        assert worker.text().count("lost the lease") == 1
