"""One user's current list, read from the recommendations topic.

The newest record of her key is the current list. It lies in the partition that producers choose for
the key, and mostly near its end: so it is sought backwards from there, in blocks that grow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from streams.errors import StartRefused
from streams.records import Record
from streams.topic_admin import refusal_of, us

_FIRST_BLOCK = 500
_LARGEST_BLOCK = 50_000
_POLL_MS = 500


@dataclass(frozen=True, slots=True)
class Found:
    """The newest record of a key. `value` is None where the list was deleted."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None


class Log(Protocol):
    """A topic that can be read anywhere."""

    def partitions(self) -> Sequence[int]:
        """Its partitions in order; none if there is no such topic."""

    def bounds(self, partition: int) -> tuple[int, int]:
        """The first offset there is, and the one after the last."""

    def read(self, partition: int, start: int, stop: int) -> Iterable[Record]:
        """The records with offsets from `start` to before `stop`, in order."""


def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's producers (Java's default, and ours) put a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def newest(log: Log, user_id: str, *, everywhere: bool = False) -> Found | None:
    """The newest record of `user_id`; None if there is none.

    everywhere  look into all partitions: of use after partitions were added, since then older lists
                lie where they were.
    """
    key = user_id.encode()
    partitions = log.partitions()
    if not partitions:
        return None
    if not everywhere:
        partitions = [partitions[partition_of(key, len(partitions))]]
    found = [hit for partition in partitions if (hit := _newest_in(log, partition, key))]
    return max(found, key=lambda hit: hit.timestamp_ms, default=None)


def _newest_in(log: Log, partition: int, key: bytes) -> Found | None:
    begin, stop = log.bounds(partition)
    block = _FIRST_BLOCK
    while stop > begin:
        start = max(begin, stop - block)
        hit = None
        for record in log.read(partition, start, stop):
            if record.key == key:
                hit = Found(partition, record.offset, record.timestamp, record.value)
        if hit is not None:
            return hit
        stop, block = start, min(block * 2, _LARGEST_BLOCK)
    return None


class KafkaLog:
    """A topic on a real broker, read without a group: nobody's offsets are touched."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        topic: str,
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises StartRefused once `clock` is past `deadline_s`."""
        self._consumer = consumer
        self._topic = topic
        self._deadline_s = deadline_s
        self._clock = clock

    def partitions(self) -> list[int]:
        return sorted(self._consumer.partitions_for_topic(self._topic) or ())

    def bounds(self, partition: int) -> tuple[int, int]:
        place = TopicPartition(self._topic, partition)
        begin = self._consumer.beginning_offsets([place])[place]
        return begin, self._consumer.end_offsets([place])[place]

    def offset_at(self, partition: int, timestamp_ms: int) -> int:
        """The first offset whose record is not older; the end where there is none."""
        place = TopicPartition(self._topic, partition)
        found = self._consumer.offsets_for_times({place: timestamp_ms})[place]
        return self.bounds(partition)[1] if found is None else int(found.offset)

    def read(self, partition: int, start: int, stop: int) -> Iterator[Record]:
        place = TopicPartition(self._topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, start)
        while self._consumer.position(place) < stop:
            if self._clock() > self._deadline_s:
                raise StartRefused(
                    f"Reading {self._topic} takes too long: partition {partition} at offset "
                    f"{self._consumer.position(place)}. Give it more time with --within SECONDS."
                )
            for record in self._consumer.poll(timeout_ms=_POLL_MS).get(place, ()):
                if record.offset >= stop:
                    return
                yield record


@contextmanager
def open_log(
    kafka: str, topic: str, options: Mapping[str, Any] | None = None, *, within_s: float
) -> Iterator[KafkaLog]:
    """The topic, for at most `within_s`; `options` of wires.py.

    Raises StartRefused if Kafka or the topic is missing, or not for us.
    """
    options = options or {}
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=kafka.split(","),
            client_id="lookstream-list",
            group_id=None,
            enable_auto_commit=False,
            bootstrap_timeout_ms=int(within_s * 1000),
            fetch_max_wait_ms=50,
            allow_auto_create_topics=False,
            **options,
        )
    except (KafkaError, OSError, ValueError) as error:
        raise refusal_of(kafka, options, error) from error
    try:
        log = KafkaLog(consumer, topic, time.monotonic() + within_s)
        if not log.partitions():
            raise StartRefused(
                f"There is no topic {topic}. Run `lookstream topics create`, or see whether "
                f"LOOKSTREAM_TOPIC_PREFIX is right, and whether {us(options)} may read it."
            )
        yield log
    except (KafkaError, OSError) as error:
        raise refusal_of(kafka, options, error) from error
    finally:
        consumer.close()
