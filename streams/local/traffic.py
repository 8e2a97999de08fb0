"""The demo's own Kafka clients: what a shop would run. kafka-python, like anybody's program.

Catalogue  publishes pictures with their facts in headers, not too far ahead of the embedder.
Clicks     publishes what shoppers do.
ListReader reads the lists back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import orjson
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from streams.local.catalogue import Item
from streams.local.shoppers import Act
from streams.recommendations import RecommendationList, parse_list

_AHEAD = 300
"""Pictures published but not yet embedded: enough to keep the embedder busy."""


class Task(threading.Thread):
    """A daemon thread whose failure is kept for `check`, and which `halt` ends."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._halt = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - raised again by `check`, in the main thread
            self._error = error

    @property
    def halted(self) -> bool:
        """Whether it has been asked to end."""
        return self._halt.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until `halt`."""
        self._halt.wait(seconds)

    def halt(self, within_s: float = 10.0) -> None:
        """Ask it to end, and wait for that."""
        self._halt.set()
        if self.is_alive():
            self.join(within_s)

    def check(self) -> None:
        """Raise what its work raised, if anything."""
        if self._error is not None:
            raise self._error


class Publisher(Task):
    """Publishes the catalogue. `embedded` says how many pictures the embedder is through with."""

    def __init__(
        self,
        servers: str,
        topic: str,
        items: Sequence[Item],
        *,
        embedded: Callable[[], int],
        out: Callable[[Item], None],
    ) -> None:
        super().__init__("publisher", self._publish)
        self._items = items
        self._topic = topic
        self._embedded = embedded
        self._out = out
        self._producer = make_producer(servers, linger_ms=5)
        self.published = 0
        self.unreadable = 0

    def _publish(self) -> None:
        try:
            for item in self._items:
                while not self.halted and self.published - self._embedded() > _AHEAD:
                    self.pause(0.05)
                if self.halted:
                    return
                try:
                    picture = item.picture()
                except OSError:
                    self.unreadable += 1
                    continue
                self._producer.send(
                    self._topic, key=item.item_id.encode(), value=picture, headers=_facts(item)
                ).add_errback(self._failed)
                self.published += 1
                self._out(item)
            self._producer.flush(timeout=30)
        finally:
            self._producer.close(timeout=5)

    def _failed(self, error: Exception) -> None:
        self._error = error


def _facts(item: Item) -> list[tuple[str, bytes]]:
    headers = [("title", item.title.encode()), ("labels", orjson.dumps(item.labels))]
    if item.group:
        headers.append(("group", item.group.encode()))
    return headers


class Clicks:
    """Sends clicks, and tells `accepted(user, partition, offset, sent at)` of each (monotonic)."""

    def __init__(
        self, servers: str, topic: str, accepted: Callable[[str, int, int, float], None]
    ) -> None:
        self._topic = topic
        self._accepted = accepted
        self._producer = make_producer(servers, linger_ms=0)
        self._error: Exception | None = None
        self.sent = 0

    def send(self, user_id: str, act: Act, list_id: str | None) -> None:
        """Publish one click, without waiting."""
        event = {"item_id": act.item_id, "kind": act.kind, "at": round(time.time() * 1000)}
        if list_id is not None:
            event["list_id"] = list_id
        sent_at_s = time.monotonic()
        future = self._producer.send(self._topic, key=user_id.encode(), value=orjson.dumps(event))
        future.add_callback(
            lambda told: self._accepted(user_id, told.partition, told.offset, sent_at_s)
        )
        future.add_errback(self._failed)
        self.sent += 1

    def close(self) -> None:
        """Send what is under way, and leave."""
        self._producer.close(timeout=5)

    def check(self) -> None:
        """Raise what sending raised, if anything."""
        if self._error is not None:
            raise self._error

    def _failed(self, error: Exception) -> None:
        self._error = error


class ListReader(Task):
    """Reads every list from the beginning of its topic, and hands each on with when it came."""

    def __init__(
        self,
        servers: str,
        topic: str,
        got: Callable[[RecommendationList, float], None],
        *,
        fetch_wait_ms: int,
    ) -> None:
        super().__init__("list reader", self._read)
        self._got = got
        self._consumer = KafkaConsumer(
            bootstrap_servers=servers.split(","),
            group_id=None,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=fetch_wait_ms,
        )
        partitions = self._consumer.partitions_for_topic(topic) or set()
        self._consumer.assign([TopicPartition(topic, number) for number in sorted(partitions)])

    def _read(self) -> None:
        try:
            while not self.halted:
                for records in self._consumer.poll(timeout_ms=100).values():
                    now_s = time.monotonic()
                    for record in records:
                        if record.value is not None:
                            self._got(parse_list(record.value), now_s)
        finally:
            self._consumer.close(autocommit=False)


def make_producer(servers: str, *, linger_ms: int) -> KafkaProducer:
    """A producer that waits for the broker's word and takes pictures of up to 10 MB."""
    return KafkaProducer(
        bootstrap_servers=servers.split(","),
        acks="all",
        linger_ms=linger_ms,
        max_request_size=16_000_000,
    )
