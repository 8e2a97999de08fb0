"""What lookstream is measured against: `python -m tests.bench.contenders NAME`.

echo   a bare Faust agent: one record in, one out
naive  a Faust agent as a user of Faust, numpy and redis would write it, one event at a time
plain  lookstream's own recommender in a plain aiokafka loop, without Faust

Each says in every record it publishes which click it answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import faust
import numpy as np
import redis.asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.agents.applying import ClickApplier
from streams.agents.fallback import FallbackItems
from streams.agents.past import Past
from streams.agents.publishing import ListWriter
from streams.agents.recommend import Recommender
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.core.rules import TasteRules
from streams.delivery import Batch
from streams.events import EventLimits
from streams.stores.item_index import ItemIndex
from streams.stores.log_look import LogLook
from streams.stores.redis_profiles import RedisProfiles
from streams.stores.replica import IndexReplica
from tests.bench.world import DIM, MODEL_ID

KAFKA = os.environ["BENCH_KAFKA"]
REDIS = os.environ["BENCH_REDIS"]
PREFIX = os.environ["BENCH_PREFIX"]
VECTORS = Path(os.environ["BENCH_VECTORS"])
SNAPSHOTS = Path(os.environ["BENCH_SNAPSHOTS"])
LISTED = 20


def _faust_app(name: str) -> faust.App:
    return faust.App(
        f"{PREFIX}{name}",
        broker=f"kafka://{KAFKA}",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        value_serializer="raw",
        key_serializer="raw",
        consumer_auto_offset_reset="earliest",
        datadir=str(SNAPSHOTS / "faust"),
    )


def echo() -> None:
    app = _faust_app("echo")
    clicks = app.topic(f"{PREFIX}clicks", key_type=bytes, value_type=bytes)
    out = app.topic(f"{PREFIX}recommendations", key_type=bytes, value_type=bytes)

    @app.agent(clicks)
    async def answer(stream: faust.Stream) -> None:
        async for event in stream.events():
            message = event.message
            said = {"trigger": {"partition": message.partition, "offset": message.offset}}
            await out.send(key=message.key, value=json.dumps(said).encode())

    _run(app)


def naive() -> None:
    app = _faust_app("naive")
    clicks = app.topic(f"{PREFIX}clicks", key_type=bytes, value_type=bytes)
    out = app.topic(f"{PREFIX}recommendations", key_type=bytes, value_type=bytes)
    vectors = np.load(VECTORS)
    numbers = {f"item-{n:06d}": n for n in range(len(vectors))}
    ids = list(numbers)
    store = redis.asyncio.Redis.from_url(REDIS)

    @app.agent(clicks)
    async def recommend(stream: faust.Stream) -> None:
        async for event in stream.events():
            message = event.message
            user, click = message.key.decode(), json.loads(message.value)
            raw = await store.get(f"{PREFIX}{user}")
            profile = json.loads(raw) if raw else {"taste": [0.0] * DIM, "seen": []}
            clicked = numbers[click["item_id"]]
            taste = 0.8 * np.array(profile["taste"], np.float32) + 0.2 * vectors[clicked]
            seen = [*profile["seen"], clicked][-300:]
            scores = vectors @ taste
            scores[seen] = -np.inf
            top = np.argpartition(-scores, LISTED)[:LISTED]
            top = top[np.argsort(-scores[top])]
            await store.set(f"{PREFIX}{user}", json.dumps({"taste": taste.tolist(), "seen": seen}))
            said = {
                "user_id": user,
                "trigger": {"partition": message.partition, "offset": message.offset},
                "items": [{"item_id": ids[n], "score": float(scores[n])} for n in top],
            }
            await out.send(key=message.key, value=json.dumps(said).encode())

    _run(app)


def _run(app: faust.App) -> None:
    worker = faust.Worker(app, loglevel="INFO", logfile=str(SNAPSHOTS / "faust.log"))
    worker.execute_from_commandline()


class _Unmeasured:
    def profile_bytes(self, sizes: Iterable[int]) -> None: ...
    def click_to_list(self, seconds: Iterable[float]) -> None: ...


async def plain() -> None:
    index = ItemIndex(MODEL_ID, DIM)
    store = RedisProfiles(REDIS, prefix=f"{PREFIX}plain:")
    past = Past(store, LogLook(KAFKA, 500))
    fallback = FallbackItems(store, index, past.check)
    slices = Slices()
    recommender = Recommender(
        applier=ClickApplier(
            catalogue=index,
            store=store,
            past=past,
            rules=TasteRules(),
            event_limits=EventLimits(),
            popularity_half_life_s=3 * 86_400.0,
            stages=Stages(),
            slices=slices,
            measures=_Unmeasured(),
        ),
        index=index,
        fallback=fallback,
        writer=ListWriter(f"{PREFIX}recommendations", index, TasteRules(), time.time),
        rules=TasteRules(),
        remembered_searches=20_000,
        stages=Stages(),
        slices=slices,
        clock=time.time,
        measures=_Unmeasured(),
    )
    replica = IndexReplica(
        index, kafka=KAFKA, topic=os.environ["BENCH_ITEMS"], snapshot_dir=SNAPSHOTS / "plain"
    )
    following = asyncio.create_task(replica.run())
    await replica.caught_up.wait()
    await fallback.refresh()
    consumer = AIOKafkaConsumer(
        f"{PREFIX}clicks",
        bootstrap_servers=KAFKA,
        group_id=f"{PREFIX}plain",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=KAFKA, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    print("the index has caught up", flush=True)
    committed_s = time.monotonic()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, following.cancel)
    while not following.done():
        fetched = await consumer.getmany(timeout_ms=500, max_records=256)
        batch = Batch([record for records in fetched.values() for record in records])
        await recommender.handle(batch)
        acked = [
            await producer.send(m.topic, m.value, m.key, headers=list(m.headers))
            for m in batch.sends
        ]
        await asyncio.gather(*acked)
        if time.monotonic() - committed_s > 1.0:
            await consumer.commit()
            committed_s = time.monotonic()
    await asyncio.wait([following])


if __name__ == "__main__":
    match sys.argv[1]:
        case "echo":
            echo()
        case "naive":
            naive()
        case "plain":
            asyncio.run(plain())
