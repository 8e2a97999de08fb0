"""How topics on a broker may differ from what is declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streams.topic_check import Difference, Found, differences
from streams.topic_kinds import Topic
from streams.topics import Topics

TOPICS = tuple(Topics("shop-"))
RECOMMENDATIONS = "shop-recommendations"


def as_declared() -> dict[str, Found]:
    return {topic.name: Found(topic.partitions or 8, 1, dict(topic.config)) for topic in TOPICS}


def compared(
    found: dict[str, Found],
    topics: tuple[Topic, ...] = TOPICS,
    partitions: int = 8,
    replication_factor: int = 1,
) -> list[Difference]:
    return differences(
        topics,
        found,
        partitions=partitions,
        replication_factor=replication_factor,
        kafka="broker:9092",
    )


def with_config(name: str, **config: str) -> dict[str, Found]:
    found = as_declared()
    changed = {key.replace("_", "."): value for key, value in config.items()}
    found[name] = replace(found[name], config={**found[name].config, **changed})
    return found


def test_topics_as_declared_do_not_differ() -> None:
    assert compared(as_declared()) == []


def test_a_missing_topic_is_to_be_created() -> None:
    found = as_declared()
    del found["shop-clicks"]
    assert compared(found) == [
        Difference("shop-clicks", "is missing", "Run `lookstream topics create`.")
    ]


def test_a_topic_that_is_not_compacted_must_be_mended_and_says_how() -> None:
    (difference,) = compared(with_config(RECOMMENDATIONS, cleanup_policy="delete"))
    assert difference.vital
    assert difference.what.startswith("has cleanup.policy=delete, not compact")
    assert difference.config == ("cleanup.policy", "compact")
    assert "lookstream topics create --fix" in difference.remedy
    assert (
        "kafka-configs.sh --bootstrap-server broker:9092 --alter --entity-type topics "
        "--entity-name shop-recommendations --add-config cleanup.policy=compact"
    ) in difference.remedy


def test_a_topic_that_takes_too_small_messages_must_be_mended() -> None:
    (difference,) = compared(with_config("shop-images", max_message_bytes="1048588"))
    assert difference.vital
    assert "max.message.bytes=1048588" in difference.what


def test_a_topic_that_takes_larger_messages_than_needed_is_fine() -> None:
    assert compared(with_config("shop-images", max_message_bytes="99999999")) == []


def test_tuning_that_differs_is_a_note_with_its_reason() -> None:
    (difference,) = compared(with_config("shop-clicks", retention_ms="1000"))
    assert not difference.vital
    assert "has retention.ms=1000, not " in difference.what
    assert "profiles lie in the store" in difference.what


@pytest.mark.parametrize("same", ["0.20", ".2", "0.2"])
def test_numbers_are_compared_as_numbers(same: str) -> None:
    assert compared(with_config(RECOMMENDATIONS, min_cleanable_dirty_ratio=same)) == []


def test_what_a_broker_does_not_tell_is_not_held_against_it() -> None:
    found = as_declared()
    found[RECOMMENDATIONS] = replace(found[RECOMMENDATIONS], config={})
    assert compared(found) == []


def test_fewer_partitions_than_set_must_be_mended_or_set() -> None:
    (difference,) = compared(
        as_declared() | {"shop-images": replace(as_declared()["shop-images"], partitions=4)}
    )
    assert difference.vital
    assert difference.what == "has 4 partitions, not 8 (LOOKSTREAM_PARTITIONS)"
    assert "set LOOKSTREAM_PARTITIONS=4" in difference.remedy
    assert "Harmless once the embedder has caught up" in difference.remedy


def test_more_partitions_than_set_are_a_note() -> None:
    left = compared(as_declared(), partitions=6)
    assert [difference.vital for difference in left] == [False] * sum(
        topic.partitions is None for topic in TOPICS
    )


def test_a_topic_with_partitions_of_its_own_is_held_to_them() -> None:
    topics = (replace(TOPICS[0], partitions=1),)
    (difference,) = compared(as_declared(), topics)
    assert difference.vital
    assert difference.what == "has 8 partitions, not 1"
    assert compared({TOPICS[0].name: Found(1, 1, dict(TOPICS[0].config))}, topics) == []


def test_fewer_copies_than_set_are_a_note() -> None:
    left = compared(as_declared(), replication_factor=3)
    assert len(left) == len(TOPICS)
    assert not any(difference.vital for difference in left)
    assert "not 3 (LOOKSTREAM_REPLICATION_FACTOR)" in left[0].what


def test_what_a_broker_says_is_escaped() -> None:
    (difference,) = compared(with_config("shop-clicks", cleanup_policy="\x1b[2J"))
    assert "\x1b" not in difference.what
