"""The item index's replica on a real Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from aiokafka import AIOKafkaProducer

from streams.embeddings import (
    FactRecord,
    ItemRecord,
    ViewRecord,
    WithdrawnRecord,
    encode_facts,
    encode_view,
    encode_withdrawal,
    partition_for,
)
from streams.stores import replica as replica_module
from streams.stores import replica_log
from streams.stores.item_index import ItemIndex
from streams.stores.replica import IndexReplica
from streams.stores.replica_log import LogChanged
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until_async
from tests.unit.stores.items import DIM, MODEL, PlainIndex, same, unit, view

pytestmark = pytest.mark.integration

COMPACT = {"cleanup.policy": "compact"}
IDS = [f"item-{n}" for n in range(200)]
Pair = tuple[bytes, bytes | None]


class Heard:
    """Keeps what a replica tells."""

    def __init__(self) -> None:
        self.pictures_s: list[float] = []
        self.skipped: dict[str, int] = {}
        self.items = 0
        self.progress: list[tuple[int, int]] = []

    def picture_to_index(self, seconds: Sequence[float]) -> None:
        self.pictures_s += seconds

    def index_skipped(self, reason: str, records: int = 1) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + records

    def index(self, *, items: int, memory_bytes: int) -> None:
        self.items = items


@contextlib.asynccontextmanager
async def following(
    kafka: Kafka, topic: str, snapshot_dir: Path | None = None, dim: int = DIM, exact_rows: int = 50
) -> AsyncIterator[tuple[ItemIndex, IndexReplica, Heard, asyncio.Task[None]]]:
    """An index whose replica has caught up; stopped at the end."""
    index = ItemIndex(MODEL, dim, max_items=50_000, exact_rows=exact_rows)
    heard = Heard()
    replica = IndexReplica(
        index,
        kafka=kafka.address,
        topic=topic,
        snapshot_dir=snapshot_dir,
        observer=heard,
        on_progress=lambda done, total: heard.progress.append((done, total)),
    )
    task = asyncio.create_task(replica.run())
    waiting = asyncio.create_task(replica.caught_up.wait())
    try:
        await asyncio.wait([task, waiting], timeout=30, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        assert replica.caught_up.is_set(), "it has not caught up within 30 s"
        yield index, replica, heard, task
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


def story(records: int, seed: int) -> list[ItemRecord]:
    rng = random.Random(seed)
    log: list[ItemRecord] = []
    for n in range(records):
        item_id = rng.choice(IDS)
        log += rng.choices(
            [
                [view(item_id, n, name=rng.choice(["main", "back"]), at_ms=1_000_000 + n)],
                [FactRecord(item_id, "available", rng.random() < 0.7)],
                [FactRecord(item_id, "title", f"title {n}")],
                [WithdrawnRecord(item_id, n)],
            ],
            weights=[8, 1, 1, 1],
        )[0]
    return log


def encoded(log: Sequence[ItemRecord]) -> list[Pair]:
    pairs: list[Pair] = []
    for record in log:
        match record:
            case ViewRecord():
                pairs.append(
                    encode_view(
                        item_id=record.item_id,
                        view=record.view,
                        model_id=record.model_id,
                        vector=record.vector,
                        picture_hash=record.picture_hash,
                        at_ms=record.at_ms,
                    )
                )
            case FactRecord(name="available", value=bool(value)):
                pairs += encode_facts(record.item_id, {"available": value})
            case FactRecord(name="title", value=str(title)):
                pairs += encode_facts(record.item_id, {"title": title})
            case WithdrawnRecord():
                pairs += encode_withdrawal(record.item_id, record.at_ms)
    return pairs


def publish(kafka: Kafka, topic: str, partitions: int, log: Sequence[ItemRecord]) -> PlainIndex:
    """Publish each item's records to its partition; the reference that heard the same."""
    plain = PlainIndex()
    by_partition: dict[int, list[Pair]] = {}
    for record in log:
        plain.apply(record)
        partition = partition_for(record.item_id, partitions)
        by_partition.setdefault(partition, []).extend(encoded([record]))
    for partition, pairs in by_partition.items():
        kafka.produce(topic, pairs, partition=partition)
    return plain


def agrees(index: ItemIndex, plain: PlainIndex) -> bool:
    try:
        same(index, plain, IDS)
    except AssertionError:
        return False
    return True


async def test_it_reads_everything_then_follows(kafka: Kafka, topic_prefix: str) -> None:
    topic = kafka.create_topic(topic_prefix + "items", 3, COMPACT)
    log = story(1500, seed=1)
    plain = publish(kafka, topic, 3, log)
    async with following(kafka, topic) as (index, replica, heard, _):
        same(index, plain, IDS)
        assert heard.pictures_s == []
        assert heard.progress[-1][0] == heard.progress[-1][1] > 1500

        now_ms = round(time.time() * 1000)
        fresh = view("item-new", 5000, at_ms=now_ms)
        plain.apply(fresh)
        kafka.produce(topic, encoded([fresh]), partition=partition_for("item-new", 3))
        await wait_until_async(lambda: heard.pictures_s, 5.0, "the new picture is in the index")
        same(index, plain, [*IDS, "item-new"])
        assert heard.pictures_s[0] < 5.0
        await wait_until_async(
            lambda: replica.stale_s < 5.0, 10.0, "the index is known to be fresh"
        )
        await wait_until_async(lambda: heard.items == len(index), 5.0, "the size is told")


async def test_an_empty_topic_is_caught_up_with_at_once(kafka: Kafka, topic_prefix: str) -> None:
    topic = kafka.create_topic(topic_prefix + "items", 2, COMPACT)
    async with following(kafka, topic) as (index, _, _, _):
        assert len(index) == 0


async def test_a_topic_that_ends_in_gaps_is_caught_up_with(kafka: Kafka, topic_prefix: str) -> None:
    """Transaction markers take offsets, and so do records that were rolled back."""
    topic = kafka.create_topic(topic_prefix + "items", 1, COMPACT)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.address, transactional_id=topic_prefix + "writer"
    )
    await producer.start()
    async with producer.transaction():
        for key, value in encoded([view("item-1", 1)]):
            await producer.send_and_wait(topic, key=key, value=value)
    await producer.stop()
    assert kafka.end_offsets(topic) == {0: 2}
    async with following(kafka, topic) as (index, _, _, _):
        assert index.number("item-1") is not None


async def test_a_compacted_topic_gives_the_same_items(kafka: Kafka, topic_prefix: str) -> None:
    config = COMPACT | {
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.01",
        "max.compaction.lag.ms": "200",
        "delete.retention.ms": "100",
    }
    topic = kafka.create_topic(topic_prefix + "items", 1, config)
    log = story(1200, seed=9)
    plain = publish(kafka, topic, 1, log)

    def compacted() -> bool:
        # A new record closes the segment before it.
        kafka.produce(topic, encoded([FactRecord("item-0", "title", "last")]), partition=0)
        return len(kafka.read_all(topic)) < 900

    await asyncio.to_thread(
        lambda: asyncio.run(wait_until_async(compacted, 60.0, "Kafka has compacted", poll_s=0.3))
    )
    plain.apply(FactRecord("item-0", "title", "last"))
    async with following(kafka, topic) as (index, _, _, _):
        for item_id in IDS:
            assert (index.number(item_id) is None) == (item_id not in plain.views)
        assert len(index) == len(plain.views)


async def test_unreadable_records_and_other_models_are_left_out_and_counted(
    kafka: Kafka, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic = kafka.create_topic(topic_prefix + "items", 1, {})
    good = encoded([view("item-1", 1), view("item-2", 2, model_id="other@9")])
    garbage: list[tuple[bytes | None, bytes | None]] = [
        (None, b"\x01"),
        (b"item-3", b"\x01"),
        (b"item-3\0v:main", b"\x01\x02"),
        (b"item-3\0v:main", b"\x01\x03"),
        (b"\xff\xfe\0v:main", b"\x01"),
        (b"item-3\0f:title", b"\x01{\x1b[31m"),
        (b"item-3\0v:main", None),
    ]
    kafka.produce(topic, [*garbage, *good], partition=0)
    with caplog.at_level(logging.ERROR):
        async with following(kafka, topic) as (index, _, heard, _):
            assert len(index) == 1
            assert heard.skipped == {"unreadable": 6, "other-model": 1}
    assert "\x1b" not in caplog.text
    told = [record for record in caplog.records if "can't be read" in record.message]
    assert 3 <= len(told) <= 5


async def test_the_next_start_reads_only_what_the_snapshot_lacks(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    topic = kafka.create_topic(topic_prefix + "items", 2, COMPACT)
    log = story(2000, seed=3)
    publish(kafka, topic, 2, log[:1500])
    async with following(kafka, topic, tmp_path) as (index, _, heard, _):
        assert heard.progress[-1][1] > 1000
        await wait_until_async(
            lambda: index.state.search.waiting == 0, 10.0, "the graph has been built"
        )
    publish(kafka, topic, 2, log[1500:])
    plain = PlainIndex()
    for record in log:
        plain.apply(record)
    async with following(kafka, topic, tmp_path) as (index, _, heard, _):
        same(index, plain, IDS)
        assert heard.progress[-1][1] < 1000
        assert index.state.search.graph is not None


async def test_a_snapshot_of_a_topic_made_anew_is_not_used(
    own_kafka: Kafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    topic = own_kafka.create_topic("items", 1, COMPACT)
    publish(own_kafka, topic, 1, story(100, seed=1))
    async with following(own_kafka, topic, tmp_path):
        pass
    own_kafka.admin.delete_topics([topic])
    await wait_until_async(
        lambda: topic not in own_kafka.admin.list_topics(), 20.0, "the topic is gone"
    )
    own_kafka.create_topic(topic, 1, COMPACT)
    plain = publish(own_kafka, topic, 1, story(300, seed=2))
    with caplog.at_level(logging.WARNING):
        async with following(own_kafka, topic, tmp_path) as (index, _, _, _):
            same(index, plain, IDS)
    assert "another record stands where the snapshot's last one stood" in caplog.text


async def test_a_snapshot_ahead_of_the_topic_is_not_used(
    own_kafka: Kafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    topic = own_kafka.create_topic("items", 1, COMPACT)
    publish(own_kafka, topic, 1, story(300, seed=1))
    async with following(own_kafka, topic, tmp_path):
        pass
    own_kafka.admin.delete_topics([topic])
    await wait_until_async(
        lambda: topic not in own_kafka.admin.list_topics(), 20.0, "the topic is gone"
    )
    own_kafka.create_topic(topic, 1, COMPACT)
    plain = publish(own_kafka, topic, 1, story(30, seed=2))
    with caplog.at_level(logging.WARNING):
        async with following(own_kafka, topic, tmp_path) as (index, _, _, _):
            same(index, plain, IDS)
    assert "had been read to" in caplog.text


async def test_it_waits_for_a_broker_that_is_away_and_goes_on(
    own_kafka: Kafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(replica_module, "_PROBE_EVERY_S", 0.2)
    topic = own_kafka.create_topic("items", 2, COMPACT)
    log = story(200, seed=1)
    plain = publish(own_kafka, topic, 2, log)
    async with following(own_kafka, topic) as (index, replica, _, task):
        own_kafka.kill()
        with caplog.at_level(logging.ERROR):
            await wait_until_async(
                lambda: "can't follow" in caplog.text, 40.0, "it says that the broker is away"
            )
        assert replica.stale_s > 0.5
        same(index, plain, IDS)
        await asyncio.to_thread(own_kafka.start)
        late = view("item-late", 7000)
        plain.apply(late)
        own_kafka.produce(topic, encoded([late]), partition=partition_for("item-late", 2))
        await wait_until_async(
            lambda: index.number("item-late") is not None, 40.0, "the late picture is there"
        )
        same(index, plain, [*IDS, "item-late"])
        assert not task.done()


async def test_it_waits_for_a_topic_that_is_not_there_yet(
    kafka: Kafka, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic = topic_prefix + "items"
    index = ItemIndex(MODEL, DIM, max_items=100)
    replica = IndexReplica(index, kafka=kafka.address, topic=topic)
    task = asyncio.create_task(replica.run())
    with caplog.at_level(logging.ERROR):
        await wait_until_async(
            lambda: "lookstream topics create" in caplog.text, 20.0, "it says what to do"
        )
    await asyncio.to_thread(kafka.create_topic, topic, 1, COMPACT)
    await asyncio.wait_for(replica.caught_up.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_new_partitions_are_read_too(
    own_kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica_log, "_METADATA_MAX_AGE_MS", 300)
    topic = own_kafka.create_topic("items", 1, COMPACT)
    async with following(own_kafka, topic) as (index, _, _, _):
        own_kafka.admin.create_partitions({topic: 2})
        await wait_until_async(
            lambda: len(own_kafka.end_offsets(topic)) == 2, 20.0, "there are two partitions"
        )
        async with AIOKafkaProducer(bootstrap_servers=own_kafka.address) as producer:
            for partition, item_id in enumerate(("item-a", "item-b")):
                for key, value in encoded([view(item_id, 1)]):
                    await producer.send_and_wait(topic, value, key, partition=partition)
        await wait_until_async(
            lambda: len(index) == 2, 60.0, "both partitions are read, the old one too"
        )


async def test_a_topic_made_anew_while_it_follows_ends_it(own_kafka: Kafka) -> None:
    """Item numbers are in use: only a new process may begin from nothing."""
    topic = own_kafka.create_topic("items", 1, COMPACT)
    publish(own_kafka, topic, 1, story(200, seed=1))
    async with following(own_kafka, topic) as (_, _, _, task):
        own_kafka.admin.delete_topics([topic])
        await wait_until_async(
            lambda: topic not in own_kafka.admin.list_topics(), 20.0, "the topic is gone"
        )
        own_kafka.create_topic(topic, 1, COMPACT)
        own_kafka.produce(topic, encoded([view("item-a", 1)]), partition=0)
        await asyncio.wait([task], timeout=60)
        assert task.done()
        assert isinstance(task.exception(), LogChanged)


async def test_reading_and_building_leave_the_loop_its_turns(
    kafka: Kafka, topic_prefix: str
) -> None:
    """CPU time between two turns of this thread, so that a busy machine doesn't fail the test."""
    topic = kafka.create_topic(topic_prefix + "items", 1, COMPACT)
    log: list[ItemRecord] = [view(f"item-{n}", n % 700, dim=64) for n in range(6000)]
    await asyncio.to_thread(publish, kafka, topic, 1, log)
    gc.collect()
    gc.freeze()  # a pause of the collector is not ours
    turns_s: list[float] = []

    async def probe() -> None:
        began_s = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now_s = time.thread_time()
            turns_s.append(now_s - began_s)
            began_s = now_s

    probing = asyncio.create_task(probe())
    async with following(kafka, topic, dim=64, exact_rows=1000) as (index, _, _, _):
        await wait_until_async(
            lambda: index.state.search.waiting == 0, 60.0, "the graph has been built"
        )
        numbers, _ = index.search(unit(3, 64).astype(np.float32)[None, :], 5)
        assert (numbers >= 0).all()
    probing.cancel()
    gc.unfreeze()
    assert max(turns_s) < 0.02
