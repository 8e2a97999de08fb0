"""The whole road, as users walk it: kafka-python in, two worker processes, kafka-python out.

Once on a real Apache Kafka, once on the embedded broker; the store is a real Valkey both times.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from PIL import Image, ImageDraw

from streams import topic_admin
from streams.delivery import read_dead_letter
from streams.local.broker import start_broker
from streams.recommendations import RecommendationList, parse_list
from streams.topics import Topics
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

SHAPES = ("circle", "square", "star")


def drawing(shape: str, number: int) -> bytes:
    """A picture of one of three families that any CNN tells apart."""
    size = 160
    picture = Image.new("RGB", (size, size), "white")
    pen = ImageDraw.Draw(picture)
    a, b = 20 + 3 * (number % 5), size - 20 - 2 * (number % 7)
    shade = 9 * (number % 10)
    if shape == "circle":
        pen.ellipse((a, a, b, b), fill=(220, shade, shade))
    elif shape == "square":
        for x in range(a, b, 14):
            pen.rectangle((x, a, x + 6, b), fill=(shade, 90, 200))
    else:
        for step in range(0, size, 9):
            pen.line((0, step, size, size - step), fill=(10, 140, shade), width=3)
    out = io.BytesIO()
    picture.save(out, "JPEG" if number % 2 else "PNG")
    return out.getvalue()


@dataclass
class Site:
    """A running lookstream, and a user's own Kafka clients."""

    topics: Topics
    producer: KafkaProducer
    reader: KafkaConsumer
    embedder: WorkerProcess
    recommender: WorkerProcess

    def publish(self, topic: str, key: str | None, value: bytes | None, **headers: str) -> None:
        self.producer.send(
            topic,
            key=None if key is None else key.encode(),
            value=value,
            headers=[(name, text.encode()) for name, text in headers.items()],
        ).get(30)

    def click(self, user: str, item: str, **fields: object) -> None:
        said = json.dumps({"item_id": item, **fields}).encode()
        self.publish(self.topics.clicks, user, said)

    def next_list(self, user: str) -> RecommendationList:
        """The next list of `user` that is published."""
        found: list[RecommendationList] = []

        def come() -> bool:
            for records in self.reader.poll(timeout_ms=50).values():
                found.extend(parse_list(r.value) for r in records if r.key == user.encode())
            return bool(found)

        wait_until(come, 30.0, f"a list for {user}", poll_s=0.0)
        return found[-1]

    def indexed(self, items: int) -> None:
        """Wait until so many items stand in the recommender's index."""
        wait_until(
            lambda: self.recommender.count("lookstream_index_items") == items,
            60.0,
            f"{items} items in the index",
        )


@pytest.fixture(params=["kafka", "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Address of a broker, and the settings it needs."""
    if request.param == "kafka":
        yield request.getfixturevalue("kafka").address, {}
        return
    broker, address = start_broker(tmp_path)
    yield address, {"LOOKSTREAM_IDEMPOTENT_PRODUCER": "false"}
    broker.stop()


@pytest.fixture
def site(
    broker: tuple[str, dict[str, str]], valkey: Valkey, topic_prefix: str, tmp_path: Path
) -> Iterator[Site]:
    servers, needed = broker
    topics = Topics(topic_prefix)
    with topic_admin.connect(servers) as admin:
        topic_admin.create(admin, topics, partitions=3, replication_factor=1)
    settings = {
        "LOOKSTREAM_KAFKA": servers,
        "LOOKSTREAM_REDIS": valkey.url,
        "LOOKSTREAM_TOPIC_PREFIX": topic_prefix,
        "LOOKSTREAM_MODEL": "resnet50-thin:int8",
        "LOOKSTREAM_MODEL_THREADS": "1",
        "LOOKSTREAM_SESSION_TIMEOUT_S": "6",
        "LOOKSTREAM_FETCH_MAX_WAIT_S": "0.02",
        **needed,
    }
    workers = [WorkerProcess(name, tmp_path, settings) for name in ("embedder", "recommender")]
    producer = KafkaProducer(bootstrap_servers=servers, acks="all", max_request_size=20_000_000)
    reader = KafkaConsumer(
        topics.recommendations,
        bootstrap_servers=servers,
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    try:
        for worker in workers:
            worker.wait_ready()
        yield Site(topics, producer, reader, *workers)
    finally:
        reader.close()
        producer.close()
        for worker in workers:
            worker.kill()


@pytest.mark.integration
def test_pictures_and_clicks_go_in_and_true_lists_come_out(site: Site, tmp_path: Path) -> None:
    topics = site.topics
    for number in range(12):
        for shape in SHAPES:
            site.publish(
                topics.images,
                f"{shape}-{number}",
                drawing(shape, number),
                labels=f"{shape},drawn",
                group=shape,
                title=f"{shape.capitalize()} {number}",
            )
    broken = drawing("circle", 1)[:300]
    site.publish(topics.images, "broken", broken, view="front")
    site.indexed(36)

    site.click("ann", "circle-3", kind="like")
    made = site.next_list("ann")
    assert made.trigger is not None
    assert made.list_id == f"{topics.clicks}-{made.trigger.partition}-{made.trigger.offset}"
    assert made.model.startswith("resnet50-thin@")
    first = made.items[:5]
    assert [item.group for item in first] == ["circle"] * 5
    assert {item.reason.kind for item in first} == {"looks-like"}
    assert {item.reason.item_id for item in first} == {"circle-3"}
    assert first[0].labels == (*("circle", "drawn"),)
    assert "circle-3" not in [item.item_id for item in made.items]

    # Taste goes on from the very next click, and what she hides stays away.
    unwanted = made.items[0].item_id
    site.click("ann", unwanted, kind="hide")
    site.next_list("ann")
    site.click("ann", "square-2", kind="purchase")
    made = site.next_list("ann")
    assert {"circle", "square"} <= {item.group for item in made.items[:10]}
    assert unwanted not in [item.item_id for item in made.items]

    # Withdrawn, and gone from the next list.
    gone = made.items[0].item_id
    site.publish(topics.images, gone, None)
    site.indexed(35)
    site.click("ann", "square-5")
    assert gone not in [item.item_id for item in site.next_list("ann").items]

    # Somebody nobody knows has a list too, of what is popular and new.
    strangers = KafkaConsumer(
        topics.recommendations,
        bootstrap_servers=site.reader.config["bootstrap_servers"],
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    popular: list[RecommendationList] = []

    def anybodys() -> bool:
        for records in strangers.poll(timeout_ms=50).values():
            popular.extend(parse_list(r.value) for r in records if r.key == b"*")
        return bool(popular) and popular[-1].items[0].reason.kind == "popular"

    wait_until(anybodys, 30.0, "the list under * leads with what is popular", poll_s=0.0)
    strangers.close()

    # What was refused lies in the dead letters, whole, with its reason.
    letters = KafkaConsumer(
        topics.dead_letters,
        bootstrap_servers=site.reader.config["bootstrap_servers"],
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    read = wait_until(
        lambda: [r for rs in letters.poll(timeout_ms=200).values() for r in rs],
        30.0,
        "the dead letter",
        poll_s=0.0,
    )
    letters.close()
    letter = read_dead_letter(read[0])
    assert (letter.key, letter.value) == (b"broken", broken)
    assert letter.reason == "truncated-picture"
    assert letter.topic == topics.images
    assert ("view", b"front") in [(name, value) for name, value in letter.headers]

    # The books are balanced, and a stop is clean.
    embedder, recommender = site.embedder, site.recommender
    assert embedder.count("lookstream_events_total", outcome="applied") == 37
    assert embedder.count("lookstream_events_total", reason="truncated-picture") == 1
    assert recommender.count("lookstream_events_total") == 4
    assert recommender.count("lookstream_click_to_list_seconds_count") == 4
    assert embedder.get("/healthz")[0] == 200
    assert (embedder.stop(), recommender.stop()) == (0, 0)
