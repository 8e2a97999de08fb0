"""A site with room for backlogs: real Apache Kafka, real Valkey, and workers as they are run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from kafka import KafkaProducer

from inference.manifest import load_manifest
from streams import topic_admin
from streams.embeddings import encode_view, partition_for
from streams.topics import Topics
from tests.support.kafka import Kafka
from tests.support.valkey import Valkey
from tests.support.workers import ROOT, WorkerProcess

FULL = os.environ.get("OVERLOAD") == "full"
"""`make overload` runs the whole sizes; CI smaller ones of the same tests."""

PARTITIONS = 8
MODEL = load_manifest(ROOT / "exported_models", "resnet50-thin")


@dataclass
class Site:
    """Topics of its own, and what was started on them."""

    kafka: Kafka
    topics: Topics
    folder: Path
    settings: dict[str, str]
    producer: KafkaProducer
    workers: list[WorkerProcess] = field(default_factory=list)

    def start(self, name: str, **settings: str) -> WorkerProcess:
        """A worker, ready."""
        worker = WorkerProcess(name, self.folder, {**self.settings, **settings})
        self.workers.append(worker)
        return worker.wait_ready(120)

    def publish_items(self, count: int) -> None:
        """A catalogue, as an embedder would have left it."""
        rng = np.random.default_rng(1)
        for number in range(count):
            vector = rng.standard_normal(MODEL.dim).astype(np.float32)
            key, value = encode_view(
                item_id=f"item-{number}",
                view="main",
                model_id=MODEL.model_id,
                vector=vector / np.linalg.norm(vector),
                picture_hash=number + 1,
                at_ms=number,
            )
            partition = partition_for(f"item-{number}", PARTITIONS)
            self.producer.send(
                self.topics.item_embeddings, key=key, value=value, partition=partition
            )
        self.producer.flush(60)

    def click(self, user: str, item: int, partition: int | None = None) -> None:
        """Sent, not waited for."""
        value = json.dumps({"item_id": f"item-{item}"}).encode()
        self.producer.send(self.topics.clicks, key=user.encode(), value=value, partition=partition)

    def stored(self, topic: str) -> int:
        """How many records a topic has."""
        return sum(self.kafka.end_offsets(topic).values())


def assignments(worker: WorkerProcess, topic: str) -> int:
    """How often the group gave this worker partitions of a topic."""
    return worker.log.read_text().count(f"now owns {topic},")


@pytest.fixture
def site(kafka: Kafka, valkey: Valkey, topic_prefix: str, tmp_path: Path) -> Iterator[Site]:
    topics = Topics(topic_prefix)
    with topic_admin.connect(kafka.address) as admin:
        topic_admin.create(admin, topics, partitions=PARTITIONS, replication_factor=1)
    producer = KafkaProducer(
        bootstrap_servers=kafka.address,
        acks=1,
        linger_ms=5,
        max_request_size=4_000_000,
        request_timeout_ms=120_000,
        delivery_timeout_ms=600_000,
    )
    settings = {
        "LOOKSTREAM_KAFKA": kafka.address,
        "LOOKSTREAM_REDIS": valkey.url,
        "LOOKSTREAM_TOPIC_PREFIX": topic_prefix,
        "LOOKSTREAM_MODEL": "resnet50-thin:int8",
        "LOOKSTREAM_MODEL_THREADS": "1",
        "LOOKSTREAM_SESSION_TIMEOUT_S": "6",
    }
    made = Site(kafka, topics, tmp_path, settings, producer)
    yield made
    producer.close()
    for worker in made.workers:
        worker.kill()
