"""The store loses data under a running worker; `lookstream rebuild` brings it back, bit for bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from inference.manifest import load_manifest
from streams import topic_admin
from streams.core import codec
from streams.core.apply import apply
from streams.core.profile import ClickFact, Profile
from streams.core.rules import TasteRules
from streams.embeddings import ViewRecord, encode_view, partition_for
from streams.stores.item_index import ItemIndex
from streams.topics import Topics
from tests.support.kafka import Kafka
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, WorkerProcess

pytestmark = pytest.mark.integration

PARTITIONS, ITEMS, USERS = 3, 60, 40
MODEL = load_manifest(ROOT / "exported_models", "resnet50-thin")


@dataclass
class Shop:
    """Topics, a store, one recommender, and an oracle of what the profiles must be."""

    kafka: Kafka
    store: Valkey
    topics: Topics
    folder: Path
    producer: KafkaProducer
    settings: dict[str, str]
    sent: list[tuple[int, int, str, dict[str, object]]] = field(default_factory=list)

    def publish_items(self) -> ItemIndex:
        """The catalogue, as an embedder would have left it; and the same as an index."""
        index, rng = ItemIndex(MODEL.model_id, MODEL.dim), np.random.default_rng(1)
        for number in range(ITEMS):
            vector = rng.standard_normal(MODEL.dim).astype(np.float32)
            vector = (vector / np.linalg.norm(vector)).astype(np.float16)
            view = ViewRecord(f"item-{number}", "main", MODEL.model_id, vector, number + 1, number)
            index.apply(view)
            key, value = encode_view(
                item_id=view.item_id,
                view="main",
                model_id=view.model_id,
                vector=vector,
                picture_hash=view.picture_hash,
                at_ms=view.at_ms,
            )
            partition = partition_for(view.item_id, PARTITIONS)
            self.producer.send(
                self.topics.item_embeddings, key=key, value=value, partition=partition
            )
        self.producer.flush(30)
        return index

    def click(self, count: int, rng: random.Random) -> None:
        """Clicks, a few of them on items nobody knows, and a few that are none."""
        waiting = []
        for _ in range(count):
            user = f"user-{rng.randrange(USERS)}"
            said: dict[str, object] = {
                "item_id": f"item-{rng.randrange(ITEMS + 3)}",
                "kind": rng.choice(["click", "like", "view", "dislike", "stare"]),
                "at": 1_700_000_000_000 + 1000 * len(self.sent),
            }
            value = json.dumps(said).encode()
            waiting.append(
                (user, said, self.producer.send(self.topics.clicks, key=user.encode(), value=value))
            )
        for user, said, sent in waiting:
            at = sent.get(30)
            self.sent.append((at.partition, at.offset, user, said))

    def oracle(self, index: ItemIndex) -> dict[str, bytes]:
        """The profiles that one pass over the log makes."""
        profiles: dict[str, Profile] = {}
        for partition, offset, user, said in sorted(self.sent, key=lambda each: each[:2]):
            if said["kind"] == "stare":
                continue
            fact = ClickFact(str(said["item_id"]), str(said["kind"]), float(str(said["at"])) / 1000)
            source = f"{self.topics.clicks}-{partition}"
            profile = profiles.setdefault(user, Profile())
            apply(profile, fact, source, offset, catalogue=index, rules=TasteRules())
        return {user: codec.encode(profile) for user, profile in profiles.items()}

    def profiles(self) -> dict[str, bytes]:
        """What lies in the store, without the versions."""
        prefix = f"{self.topics.prefix}lookstream:profile:"
        with redis.Redis.from_url(self.store.url) as client:
            keys = list(client.scan_iter(match=f"{prefix}*"))
            values = client.mget(keys) if keys else []
        return {
            key.decode().removeprefix(prefix): value[8:]
            for key, value in zip(keys, values, strict=True)
        }

    def lists(self) -> int:
        """How many lists were published."""
        reader = KafkaConsumer(bootstrap_servers=self.kafka.address)
        places = [TopicPartition(self.topics.recommendations, n) for n in range(PARTITIONS)]
        ends = reader.end_offsets(places)
        reader.close()
        return int(sum(ends.values()))

    def rebuild(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "streams.cli", "rebuild", *options],
            env={"PATH": "", "PYTHONPATH": str(ROOT), **self.settings},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def shop(kafka: Kafka, own_valkey: Valkey, topic_prefix: str, tmp_path: Path) -> Iterator[Shop]:
    topics = Topics(topic_prefix)
    with topic_admin.connect(kafka.address) as admin:
        topic_admin.create(admin, topics, partitions=PARTITIONS, replication_factor=1)
    producer = KafkaProducer(bootstrap_servers=kafka.address, acks="all")
    settings = {
        "LOOKSTREAM_KAFKA": kafka.address,
        "LOOKSTREAM_REDIS": own_valkey.url,
        "LOOKSTREAM_TOPIC_PREFIX": topic_prefix,
        "LOOKSTREAM_MODELS_DIR": str(ROOT / "exported_models"),
        "LOOKSTREAM_SESSION_TIMEOUT_S": "6",
    }
    yield Shop(kafka, own_valkey, topics, tmp_path, producer, settings)
    producer.close()


def says_the_store_is_behind(worker: WorkerProcess) -> bool:
    status, said = worker.get("/readyz")
    return status == 503 and "lookstream rebuild" in said and "profiles" in said


def test_a_lost_store_is_noticed_not_built_upon_and_rebuilt(shop: Shop) -> None:
    rng = random.Random(7)
    index = shop.publish_items()
    worker = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    try:
        shop.click(300, rng)
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")
        older = {}
        with redis.Redis.from_url(shop.store.url) as client:
            older = {key: client.dump(key) for key in client.scan_iter()}
        shop.click(200, rng)
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")

        # Emptied: noticed within seconds, though nobody clicks.
        with redis.Redis.from_url(shop.store.url) as client:
            client.flushall()
        wait_until(lambda: says_the_store_is_behind(worker), 15, "the worker says so")
        assert worker.count("lookstream_dependency_up", dependency="profiles") == 0
        lists = shop.lists()
        shop.click(50, rng)
        assert shop.profiles() == {}
        assert shop.lists() == lists

        done = shop.rebuild()
        assert done.returncode == 0, done.stderr
        assert "clicks applied" in done.stdout
        wait_until(lambda: worker.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are as before")
        refused = sum(said["kind"] == "stare" for *_, said in shop.sent[-50:])
        wait_until(lambda: shop.lists() >= lists + 50 - refused, 30, "the lists came")

        # An older backup comes back.
        with redis.Redis.from_url(shop.store.url) as client:
            client.flushall()
            for key, value in older.items():
                client.restore(key, 0, value)
        wait_until(lambda: says_the_store_is_behind(worker), 15, "the worker says so")
        planned = shop.rebuild("--dry-run")
        assert planned.returncode == 0, planned.stderr
        assert says_the_store_is_behind(worker)
        done = shop.rebuild()
        assert done.returncode == 0, done.stderr
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are as before")
        wait_until(lambda: worker.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_a_new_worker_notices_that_the_store_is_not_what_the_group_left(shop: Shop) -> None:
    rng = random.Random(8)
    index = shop.publish_items()
    worker = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    shop.click(100, rng)
    wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")
    assert worker.stop() == 0
    with redis.Redis.from_url(shop.store.url) as client:
        client.flushall()
    second = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    try:
        shop.click(30, rng)
        wait_until(lambda: says_the_store_is_behind(second), 20, "the second worker says so")
        done = shop.rebuild("--from-scratch", "--yes")
        assert done.returncode == 0, done.stderr
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are as before")
        wait_until(lambda: second.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
    finally:
        second.kill()
