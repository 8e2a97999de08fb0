"""Delivery while the broker itself is away: it waits, comes back, and stops in time without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.echo import EchoRoad
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


def test_a_broker_that_dies_and_returns_costs_nothing_but_time(
    own_kafka: Kafka, tmp_path: Path
) -> None:
    with EchoRoad(own_kafka, tmp_path, "") as road:
        worker = road.start("--max-events", "20")
        worker.wait_until_it_owns(road.partitions)
        road.produce(0, 2000)
        worker.wait_for("some are applied", lambda: worker.outcomes()["applied"] > 50)
        own_kafka.kill()
        worker.wait_for("it says so", lambda: worker.heard("down", "kafka"))
        own_kafka.start()
        road.produce(2000, 2100)
        wait_until(lambda: {b"%d" % n for n in range(2100)} <= set(road.echoed()), 60, "all came")
        wait_until(road.all_committed, 20, "all is committed")
        assert worker.heard("up", "kafka")
        assert len(worker.text().splitlines()) < 200

        # Now it hangs, with batches on their way, and the worker is told to stop.
        road.produce(2100, 6000)
        worker.wait_for("some are applied", lambda: worker.outcomes()["applied"] > 2200)
        own_kafka.suspend()
        worker.wait_for(
            "it says so again",
            lambda: (
                [e for e in worker.events() if "down" in e or "up" in e][-1] == {"down": "kafka"}
            ),
        )
        assert worker.terminate(deadline_s=10) == 0
        own_kafka.resume()
        own_kafka.kill()

        # And one that starts without a broker waits for it, and can be stopped while it waits.
        waiting = road.start()
        waiting.wait_for("it says so", lambda: "kafka does not answer" in waiting.text())
        early = road.start()
        early.wait_for("it says so", lambda: "kafka does not answer" in early.text())
        assert early.terminate(deadline_s=10) == 0
        own_kafka.start()
        waiting.wait_until_it_owns(road.partitions, deadline_s=40)
        assert waiting.terminate() == 0
