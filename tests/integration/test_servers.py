"""The servers the other tests stand on: they start, keep their data, and end."""

from __future__ import annotations

import pytest

from tests.support.kafka import Kafka
from tests.support.ports import listens
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


def test_a_killed_broker_comes_back_on_its_port_with_its_records(own_kafka: Kafka) -> None:
    own_kafka.create_topic("kept", partitions=2)
    own_kafka.produce("kept", [(b"k", b"v%d" % n) for n in range(10)])
    own_kafka.kill()
    assert not listens(own_kafka.port)
    own_kafka.start()
    assert sorted(record.value for record in own_kafka.read_all("kept")) == [
        b"v%d" % n for n in range(10)
    ]
    assert sum(own_kafka.end_offsets("kept").values()) == 10
    own_kafka.stop()
    assert not listens(own_kafka.port)


def test_an_append_only_store_keeps_its_data_over_a_kill(own_valkey: Valkey) -> None:
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(own_valkey.url) as client:
        client.set("k", "v")
    own_valkey.kill()
    own_valkey.start()
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.get("k") == b"v"


def test_waiting_names_what_did_not_happen() -> None:
    with pytest.raises(AssertionError, match="pigs fly"):
        wait_until(lambda: False, 0.05, "pigs fly")
