"""One look into a topic on a real Apache Kafka."""

from __future__ import annotations

import pytest
from kafka import TopicPartition

from streams.stores.log_look import LogLook
from tests.support.kafka import Kafka

pytestmark = pytest.mark.integration


@pytest.fixture
def topic(kafka: Kafka, topic_prefix: str) -> str:
    """Two partitions: offsets 3 to 9 are left of the first, the second is empty."""
    name = f"{topic_prefix}clicks"
    kafka.create_topic(name, partitions=2)
    kafka.produce(name, [(None, b"%d" % number) for number in range(10)], partition=0)
    kafka.admin.delete_records({TopicPartition(name, 0): 3})
    return name


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0, 3, None),
        (0, 4, 3),
        (5, 9, 5),
        (5, 5, None),
        (9, 10, 9),
        (10, 12, None),
        (10, 9000, None),
    ],
)
async def test_it_finds_the_first_record_there_still_is(
    kafka: Kafka, topic: str, start: int, end: int, found: int | None
) -> None:
    look = LogLook(kafka.address, 100)
    assert await look.first_record(topic, 0, start, end) == found


async def test_an_empty_partition_has_none(kafka: Kafka, topic: str) -> None:
    assert await LogLook(kafka.address, 100).first_record(topic, 1, 0, 100) is None


async def test_it_tells_where_the_partitions_end(kafka: Kafka, topic: str) -> None:
    assert await LogLook(kafka.address, 100).ends(topic) == {0: 10, 1: 0}
