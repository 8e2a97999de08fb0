"""Publishing dead letters again, as they came: to the topics of this installation and to no other.

A replayed record is a new event with an offset of its own: what it does it does once more, each
time that it is replayed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from streams.errors import StartRefused
from streams.letters import Letter
from streams.text import printable

_EARLIEST_MS = 365 * 86_400_000  # 1971, as for clicks
_MOST_AHEAD_MS = 3_600_000  # Kafka's message.timestamp.after.max.ms
_ACK_TIMEOUT_S = 60.0
# What may wait for its acknowledgement; kafka-python bounds nothing itself.
_UNDER_WAY = 500
_UNDER_WAY_BYTES = 32_000_000


class ReplayStopped(Exception):
    """Somebody interrupted it. count: the records that the broker has; last: the last of them."""

    def __init__(self, count: int, last: Letter | None) -> None:
        super().__init__(f"stopped after {count} records")
        self.count = count
        self.last = last


class Producer(Protocol):
    """What is used of kafka-python's."""

    def send(self, topic: str, **record: Any) -> Any: ...
    def flush(self, timeout: float | None = None) -> None: ...


@dataclass(slots=True)
class Plan:
    """What a replay would do. Letters by what becomes of them."""

    replayed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(topic, reason) -> how many."""
    foreign: int = 0
    """Refused from topics that are not this installation's."""
    hopeless: Counter[str] = field(default_factory=Counter)
    """Reason -> how many would only be refused again."""

    @property
    def count(self) -> int:
        return sum(self.replayed.values())

    def takes(self, letter: Letter, topics: frozenset[str], force: bool) -> bool:
        """Count a letter; whether it is to be published again."""
        what = letter.what
        if what.topic not in topics:
            self.foreign += 1
            return False
        if not (letter.may_be_mended or force):
            self.hopeless[what.reason] += 1
            return False
        self.replayed[what.topic, what.reason] += 1
        return True


def timestamp_ms(original_ms: int, now_ms: int) -> int:
    """The original's, from which a click takes its time; now, where no broker would take that."""
    return original_ms if _EARLIEST_MS <= original_ms <= now_ms + _MOST_AHEAD_MS else now_ms


def replay(
    letters: Iterable[Letter],
    producer: Producer,
    *,
    rate_hz: float,
    done: Callable[[int], None] = lambda count: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    now_s: Callable[[], float] = time.time,
) -> int:
    """Publish each letter's record to where it came from; how many the broker has.

    rate_hz  records a second at most; 0: as fast as the broker takes them. Raises StartRefused
    when the broker takes one not, saying which: those before it were published. Raises
    ReplayStopped for KeyboardInterrupt, when what was under way is acknowledged.
    """
    begun_s = clock()
    waiting: list[tuple[Letter, Any]] = []
    count = waiting_bytes = 0
    last: Letter | None = None

    def wait() -> None:
        nonlocal count, waiting_bytes, last
        acknowledged = waiting[-1][0] if waiting else last
        count += _acknowledged(waiting)
        waiting_bytes, last = 0, acknowledged
        done(count)

    try:
        for letter in letters:
            what = letter.what
            if rate_hz > 0.0:
                sleep(max(begun_s + (count + len(waiting)) / rate_hz - clock(), 0.0))
            headers = [(name, value) for name, value in what.headers]
            sent = producer.send(
                what.topic,
                key=what.key,
                value=what.value,
                headers=headers,
                timestamp_ms=timestamp_ms(what.timestamp, int(now_s() * 1000)),
            )
            waiting.append((letter, sent))
            waiting_bytes += letter.value_bytes or 0
            if len(waiting) >= _UNDER_WAY or waiting_bytes >= _UNDER_WAY_BYTES:
                wait()
    except KeyboardInterrupt:
        producer.flush(_ACK_TIMEOUT_S)
        wait()
        raise ReplayStopped(count, last) from None
    producer.flush(_ACK_TIMEOUT_S)
    wait()
    return count


def _acknowledged(waiting: list[tuple[Letter, Any]]) -> int:
    count = len(waiting)
    for letter, sent in waiting:
        try:
            sent.get(_ACK_TIMEOUT_S)
        except KafkaError as error:
            raise StartRefused(
                f"{letter.what.topic} does not take the letter {letter.place} "
                f"({type(error).__name__}: {printable(str(error), 200)}). Those before it were "
                f"published: narrow the filters to what is left."
            ) from error
    waiting.clear()
    return count


def new_producer(kafka: str, options: Mapping[str, Any], max_request_bytes: int) -> KafkaProducer:
    """Waits for the acknowledgement of all replicas."""
    return KafkaProducer(
        bootstrap_servers=kafka.split(","),
        client_id="lookstream-replay",
        acks="all",
        max_request_size=max_request_bytes,
        **options,
    )
