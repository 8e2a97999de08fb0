"""A shop of its own for tests that take its store away, with an oracle of its profiles."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
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
from tests.support.processes import die_with_parent
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, WorkerProcess

PARTITIONS, ITEMS, USERS = 3, 60, 40
MODEL = load_manifest(ROOT / "exported_models", "resnet50-thin")

Sent = tuple[int, int, str, dict[str, object]]
"""Partition, offset, user, and the click."""


@dataclass
class LosingShop:
    """Topics, a store, and an oracle of what the profiles must be."""

    kafka: Kafka
    store: Valkey
    topics: Topics
    folder: Path
    producer: KafkaProducer
    settings: dict[str, str]
    rebuilds: list[subprocess.Popen[str]] = field(default_factory=list)
    logs: list[list[Sent]] = field(default_factory=lambda: [[]])

    @property
    def sent(self) -> list[Sent]:
        """What is in the topic of clicks."""
        return self.logs[-1]

    def make_clicks_anew(self) -> None:
        """Delete the topic of clicks, and create it again."""
        with topic_admin.connect(self.kafka.address) as admin:
            admin.delete_topics([self.topics.clicks])  # type: ignore[attr-defined]
            wait_until(
                lambda: self.topics.clicks not in admin.list_topics(),  # type: ignore[attr-defined]
                20,
                "the topic is gone",
            )
            topic_admin.create(admin, self.topics, partitions=PARTITIONS, replication_factor=1)
        self.logs.append([])

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
                "at": 1_700_000_000_000 + 1000 * sum(map(len, self.logs)),
            }
            value = json.dumps(said).encode()
            waiting.append(
                (user, said, self.producer.send(self.topics.clicks, key=user.encode(), value=value))
            )
        for user, said, sent in waiting:
            at = sent.get(30)
            self.sent.append((at.partition, at.offset, user, said))

    def oracle(self, index: ItemIndex) -> dict[str, bytes]:
        """The profiles that one pass over the log makes; over each, one after the other."""
        profiles: dict[str, Profile] = {}
        for log in self.logs:
            for profile in profiles.values():
                profile.marks = {}
            for partition, offset, user, said in sorted(log, key=lambda each: each[:2]):
                if said["kind"] == "stare":
                    continue
                at_s = float(str(said["at"])) / 1000
                fact = ClickFact(str(said["item_id"]), str(said["kind"]), at_s)
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
            if value is not None  # deleted meanwhile
        }

    def popularity(self) -> dict[str, float]:
        """Item -> the logarithm of its decayed count, as it lies in the store."""
        with redis.Redis.from_url(self.store.url) as client:
            found = client.zrange(
                f"{self.topics.prefix}lookstream:popularity", 0, -1, withscores=True
            )
        return {item.decode(): weight for item, weight in found}

    def lists(self) -> int:
        """How many lists were published."""
        reader = KafkaConsumer(bootstrap_servers=self.kafka.address)
        places = [TopicPartition(self.topics.recommendations, n) for n in range(PARTITIONS)]
        ends = reader.end_offsets(places)
        reader.close()
        return int(sum(ends.values()))

    def marks(self) -> dict[int, int]:
        """Partition -> the offset up to which the store says that it holds the clicks."""
        with redis.Redis.from_url(self.store.url) as client:
            found = client.hgetall(f"{self.topics.prefix}lookstream:marks")
        return {int(source.rsplit(b"-", 1)[1]): int(mark) for source, mark in found.items()}

    def start_rebuild(self, *options: str) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "rebuild", *options],
            env={"PATH": "", "PYTHONPATH": str(ROOT), **self.settings},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no other threads hold locks here
        )
        self.rebuilds.append(started)
        return started

    def rebuild(self, *options: str) -> str:
        """Run it to its end; what it said."""
        running = self.start_rebuild(*options)
        said, errors = running.communicate(timeout=120)
        assert running.returncode == 0, errors
        return said


def says_the_store_is_behind(worker: WorkerProcess) -> bool:
    """Whether its /readyz says what was lost, and what to do."""
    status, said = worker.get("/readyz")
    return status == 503 and "lookstream rebuild" in said and "profiles" in said
