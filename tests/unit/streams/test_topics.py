from __future__ import annotations

import base64

import orjson
import pytest

from streams.delivery.dead_letters import DETAIL_LIMIT, NAMES
from streams.events import EventLimits, parse_image
from streams.fields import EventLimits as Limits
from streams.records import RawRecord
from streams.topics import DEFAULT_PICTURE_MAX_BYTES, TOPICS, Topics


def test_the_topics_of_the_design_are_declared_once() -> None:
    assert [(t.name, t.direction, t.compacted) for t in TOPICS] == [
        ("images", "in", False),
        ("clicks", "in", False),
        ("recommendations", "out", True),
        ("item-embeddings", "internal", True),
        ("interactions", "internal", False),
        ("item-signals", "internal", True),
        ("ranker", "internal", True),
        ("dead-letters", "out", False),
    ]


def test_every_config_says_what_it_is_for() -> None:
    for topic in TOPICS:
        assert set(topic.why) == set(topic.config)
        assert all(isinstance(value, str) for value in topic.config.values())
        assert topic.repartition.endswith(".")


def test_a_compacted_topic_closes_its_segments_or_it_would_never_be_compacted() -> None:
    for topic in TOPICS:
        if topic.compacted:
            assert int(topic.config["segment.ms"]) <= 86_400_000
            assert int(topic.config["segment.bytes"]) >= topic.max_message_bytes


def test_the_prefix_stands_before_every_name() -> None:
    topics = Topics("shop.")
    names = [
        topics.images,
        topics.clicks,
        topics.recommendations,
        topics.item_embeddings,
        topics.interactions,
        topics.item_signals,
        topics.ranker,
        topics.dead_letters,
    ]
    assert names == [t.name for t in topics] == ["shop." + t.name for t in TOPICS]


def test_what_is_learned_from_lies_in_one_order() -> None:
    assert {t.name: t.partitions for t in TOPICS if t.partitions} == {
        "interactions": 1,
        "ranker": 1,
    }


def test_without_anything_set_topics_are_as_declared() -> None:
    assert tuple(Topics()) == TOPICS
    assert EventLimits().picture_max_bytes == DEFAULT_PICTURE_MAX_BYTES


@pytest.mark.parametrize("picture_max_bytes", [1_000, 10_000_000])
def test_the_largest_picture_that_is_allowed_fits_in_every_form(picture_max_bytes: int) -> None:
    limits = Limits(picture_max_bytes=picture_max_bytes)
    picture = base64.b64encode(b"\x89" * picture_max_bytes).decode()
    filler = "a" * (limits.max_json_bytes - 200)
    value = orjson.dumps({"item_id": "a", "picture": {"base64": picture}, "note": filler})
    event = parse_image(RawRecord("images", 0, 0, 0, None, value), limits)
    assert event.picture is not None
    assert len(event.picture) == picture_max_bytes
    images = next(iter(Topics(picture_max_bytes=picture_max_bytes)))
    assert len(value) < images.max_message_bytes


def test_what_fits_into_images_fits_into_dead_letters_with_what_is_said_about_it() -> None:
    for picture_max_bytes in (1_000, 10_000_000, 100_000_000):
        sizes = {t.name: t.max_message_bytes for t in Topics("", picture_max_bytes)}
        about_bytes = 4 * DETAIL_LIMIT + len(NAMES) * 400
        assert sizes["dead-letters"] > sizes["images"] + about_bytes
        assert sizes["dead-letters"] > sizes["clicks"] + about_bytes
