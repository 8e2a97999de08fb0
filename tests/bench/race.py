"""One contender at a time: CPU for each list, lists a second, click to list at a steady pace."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import numpy as np
import orjson
import psutil
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams import topic_admin
from streams.embeddings import encode_view, partition_for
from streams.topics import Topics
from tests.bench.world import MODEL, MODEL_ID, MODELS, World
from tests.support.processes import end, spawn, tail
from tests.support.waiting import wait_until

PARTITIONS = 4
ROOT = Path(__file__).resolve().parents[2]
_CALM_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Load:
    """How many clicks: to make profiles, to be measured as a backlog, and at a pace."""

    warm_up: int
    measured: int
    paced: int
    pace_hz: float = 300.0


@dataclass(frozen=True)
class Result:
    """What one contender did. Times in seconds."""

    cpu_us: float
    lists_hz: float
    p50_s: float
    p99_s: float


class Course:
    """Topics of one contender on the shared broker."""

    def __init__(self, kafka: str, redis: str, folder: Path, name: str) -> None:
        self.name = name
        self.kafka = kafka
        self.redis = redis
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.topics = Topics(f"{folder.name}-{name}-")
        with topic_admin.connect(kafka) as admin:
            topic_admin.create(admin, self.topics, partitions=PARTITIONS, replication_factor=1)
        self.producer = KafkaProducer(
            bootstrap_servers=kafka, acks=1, linger_ms=5, batch_size=131_072
        )

    def publish_items(self, world: World) -> None:
        """The catalogue, as an embedder would have left it."""
        topic = self.topics.item_embeddings
        for number, vector in enumerate(world.vectors):
            item_id = world.item_id(number)
            key, value = encode_view(
                item_id=item_id,
                view="main",
                model_id=MODEL_ID,
                vector=vector,
                picture_hash=number * 0x9E3779B97F4A7C15 % 2**64,
                at_ms=1_800_000_000_000 + number,
            )
            self.producer.send(
                topic, key=key, value=value, partition=partition_for(item_id, PARTITIONS)
            )
        self.producer.flush(120)

    def environment(self, vectors: Path, items_topic: str) -> dict[str, str]:
        """For the contenders of contenders.py."""
        return {
            **os.environ,
            **_CALM_THREADS,
            "PYTHONPATH": str(ROOT),
            "BENCH_KAFKA": self.kafka,
            "BENCH_REDIS": self.redis,
            "BENCH_PREFIX": self.topics.prefix,
            "BENCH_VECTORS": str(vectors),
            "BENCH_SNAPSHOTS": str(self.folder),
            "BENCH_ITEMS": items_topic,
        }

    def own_environment(self) -> dict[str, str]:
        """For lookstream's own recommender."""
        return {
            **os.environ,
            **_CALM_THREADS,
            "LOOKSTREAM_KAFKA": self.kafka,
            "LOOKSTREAM_REDIS": self.redis,
            "LOOKSTREAM_TOPIC_PREFIX": self.topics.prefix,
            "LOOKSTREAM_MODELS_DIR": str(MODELS),
            "LOOKSTREAM_MODEL": MODEL,
            "LOOKSTREAM_SNAPSHOT_DIR": str(self.folder / "own"),
            "LOOKSTREAM_HTTP": "127.0.0.1:0",
        }

    def command(self) -> Sequence[str]:
        if self.name == "lookstream":
            return [sys.executable, "-m", "streams.cli", "run", "recommender"]
        return [sys.executable, "-m", "tests.bench.contenders", self.name]


def prepare(course: Course, environment: dict[str, str]) -> None:
    """Let a contender that keeps a snapshot of its index build it once, as an old hand would have.

    A graph of 100,000 vectors takes half a minute of CPU, which no list should be charged with.
    """
    log = course.folder / f"{course.name}-prepare.log"
    process = spawn(list(course.command()), log=log, cwd=course.folder, env=environment)
    try:
        watched = psutil.Process(process.pid)
        wait_until(lambda: "caught up" in tail(log), 120, f"{course.name} has read its catalogue")
        before = [_cpu_s(watched), time.perf_counter()]

        def idle() -> bool:
            """Less than a tenth of a core over the last two seconds."""
            if time.perf_counter() - before[1] < 2.0:
                return False
            used_s, before[:] = _cpu_s(watched) - before[0], [_cpu_s(watched), time.perf_counter()]
            return used_s < 0.2

        wait_until(idle, 200, f"{course.name} has built its index")
    finally:
        end(process, graceful_s=30)


def run(course: Course, environment: dict[str, str], world: World, load: Load) -> Result:
    """Start the contender, work off a backlog, then clicks at a steady pace; stop it."""
    send = course.producer.send
    for key, value in world.clicks(load.warm_up + load.measured, seed=1):
        send(course.topics.clicks, key=key, value=value)
    course.producer.flush(60)
    log = course.folder / f"{course.name}.log"
    process = spawn(list(course.command()), log=log, cwd=course.folder, env=environment)
    try:
        watched = psutil.Process(process.pid)
        reader = KafkaConsumer(bootstrap_servers=course.kafka, group_id=None)
        places = [
            TopicPartition(course.topics.recommendations, number) for number in range(PARTITIONS)
        ]

        def lists() -> int:
            if process.poll() is not None:
                raise AssertionError(f"{course.name} ended:\n{tail(log)}")
            return int(sum(reader.end_offsets(places).values()))

        first = wait_until(lambda: max(lists() - load.warm_up, 0), 180, "the warm-up is done")
        began_s, began_cpu_s = time.perf_counter(), _cpu_s(watched)
        wanted = load.warm_up + load.measured
        total = wait_until(lambda: max(lists() - wanted + 1, 0), 240, "the backlog is worked off")
        seconds, cpu_s = time.perf_counter() - began_s, _cpu_s(watched) - began_cpu_s
        done = total + wanted - 1 - load.warm_up - first
        latencies = _paced(course, reader, places, world, load)
        return Result(
            cpu_us=cpu_s / done * 1e6,
            lists_hz=done / seconds,
            p50_s=float(np.quantile(latencies, 0.5)),
            p99_s=float(np.quantile(latencies, 0.99)),
        )
    finally:
        end(process, graceful_s=15)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _paced(
    course: Course,
    reader: KafkaConsumer,
    places: list[TopicPartition],
    world: World,
    load: Load,
) -> list[float]:
    """Seconds from sending each click to reading its list."""
    arrived: dict[tuple[int, int], float] = {}
    enough = Event()
    reader.assign(places)
    reader.seek_to_end(*places)
    for place in places:
        reader.position(place)  # seeks now, not at the first poll

    def read() -> None:
        while not enough.is_set():
            for records in reader.poll(timeout_ms=100).values():
                now_s = time.perf_counter()
                for record in records:
                    trigger = orjson.loads(record.value)["trigger"]
                    if trigger is not None:
                        arrived[trigger["partition"], trigger["offset"]] = now_s

    thread = Thread(target=read, daemon=True)
    thread.start()
    producer = KafkaProducer(bootstrap_servers=course.kafka, acks=1, linger_ms=0)
    sent = []
    start_s = time.perf_counter()
    for number, (key, value) in enumerate(world.clicks(load.paced, seed=2)):
        due_s = start_s + number / load.pace_hz
        while (left_s := due_s - time.perf_counter()) > 0:
            time.sleep(left_s)
        sent.append(
            (time.perf_counter(), producer.send(course.topics.clicks, key=key, value=value))
        )
    placed = [(at_s, future.get(30)) for at_s, future in sent]
    wait_until(
        lambda: all((m.partition, m.offset) in arrived for _, m in placed),
        60,
        "every click has its list",
    )
    enough.set()
    thread.join()
    producer.close()
    return [arrived[meta.partition, meta.offset] - at_s for at_s, meta in placed]
