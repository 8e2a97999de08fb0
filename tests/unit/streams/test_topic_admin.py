"""Creating and mending topics, on a broker made of a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import CoordinatorNotAvailableError, KafkaConnectionError

from streams.errors import StartRefused
from streams.topic_admin import committed, connect, create, fix, look
from streams.topic_check import Difference
from streams.topics import Topics

TOPICS = tuple(Topics("shop-"))


class Groups:
    """A coordinator that is not there for the first `missing` questions."""

    def __init__(self, missing: int) -> None:
        self.missing = missing
        self.asked = 0

    def list_group_offsets(self, group: str) -> dict[str, dict[TopicPartition, Any]]:
        self.asked += 1
        if self.asked <= self.missing:
            raise CoordinatorNotAvailableError
        at = {("clicks", 0): 7, ("clicks", 1): -1, ("images", 0): 9}
        found = {TopicPartition(*p): SimpleNamespace(offset=o) for p, o in at.items()}
        return {group: found}


class Broker:
    """What is used of KafkaAdminClient, in memory."""

    def __init__(self, refuse: Mapping[str, tuple[int, str | None]] | None = None) -> None:
        self.topics: dict[str, dict[str, Any]] = {}
        self.refuse = dict(refuse or {})
        self.waited: list[list[str]] = []
        self.answer = "OK"

    def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "error_code": 0,
                "partitions": [
                    {"replica_nodes": list(range(self.topics[name]["replication_factor"]))}
                    for _ in range(self.topics[name]["num_partitions"])
                ],
            }
            if name in self.topics
            else {"name": name, "error_code": 3, "partitions": []}
            for name in topics
        ]

    def describe_configs(
        self, config_resources: list[Any], *, config_filter: str
    ) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
        assert config_filter == "all"
        return {
            "topic": {
                resource.name: {
                    key: {"value": value}
                    for key, value in (self.topics[resource.name]["configs"] | {"x": None}).items()
                }
                for resource in config_resources
            }
        }

    def create_topics(self, new_topics: Mapping[str, Any], *, raise_errors: bool) -> dict[str, Any]:
        assert not raise_errors
        answers = []
        for name, spec in new_topics.items():
            code, message = self.refuse.get(name, (0, None))
            if code == 0:
                self.topics[name] = dict(spec)
            answers.append({"name": name, "error_code": code, "error_message": message})
        return {"topics": answers}

    def alter_configs(
        self, config_resources: list[Any], *, raise_on_unknown: bool
    ) -> dict[str, dict[str, str]]:
        for resource in config_resources:
            self.topics[resource.name]["configs"].update(resource.configs)
        return {"topic": {resource.name: self.answer for resource in config_resources}}

    def wait_for_topics(self, topic_names: list[str]) -> None:
        self.waited.append(topic_names)


def test_every_topic_is_created_as_declared() -> None:
    broker = Broker()
    said: list[str] = []
    created = create(broker, TOPICS, partitions=4, replication_factor=2, said=said.append)
    assert created == [topic.name for topic in TOPICS]
    assert said == [f"{topic.name}: created" for topic in TOPICS]
    assert broker.waited == [created]
    for topic in TOPICS:
        made = broker.topics[topic.name]
        assert made["num_partitions"] == (topic.partitions or 4)
        assert made["replication_factor"] == 2
        assert made["configs"] == dict(topic.config)


def test_creating_again_touches_nothing() -> None:
    broker = Broker()
    create(broker, TOPICS, partitions=4, replication_factor=1)
    broker.topics["shop-clicks"]["configs"]["retention.ms"] = "5"
    assert create(broker, TOPICS, partitions=9, replication_factor=3) == []
    assert broker.topics["shop-clicks"]["configs"]["retention.ms"] == "5"
    assert broker.topics["shop-clicks"]["num_partitions"] == 4


def test_a_topic_that_somebody_else_just_created_is_fine() -> None:
    broker = Broker(refuse={"shop-clicks": (36, "exists")})
    assert "shop-clicks" not in create(broker, TOPICS, partitions=1, replication_factor=1)


def test_too_many_copies_for_the_cluster_name_the_setting() -> None:
    broker = Broker(refuse={"shop-images": (38, "only 1 broker \x1b[0m")})
    with pytest.raises(StartRefused) as refused:
        create(broker, TOPICS, partitions=1, replication_factor=3)
    assert "LOOKSTREAM_REPLICATION_FACTOR is 3" in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_another_refusal_of_the_broker_is_passed_on() -> None:
    broker = Broker(refuse={"shop-images": (29, None)})
    with pytest.raises(StartRefused, match="refused to create shop-images: TopicAuthorization"):
        create(broker, TOPICS, partitions=1, replication_factor=1)


def test_what_a_broker_has_is_seen() -> None:
    broker = Broker()
    assert look(broker, TOPICS) == {}
    create(broker, TOPICS[:1], partitions=3, replication_factor=2)
    (found,) = look(broker, TOPICS).values()
    assert (found.partitions, found.replication_factor) == (3, 2)
    assert found.config == dict(TOPICS[0].config)


def test_fixing_sets_what_differs_and_nothing_else() -> None:
    broker = Broker()
    create(broker, TOPICS, partitions=1, replication_factor=1)
    broker.topics["shop-clicks"]["configs"] = {"cleanup.policy": "compact", "mine": "1"}
    config = Difference("shop-clicks", "", "", config=("cleanup.policy", "delete"))
    partitions = Difference("shop-images", "has 1 partitions", "")
    assert fix(broker, [config, partitions]) == [config]
    assert broker.topics["shop-clicks"]["configs"] == {"cleanup.policy": "delete", "mine": "1"}


def test_nothing_to_fix_asks_nothing_of_the_broker() -> None:
    assert fix(Broker(), [Difference("shop-images", "is missing", "")]) == []


def test_a_refused_fix_is_said() -> None:
    broker = Broker()
    create(broker, TOPICS, partitions=1, replication_factor=1)
    broker.answer = "not authorized"
    difference = Difference("shop-clicks", "", "", config=("cleanup.policy", "delete"))
    with pytest.raises(StartRefused, match="refused to change shop-clicks: not authorized"):
        fix(broker, [difference])


def test_a_broker_that_is_not_there_is_a_sentence() -> None:
    with (
        pytest.raises(StartRefused, match=r"does not answer at 127\.0\.0\.1:1 .*LOOKSTREAM_KAFKA"),
        connect("127.0.0.1:1", timeout_s=0.2),
    ):
        pytest.fail("connected to nothing")


def test_a_broker_that_goes_away_meanwhile_is_a_sentence_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Client:
        closed = False

        def __init__(self, **_: object) -> None: ...

        def close(self) -> None:
            Client.closed = True

    monkeypatch.setattr("streams.topic_admin.KafkaAdminClient", Client)
    with pytest.raises(StartRefused, match="does not answer at b:1"), connect("b:1"):
        raise KafkaConnectionError("gone")
    assert Client.closed


def test_a_new_cluster_may_take_a_moment_to_know_what_was_committed() -> None:
    pauses: list[float] = []
    groups: Any = Groups(missing=3)
    assert committed(groups, "shop", "clicks", pauses.append) == {0: 7}
    assert pauses == [0.5] * 3


def test_a_coordinator_that_stays_away_is_not_waited_for_for_ever() -> None:
    groups: Any = Groups(missing=1000)
    with pytest.raises(CoordinatorNotAvailableError):
        committed(groups, "shop", "clicks", lambda seconds: None)
    assert groups.asked == 10
