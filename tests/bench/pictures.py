"""Pictures a second from Kafka to embedding, against the raw session of the same model."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path

import numpy as np
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from PIL import Image

from inference.encoder import Encoder
from inference.pictures import PictureLimits
from streams import topic_admin
from streams.topics import Topics
from tests.bench.world import MODEL, MODELS
from tests.support.processes import end, spawn, tail
from tests.support.waiting import wait_until

VARIANT = f"{MODEL}:int8"
BATCH = 32
PARTITIONS = 4


def pictures(count: int) -> list[bytes]:
    """JPEGs of 400 x 300 with smooth colours and some noise: about 20 kB each."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(count):
        small = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((400, 300), Image.Resampling.BICUBIC)
        noisy = np.asarray(picture, np.int16) + rng.integers(-12, 12, (300, 400, 3))
        out = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=80)
        made.append(out.getvalue())
    return made


def raw_hz(data: list[bytes], seconds: float = 8.0) -> float:
    """Pictures a second of `session.run` alone, on one thread, pixels ready in memory."""
    encoder = Encoder(MODELS, VARIANT, device="cpu", threads=1)
    limits = PictureLimits()
    pixels = np.stack([encoder.prepare(each, limits).pixels for each in data[:BATCH]])
    encoder.encode(pixels)
    start_s, done = time.perf_counter(), 0
    while (spent_s := time.perf_counter() - start_s) < seconds:
        encoder.encode(pixels)
        done += BATCH
    return done / spent_s


def road_hz(kafka: str, redis: str, folder: Path, data: list[bytes], count: int) -> float:
    """Pictures a second of an embedder process working off a backlog of `count`."""
    folder.mkdir(parents=True, exist_ok=True)
    topics = Topics(f"{folder.name}-pictures-")
    with topic_admin.connect(kafka) as admin:
        topic_admin.create(admin, topics, partitions=PARTITIONS, replication_factor=1)
    producer = KafkaProducer(bootstrap_servers=kafka, acks=1)
    for number in range(count):
        producer.send(topics.images, key=f"item-{number}".encode(), value=data[number % len(data)])
    producer.flush(60)
    producer.close()
    log = folder / "embedder.log"
    environment = {
        **os.environ,
        "LOOKSTREAM_KAFKA": kafka,
        "LOOKSTREAM_REDIS": redis,
        "LOOKSTREAM_TOPIC_PREFIX": topics.prefix,
        "LOOKSTREAM_MODELS_DIR": str(MODELS),
        "LOOKSTREAM_MODEL": VARIANT,
        "LOOKSTREAM_MODEL_THREADS": "1",
        "LOOKSTREAM_EMBED_BATCH": str(BATCH),
        "LOOKSTREAM_HTTP": "127.0.0.1:0",
    }
    process = spawn(
        [sys.executable, "-m", "streams.cli", "run", "embedder"],
        log=log,
        cwd=folder,
        env=environment,
    )
    try:
        reader = KafkaConsumer(bootstrap_servers=kafka, group_id=None)
        places = [TopicPartition(topics.item_embeddings, n) for n in range(PARTITIONS)]

        def embedded() -> int:
            if process.poll() is not None:
                raise AssertionError(f"the embedder ended:\n{tail(log)}")
            return int(sum(reader.end_offsets(places).values()))

        # Batches are published as they end: the first one marks the start, and is not counted.
        first = wait_until(embedded, 120, "the first pictures are embedded")
        start_s = time.perf_counter()
        wait_until(lambda: embedded() >= count, 240, "all pictures are embedded")
        return (count - first) / (time.perf_counter() - start_s)
    finally:
        end(process, graceful_s=15)
