"""What several of the tests against real servers use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer

from streams import topic_admin
from streams.topics import Topics
from tests.support.kafka import Kafka
from tests.support.losing_shop import PARTITIONS, LosingShop
from tests.support.valkey import Valkey
from tests.support.workers import ROOT


@pytest.fixture
def losing_shop(
    kafka: Kafka, own_valkey: Valkey, topic_prefix: str, tmp_path: Path
) -> Iterator[LosingShop]:
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
    shop = LosingShop(kafka, own_valkey, topics, tmp_path, producer, settings)
    yield shop
    producer.close()
    for started in shop.rebuilds:
        started.kill()
        started.communicate()
