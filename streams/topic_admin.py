"""Topics as the broker has them: created as declared in topics.py, and compared with it.

`create` makes what is missing and touches nothing else; with `fix` it also sets configuration that
differs. Partitions are never changed: adding some moves users to others (see each topic's note).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    AuthorizationError,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from streams.errors import DependencyDown, StartRefused
from streams.kafka_greeting import greet
from streams.text import printable
from streams.topic_check import HIDDEN, Difference, Found
from streams.topic_kinds import Topic

T = TypeVar("T")

_COORDINATOR_NOT_YET = (
    CoordinatorNotAvailableError,
    CoordinatorLoadInProgressError,
    NotCoordinatorError,
)
_COORDINATOR_TRIES = 10
_COORDINATOR_PAUSE_S = 0.5
RIGHTS_ADVICE = "deploy/kafka/acls.sh has every right that is needed."


class Admin(Protocol):
    """What is used of kafka-python's KafkaAdminClient."""

    def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]: ...
    def describe_configs(
        self, config_resources: list[Any], *, config_filter: str
    ) -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]: ...
    def create_topics(
        self, new_topics: Mapping[str, Any], *, raise_errors: bool
    ) -> Mapping[str, Any]: ...
    def alter_configs(
        self, config_resources: list[Any], *, raise_on_unknown: bool
    ) -> Mapping[str, Mapping[str, str]]: ...
    def wait_for_topics(self, topic_names: list[str]) -> None: ...
    def list_group_offsets(self, group: str) -> Mapping[Any, Any]: ...
    def describe_groups(self, group_ids: list[str]) -> dict[str, dict[str, Any]]: ...


@contextmanager
def connect(
    kafka: str, options: Mapping[str, Any] | None = None, *, timeout_s: float = 10.0
) -> Iterator[Admin]:
    """An admin client of the brokers at `kafka`; `options` of wires.py.

    Raises StartRefused if none answers, or if it lets us in or do something not.
    """
    options = options or {}
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=kafka.split(","),
            client_id="lookstream-admin",
            bootstrap_timeout_ms=int(timeout_s * 1000),
            request_timeout_ms=int(timeout_s * 1000),
            **options,
        )
    except (KafkaError, OSError, ValueError) as error:
        raise refusal_of(kafka, options, error) from error
    try:
        yield admin
    except (KafkaError, OSError) as error:
        raise refusal_of(kafka, options, error) from error
    finally:
        admin.close()


def refusal_of(kafka: str, options: Mapping[str, Any], error: Exception) -> StartRefused:
    """Why there is no going on with this Kafka. kafka-python says only that it took too long."""
    if isinstance(error, AuthorizationError):
        return StartRefused(
            f"Kafka at {kafka} denies that to {us(options)} ({printable(str(error), 200)}). "
            f"{RIGHTS_ADVICE}"
        )
    why = type(error).__name__
    try:
        asyncio.run(greet(kafka, options, timeout_s=2.0))
    except StartRefused as refused:
        return refused
    except DependencyDown as down:
        why = down.detail
    return StartRefused(
        f"Kafka does not answer at {kafka} ({why}). "
        "Start it, or set LOOKSTREAM_KAFKA to where it is."
    )


def us(options: Mapping[str, Any]) -> str:
    """Who we are to Kafka, for people."""
    user = options.get("sasl_plain_username")
    if user:
        return f"LOOKSTREAM_KAFKA_USERNAME={printable(user, 200)}"
    return "whom LOOKSTREAM_KAFKA_TLS_CERT names" if options else "clients without a user"


def look(admin: Admin, topics: Iterable[Topic]) -> dict[str, Found]:
    """The topics that exist, or that are hidden from us, by full name."""
    names = [topic.name for topic in topics]
    answers = admin.describe_topics(names)
    hidden = {
        topic["name"]: HIDDEN
        for topic in answers
        if topic["error_code"] == TopicAuthorizationFailedError.errno
    }
    described = {
        topic["name"]: topic["partitions"] for topic in answers if topic["error_code"] == 0
    }
    if not described:
        return hidden
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
    configs = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return hidden | {
        name: Found(
            partitions=len(partitions),
            replication_factor=min((len(p["replica_nodes"]) for p in partitions), default=0),
            config={
                key: str(entry["value"])
                for key, entry in configs.get(name, {}).items()
                if entry["value"] is not None
            },
        )
        for name, partitions in described.items()
    }


def create(
    admin: Admin,
    topics: Iterable[Topic],
    *,
    partitions: int,
    replication_factor: int,
    said: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Create the topics that are missing; the names of those created.

    Doing it twice does it once, and two at a time do no harm. Raises StartRefused where the broker
    refuses.
    """
    wanted = {topic.name: topic for topic in topics}
    found = look(admin, wanted.values())
    missing = {
        name: {
            "num_partitions": topic.partitions or partitions,
            "replication_factor": replication_factor,
            "configs": dict(topic.config),
        }
        for name, topic in wanted.items()
        if found.get(name, HIDDEN) is HIDDEN
    }
    if not missing:
        return []
    answer = admin.create_topics(missing, raise_errors=False)
    created = []
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        if error is NoError:
            created.append(topic["name"])
            said(f"{topic['name']}: created")
        elif error is not TopicAlreadyExistsError:
            raise _refused(topic["name"], error, topic.get("error_message"), replication_factor)
    admin.wait_for_topics(list(missing))
    return created


def _refused(
    name: str, error: type[KafkaError], message: str | None, replication_factor: int
) -> StartRefused:
    why = printable(message or error.__name__, 200)
    advice = "Ask whoever runs the cluster, or create it there as docs/topics.md says."
    if error is InvalidReplicationFactorError:
        advice = (
            f"LOOKSTREAM_REPLICATION_FACTOR is {replication_factor}; set it to at most the number "
            "of brokers."
        )
    return StartRefused(f"Kafka refused to create {name}: {why} {advice}")


def fix(admin: Admin, listed: Sequence[Difference]) -> list[Difference]:
    """Set the configuration that differs; what was set. Raises StartRefused if it is refused."""
    fixable = []
    wanted: dict[str, dict[str, str]] = {}
    for difference in listed:
        if difference.config is not None:
            name, value = difference.config
            wanted.setdefault(difference.topic, {})[name] = value
            fixable.append(difference)
    if not wanted:
        return []
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic, dict(config))
        for topic, config in wanted.items()
    ]
    answers = admin.alter_configs(resources, raise_on_unknown=False).get("topic", {})
    for topic, answer in answers.items():
        if answer != "OK":
            raise StartRefused(f"Kafka refused to change {topic}: {printable(answer, 200)}")
    return fixable


def of_a_group(ask: Callable[[], T], pause: Callable[[float], None] = time.sleep) -> T:
    """What `ask` finds out about a group.

    A cluster that has never had a group makes the topic for their offsets when it is first asked,
    and has no answer for a moment.
    """
    for _ in range(_COORDINATOR_TRIES - 1):
        try:
            return ask()
        except _COORDINATOR_NOT_YET:
            pause(_COORDINATOR_PAUSE_S)
    return ask()


def committed(
    admin: Admin, group: str, topic: str, pause: Callable[[float], None] = time.sleep
) -> dict[int, int]:
    """Partition -> the offset that the consumer group has committed, where there is one."""
    listed = of_a_group(lambda: admin.list_group_offsets(group), pause)
    return {
        place.partition: found.offset
        for place, found in listed.get(group, listed).items()
        if place.topic == topic and found.offset >= 0
    }
