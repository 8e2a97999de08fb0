"""The load: pictures and clicks, seeded and steady, by a producer whose retries copy and disorder.

So that profiles follow from the log of clicks alone, whatever the workers know at which moment,
clicks name only items of a *base catalogue*, embedded before the first click and never changed, or
*ghosts*, of which there is never a picture. Beside them *others* come, change, go and come again,
and nobody clicks them.
"""

from __future__ import annotations

import io
import json
import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from PIL import Image

from streams.topics import Topics
from tests.chaos.journal import Place

BASE = 40
GHOSTS = 8
OTHERS = 60
USERS = 120
HOT_USERS = 4
CLICKS_PER_S = 60.0
PICTURES_PER_S = 4.0

REFUSED_HEADER = "to-be-refused"
"""On pictures that must become dead letters: only a decoder could tell."""

_KINDS = ("view", "click", "click", "click", "like", "save", "purchase", "dwell", "dislike", "hide")
_BAD_CLICKS = (
    b"",
    b"not json",
    b"[]",
    b'{"item_id": ""}',
    b'{"kind": "click"}',
    b'{"item_id": "base-1", "kind": "devours"}',
    b'{"item_id": "base-1", "at": "yesterday"}',
    b'{"item_id": "base-1", "user_id": "somebody else"}',
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One record to publish."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def picture(number: int) -> bytes:
    """A small picture, another one for each number."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(
        out, "JPEG" if number % 2 else "PNG"
    )
    return out.getvalue()


def base_catalogue(topics: Topics) -> Iterator[Sent]:
    """The pictures of the base catalogue."""
    for number in range(BASE):
        title = ("title", b"Base %d" % number)
        yield Sent(topics.images, b"base-%d" % number, picture(number), (title,))


def clicks(topics: Topics, seed: int) -> Iterator[Sent]:
    """Clicks without end; one in fifty is bad."""
    rng = random.Random(f"clicks {seed}")
    while True:
        hot = rng.random() < 0.4
        user = b"u%d" % rng.randrange(HOT_USERS if hot else USERS)
        if rng.random() < 0.02:
            yield Sent(topics.clicks, user, rng.choice((None, *_BAD_CLICKS)))
            continue
        ghost = rng.random() < 0.1
        item = f"ghost-{rng.randrange(GHOSTS)}" if ghost else f"base-{rng.randrange(BASE)}"
        said: dict[str, object] = {"item_id": item, "kind": rng.choice(_KINDS)}
        if said["kind"] == "dwell":
            said["dwell_s"] = rng.randrange(1, 90)
        if rng.random() < 0.1:
            # It happened a while ago: time goes back and forth within a profile's log.
            said["at"] = int((time.time() - rng.randrange(7 * 86_400)) * 1000)
        yield Sent(topics.clicks, user, json.dumps(said).encode())


def pictures(topics: Topics, seed: int) -> Iterator[Sent]:
    """Others come, change, are withdrawn and come again; one picture in ten is bad."""
    rng = random.Random(f"pictures {seed}")
    drawn = [picture(1000 + number) for number in range(50)]
    while True:
        item = b"other-%d" % rng.randrange(OTHERS)
        what = rng.random()
        if what < 0.1:
            broken = rng.choice(drawn)[:100]
            yield Sent(topics.images, item, broken, ((REFUSED_HEADER, b"yes"),))
        elif what < 0.3:
            yield Sent(topics.images, item, None)
        elif what < 0.45:
            facts = {"title": f"Title {rng.randrange(1000)}", "available": rng.random() < 0.7}
            yield Sent(topics.images, item, json.dumps(facts).encode())
        else:
            label = ("labels", b"l%d" % rng.randrange(10))
            yield Sent(topics.images, item, rng.choice(drawn), (label,))


class Load(threading.Thread):
    """Publishes clicks and pictures at a steady pace until `finish`."""

    def __init__(self, address: str, topics: Topics, seed: int) -> None:
        super().__init__(name="load", daemon=True)
        self._topics = topics
        self._seed = seed
        self._producer = KafkaProducer(
            bootstrap_servers=address,
            acks="all",
            retries=1000,
            delivery_timeout_ms=300_000,
            # It is back as soon as the broker is: what the workers do is to be seen, not its naps.
            reconnect_backoff_max_ms=300,
            retry_backoff_ms=100,
        )
        self._done = threading.Event()
        self._retry = threading.Lock()
        self._recent: deque[Sent] = deque(maxlen=200)
        self._copies: deque[Sent] = deque()
        self._failed: list[str] = []
        self.published = 0
        self.acknowledged_s: dict[Place, float] = {}
        """When the broker said that it has a record; true seconds since the epoch."""

    def publish(self, first: Iterable[Sent]) -> None:
        """What must be there before all else, acknowledged."""
        for sent in first:
            self._send(sent)
        self._producer.flush(60)

    def retry_burst(self, count: int, seed: int) -> None:
        """As a producer that lost acknowledgements: the latest records again, out of order."""
        with self._retry:
            again = list(self._recent)[-count:]
        random.Random(seed).shuffle(again)
        self._copies.extend(again)

    def run(self) -> None:
        streams = (
            (clicks(self._topics, self._seed), 1.0 / CLICKS_PER_S),
            (pictures(self._topics, self._seed), 1.0 / PICTURES_PER_S),
        )
        begun_s = time.monotonic()
        sent = [0, 0]
        while not self._done.is_set():
            passed_s = time.monotonic() - begun_s
            for number, (stream, every_s) in enumerate(streams):
                while sent[number] * every_s < passed_s and not self._done.is_set():
                    self._send(next(stream))
                    sent[number] += 1
            while self._copies:
                self._send(self._copies.popleft())
            self._done.wait(0.01)

    def finish(self) -> list[str]:
        """Stop, and wait until the broker has everything; what it never took, in words."""
        self._done.set()
        self.join(120)
        self._producer.flush(120)
        return self._failed

    def close(self) -> None:
        """Let go of the producer, and of whatever it still holds."""
        self._done.set()
        with suppress(KafkaTimeoutError):
            self._producer.close(timeout=0)

    def _acknowledged(self, at: Any) -> None:
        self.acknowledged_s[at.topic, at.partition, at.offset] = time.time()

    def _send(self, sent: Sent) -> None:
        while True:
            try:
                future = self._producer.send(
                    sent.topic, key=sent.key, value=sent.value, headers=list(sent.headers)
                )
                break
            except KafkaError:
                # No room or no metadata while the broker is away: the same record, a bit later.
                if self._done.wait(0.2):
                    return
        future.add_errback(lambda error: self._failed.append(type(error).__name__))
        future.add_callback(self._acknowledged)
        self.published += 1
        with self._retry:
            self._recent.append(sent)
