"""The embedded broker and store: real ones, started and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from streams.local.broker import start_broker
from streams.local.children import listens
from streams.local.services import open_services
from streams.local.store import start_store
from tests.support.kafka import Kafka
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


def never() -> bool:
    return False


def test_the_broker_carries_a_record_with_its_headers_and_goes(tmp_path: Path) -> None:
    broker, servers = start_broker(tmp_path)
    with ExitStack() as stack:
        stack.callback(broker.stop)
        admin = KafkaAdminClient(bootstrap_servers=servers)
        stack.callback(admin.close)
        admin.create_topics({"t": {"num_partitions": 1, "replication_factor": 1}})
        producer = KafkaProducer(bootstrap_servers=servers)
        stack.callback(producer.close)
        producer.send("t", b"value", key=b"key", headers=[("a", b"b")]).get(10)
        consumer = KafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
        stack.callback(consumer.close)
        consumer.assign([TopicPartition("t", 0)])
        (records,) = wait_until(lambda: consumer.poll(timeout_ms=100), 20, "a record").values()
        assert (records[0].key, records[0].value) == (b"key", b"value")
        broker.stop()  # with clients connected
    assert not listens(int(servers.rpartition(":")[2]))


def test_the_store_answers_writes_nothing_and_goes(tmp_path: Path) -> None:
    store, url = start_store(tmp_path)
    client = redis.Redis.from_url(url)
    client.set("key", "value")
    assert client.get("key") == b"value"
    client.close()
    store.stop()
    assert [file.name for file in tmp_path.iterdir()] == ["store.log"]
    with pytest.raises(redis.ConnectionError):
        client.ping()


PARENT = """
import sys
from pathlib import Path
from streams.local.broker import start_broker
from streams.local.store import start_store
folder = Path(sys.argv[1])
broker, servers = start_broker(folder)
store, url = start_store(folder)
print("ready", flush=True)
sys.stdin.read()
"""


def test_both_go_when_whoever_started_them_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    family = psutil.Process(parent.pid).children(recursive=True)
    assert {"tansu", "valkey-server"} <= {process.name() for process in family}
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not any(p.is_running() for p in family), 20, "broker and store end")
    parent.stdout.close()


def test_on_somebodys_own_servers_all_is_made_under_a_prefix_and_removed(
    kafka: Kafka, valkey: Valkey, tmp_path: Path
) -> None:
    client = redis.Redis.from_url(valkey.url)
    client.set("owner:key", "value")
    notes: list[str] = []
    with ExitStack() as stack:
        services = open_services(
            stack,
            tmp_path,
            kafka=kafka.address,
            redis=valkey.url,
            stopped=never,
            note=notes.append,
        )
        prefix = services.topics.prefix
        assert prefix.startswith("lookstream-demo-")
        client.set(f"{prefix}lookstream:profile:ada", "value")
        admin = KafkaAdminClient(bootstrap_servers=kafka.address)
        assert {topic.name for topic in services.topics} <= set(admin.list_topics())
    assert notes == []
    assert client.get("owner:key") == b"value"
    assert client.keys(f"{prefix}*") == []
    wait_until(
        lambda: not [name for name in admin.list_topics() if name.startswith(prefix)],
        20,
        "the topics go",
    )
    admin.close()
    client.delete("owner:key")
    client.close()
