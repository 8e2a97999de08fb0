"""The same cases through worker processes: an embedder and a recommender, as an operator runs them.

The broker is the embedded one, the store a real Valkey. All is published first; then the workers
must stay up, come to the end, and account for every record.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from kafka import KafkaConsumer, TopicPartition

from streams import topic_admin
from streams.delivery.dead_letters import read_dead_letter
from streams.errors import REASONS
from streams.local.broker import start_broker
from streams.local.children import Child
from streams.topics import Topics
from tests.fuzz import rules
from tests.fuzz.case import IMAGES, Case
from tests.fuzz.cases import make
from tests.support.processes import tail
from tests.support.small_models import export_small
from tests.support.valkey import Valkey
from tests.support.workers import ROOT, WorkerProcess

MEMORY_BYTES = 900_000_000
"""Most that a worker may ever hold; it asks the kernel for `rules.DATA_BYTES` at most."""
STILL_S = 180.0
"""A worker that counts nothing for so long stands still."""
_READ_S = 600.0
_COUNTED = "lookstream_events_total"
_PREFIX = "fuzz-"


@dataclass
class WorkerAccount:
    """What became of them."""

    published: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    letters: int = 0
    peak_bytes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)


def run(seed: int, count: int) -> WorkerAccount:
    """Publish the cases 0 to `count` of `seed`, and watch the workers work them off."""
    account, started_s = WorkerAccount(), time.monotonic()
    topics = Topics(_PREFIX)
    cases = [make(seed, number) for number in range(count)]
    with (
        tempfile.TemporaryDirectory(prefix="lookstream-fuzz-") as name,
        Valkey(Path(name)) as store,
    ):
        folder = Path(name)
        export_small(folder / "models")
        broker, kafka = start_broker(folder)
        workers: list[WorkerProcess] = []
        try:
            with topic_admin.connect(kafka) as admin:
                topic_admin.create(admin, topics, partitions=1, replication_factor=1)
            placed = asyncio.run(_publish(kafka, topics, cases))
            account.published = {topic: len(there) for topic, there in placed.items()}
            workers += _start(folder, kafka, store.url)
            _work_off(account, dict(zip(placed, workers, strict=True)), broker)
            if not account.findings:
                account.findings += _books(account, kafka, topics, placed)
                account.findings += _shown(folder, kafka, topics)
            account.findings += _said(workers)
        finally:
            for worker in workers:
                worker.kill()
            broker.stop()
    account.seconds = time.monotonic() - started_s
    return account


def _start(folder: Path, kafka: str, redis: str) -> Iterator[WorkerProcess]:
    """Both workers, each with its memory limited, in the order of the topics."""
    settings = _settings(kafka) | {
        "LOOKSTREAM_REDIS": redis,
        "LOOKSTREAM_MODELS_DIR": str(folder / "models"),
        "LOOKSTREAM_MODEL": "small",
        "LOOKSTREAM_MODEL_THREADS": "1",
        "LOOKSTREAM_DECODE_THREADS": "2",
        "LOOKSTREAM_SESSION_TIMEOUT_S": "20",
        "LOOKSTREAM_FETCH_MAX_WAIT_S": "0.02",
        "LOOKSTREAM_IDEMPOTENT_PRODUCER": "false",
        "LOOKSTREAM_LOG_LEVEL": "debug",
    }
    for name in ("embedder", "recommender"):
        worker = WorkerProcess(name, folder, settings)
        limit = (rules.DATA_BYTES, rules.DATA_BYTES)
        resource.prlimit(worker.process.pid, resource.RLIMIT_DATA, limit)
        yield worker


def _settings(kafka: str) -> dict[str, str]:
    return {"LOOKSTREAM_KAFKA": kafka, "LOOKSTREAM_TOPIC_PREFIX": _PREFIX}


class _Name(str):
    """A header's name that is any bytes: aiokafka writes what `encode` gives."""

    __slots__ = ("raw",)
    raw: bytes

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return self.raw


async def _publish(kafka: str, topics: Topics, cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Topic -> the cases that the broker took, in the order of their offsets."""
    placed: dict[str, list[Case]] = {topics.images: [], topics.clicks: []}
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, max_request_size=20_000_000, enable_idempotence=False
    )
    await producer.start()
    try:
        for case in cases:
            topic = topics.images if case.topic == IMAGES else topics.clicks
            batch = producer.create_batch()
            batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 20_000_000)
            names = [_Name(str(number)) for number in range(len(case.headers))]
            for name, (raw, _) in zip(names, case.headers, strict=True):
                name.raw = raw
            headers = [(name, v) for name, (_, v) in zip(names, case.headers, strict=True)]
            batch.append(
                timestamp=case.timestamp_ms, key=case.key, value=case.value, headers=headers
            )
            sent = await (await producer.send_batch(batch, topic, partition=0))
            assert sent.offset == len(placed[topic])
            placed[topic].append(case)
    finally:
        await producer.stop()
    return placed


def _work_off(account: WorkerAccount, workers: dict[str, WorkerProcess], broker: Child) -> None:
    """Until every record is counted, or a worker has ended or stands still."""
    moved_s = time.monotonic()
    while True:
        before = dict(account.counted)
        for topic, worker in workers.items():
            if worker.process.poll() is not None:
                ended = f"the {worker.name} ended with {worker.process.returncode}"
                account.findings.append(f"{ended}:\n{tail(worker.log)}")
                return
            account.counted[topic] = int(worker.count(_COUNTED))
            account.refused[topic] = int(worker.count(_COUNTED, outcome="dead-lettered"))
            account.peak_bytes[worker.name] = _peak_bytes(worker.process.pid)
        if account.counted != before:
            moved_s = time.monotonic()
        if all(account.counted[topic] >= count for topic, count in account.published.items()):
            break
        if time.monotonic() - moved_s > STILL_S:
            stands = f"{account.counted} of {account.published} are counted, and nothing moves"
            account.findings.append(stands)
            return
        time.sleep(0.2)
    for worker in workers.values():
        if worker.get("/healthz")[0] != 200 or worker.get("/readyz")[0] != 200:
            account.findings.append(f"the {worker.name} is not well: {worker.readiness()}")
        if account.peak_bytes[worker.name] > MEMORY_BYTES:
            held = f"{account.peak_bytes[worker.name] / 1e6:.0f} MB"
            account.findings.append(f"the {worker.name} held {held}")


def _books(
    account: WorkerAccount, kafka: str, topics: Topics, placed: dict[str, list[Case]]
) -> list[str]:
    """Each record is counted once, committed, and where it was refused its letter is whole."""
    wrong = [
        f"{account.counted[topic]} of {count} on {topic} are counted"
        for topic, count in account.published.items()
        if account.counted[topic] != count
    ]
    with topic_admin.connect(kafka) as admin:
        for topic, name in ((topics.images, "embedder"), (topics.clicks, "recommender")):
            end_s = time.monotonic() + 15
            group = f"{_PREFIX}lookstream-{name}"
            while (done := topic_admin.committed(admin, group, topic)) != {0: len(placed[topic])}:
                if time.monotonic() > end_s:
                    wrong.append(f"{topic} stands at {done}, of {len(placed[topic])}")
                    break
                time.sleep(0.5)
    seen = set()
    for record in _read(kafka, topics.dead_letters):
        letter = read_dead_letter(record)
        account.letters += 1
        case = placed[letter.topic][letter.offset]
        came = case.record(letter.offset)
        if (letter.key, letter.value, list(letter.headers)) != (
            came.key,
            came.value,
            list(came.headers),
        ):
            wrong.append(f"the dead letter of {letter.topic} {letter.offset} is not what came in")
        if letter.reason not in {str(reason) for reason in REASONS}:
            wrong.append(f"{letter.reason} is no documented reason")
        wrong += rules.leaks("a dead letter's detail", letter.detail.encode())
        seen.add((letter.topic, letter.offset))
    if not len(seen) == account.letters == sum(account.refused.values()):
        wrong.append(f"{account.letters} letters of {len(seen)} records, refused {account.refused}")
    return wrong


def _read(kafka: str, topic: str) -> Iterator[object]:
    consumer = KafkaConsumer(
        bootstrap_servers=kafka,
        group_id=None,
        fetch_max_wait_ms=20,
        # Small, since the embedded broker fills what it is allowed to; a larger record still comes.
        fetch_max_bytes=1_000_000,
        max_partition_fetch_bytes=1_000_000,
    )
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    (end,) = consumer.end_offsets([place]).values()
    end_s = time.monotonic() + _READ_S
    try:
        while consumer.position(place) < end:
            if time.monotonic() > end_s:
                at = consumer.position(place)
                raise AssertionError(f"{topic} is not read in {_READ_S:g} s: at {at} of {end}")
            for records in consumer.poll(timeout_ms=500).values():
                yield from records
    finally:
        consumer.close()


def _shown(folder: Path, kafka: str, topics: Topics) -> list[str]:
    """What `lookstream list` says of users that were made up, byte for byte."""
    keys = {record.key for record in _read(kafka, topics.recommendations)}
    strange = sorted(keys, key=lambda key: (key.isalnum(), key))[:5]
    wrong = [] if keys else ["there is no list of anybody"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LOOKSTREAM_")}
    for key in strange:
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", "list", "--", key.decode()],
            cwd=folder,
            env=environment | _settings(kafka) | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            wrong.append(f"`lookstream list` ended with {done.returncode}: {done.stderr[-500:]!r}")
        said = (done.stdout + done.stderr).replace(rules.MARK.encode(), b"")
        wrong += rules.leaks("`lookstream list`", said)
    return wrong


def _said(workers: Sequence[WorkerProcess]) -> list[str]:
    """Whether the log or the metrics of a worker hold a payload, or control characters."""
    wrong = []
    for worker in workers:
        for line in worker.log.read_bytes().splitlines():
            wrong += rules.leaks(f"the log of the {worker.name}", line)[:3]
        page = worker.get("/metrics")[1].encode()
        wrong += rules.leaks(f"the metrics page of the {worker.name}", page)
    return wrong[:10]


def _peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
