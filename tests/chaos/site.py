"""The site: a broker, a store, the proxy between, and the workers' slots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from streams import topic_admin
from streams.settings import Settings, load_settings
from streams.topics import Topics
from tests.chaos.frozen import Published, published
from tests.chaos.pipes import Copier
from tests.chaos.proxy import Proxy
from tests.chaos.slots import Slot
from tests.support.kafka import Kafka
from tests.support.valkey import Valkey
from tests.support.workers import ROOT

PARTITIONS = 6
SESSION_TIMEOUT_S = 6.0
# A broker that found its log torn, on a machine that has other things to do.
SERVES_WITHIN_S = 180.0
# The last one of them is a spare: it joins and leaves in bursts.
RECOMMENDERS = ("r1", "r2", "r3", "spare")
EMBEDDERS = ("e1", "e2")
LEARNERS = ("l1",)
KINDS = {
    **dict.fromkeys(RECOMMENDERS, "recommender"),
    **dict.fromkeys(EMBEDDERS, "embedder"),
    **dict.fromkeys(LEARNERS, "learner"),
}
SPARE = "spare"

_SETTINGS = {
    "LOOKSTREAM_TOPIC_PREFIX": "chaos-",
    "LOOKSTREAM_MODELS_DIR": str(ROOT / "exported_models"),
    "LOOKSTREAM_MODEL": "resnet50-thin:int8",
    "LOOKSTREAM_MODEL_THREADS": "1",
    "LOOKSTREAM_DECODE_THREADS": "1",
    "LOOKSTREAM_SESSION_TIMEOUT_S": f"{SESSION_TIMEOUT_S:g}",
    "LOOKSTREAM_STOP_TIMEOUT_S": "10",
    "LOOKSTREAM_FETCH_MAX_WAIT_S": "0.1",
    "LOOKSTREAM_SNAPSHOT_EVERY_S": "10",
    "LOOKSTREAM_LIST_LENGTH": "5",
    "LOOKSTREAM_LEARNED_ITEMS": "5000",
    # Shorter than nothing may come for, before all is taken to be told.
    "LOOKSTREAM_ITEM_SIGNALS_EVERY_S": "2",
    # So that all that is learned follows from the log of interactions.
    "LOOKSTREAM_LEARNER_PICTURES": "false",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
# So that compaction is at work during the run. Lists are all kept: the judge wants to see them.
_ITEM_CONFIG = {
    "segment.ms": "15000",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "20000",
    "delete.retention.ms": "10000",
}
_LIST_CONFIG = {"min.compaction.lag.ms": str(86_400_000)}


class Site:
    """Everything that runs. Made by `running_site`.

    frozen     whether its learner is, from the start; `published`: what it had learned before.
    broker_thread, store_thread  what is done to a server is done in its own thread, in order.
    """

    def __init__(self, folder: Path, sabotage: str | None, *, frozen: bool) -> None:
        self.folder = folder
        self.frozen = frozen
        self._given = {**_SETTINGS, "LOOKSTREAM_LEARNER_FROZEN": str(frozen).lower()}
        self.proxy = Proxy()
        self.copier = Copier()
        names = tuple(KINDS)
        to_kafka = {name: self.proxy.link() for name in names}
        to_redis = {name: self.proxy.link(redis=True) for name in names}
        self.kafka = Kafka(
            folder / "kafka",
            {"log.cleaner.backoff.ms": "2000"},
            {name: link.port for name, link in to_kafka.items()},
        )
        self.store = Valkey(
            folder / "store", append_only=True, args=("--busy-reply-threshold", "200")
        )
        self.broker_thread = ThreadPoolExecutor(1, "broker")
        self.store_thread = ThreadPoolExecutor(1, "store")
        self.slots = {
            name: Slot(
                name,
                KINDS[name],
                folder / name,
                self._given,
                kafka=to_kafka[name],
                redis=to_redis[name],
                copier=self.copier,
                sabotage=sabotage,
            )
            for name in names
        }
        for name in names:
            to_kafka[name].upstream = self.kafka.behind(name)
            to_redis[name].upstream = self.store.port

    @property
    def settings(self) -> Settings:
        """What the workers are told, as the product reads it."""
        prefix = "LOOKSTREAM_"
        given: Mapping[str, str] = {
            name.removeprefix(prefix).lower(): value
            for name, value in self._given.items()
            if name.startswith(prefix)
        }
        return load_settings(**given, redis=self.store.url, kafka=self.kafka.address)

    @cached_property
    def published(self) -> Published:
        """What stands in the learner's topics before it is started; nothing unless it is frozen."""
        return published(self.settings) if self.frozen else {}

    @property
    def topics(self) -> Topics:
        """The topics of this site."""
        return self.settings.topics()

    def of_kind(self, kind: str) -> list[Slot]:
        """The slots of this kind of worker."""
        return [slot for slot in self.slots.values() if slot.kind == kind]

    def start_servers(self) -> None:
        """Broker and store, each in its thread, since children die with the thread that made them;
        and the topics."""
        starting = [
            self.broker_thread.submit(self.kafka.start, SERVES_WITHIN_S),
            self.store_thread.submit(self.store.start, SERVES_WITHIN_S),
        ]
        for each in starting:
            each.result()
        topics = self.topics
        own = {topics.item_embeddings: _ITEM_CONFIG, topics.recommendations: _LIST_CONFIG}
        wanted = [
            replace(topic, config={**topic.config, **own.get(topic.name, {})}) for topic in topics
        ]
        with topic_admin.connect(self.kafka.address) as admin:
            topic_admin.create(admin, wanted, partitions=PARTITIONS, replication_factor=1)

    def stop_workers(self) -> None:
        """SIGTERM to all that run, at once; waits for their ends."""
        stopping = [slot.thread.submit(slot.terminate) for slot in self.slots.values()]
        for each in stopping:
            each.result()

    def close(self) -> None:
        """End what still runs, by force."""
        for slot in self.slots.values():
            slot.thread.submit(slot.kill).result()
            slot.thread.shutdown()
        self.copier.close()
        self.kafka.kill()
        self.store.kill()
        for thread in (self.broker_thread, self.store_thread):
            thread.shutdown()
        self.proxy.close()


@contextmanager
def running_site(folder: Path, sabotage: str | None, *, frozen: bool) -> Iterator[Site]:
    """A site whose servers serve; everything of it has ended when this ends."""
    site = Site(folder, sabotage, frozen=frozen)
    try:
        site.start_servers()
        yield site
    finally:
        site.close()
