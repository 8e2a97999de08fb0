"""What each worker must be allowed on Kafka, and what of it the broker denies.

deploy/kafka/acls.sh grants exactly these; a test holds the two together. What a broker doesn't tell
(one without an authorizer, or that is no Apache Kafka) is not held against it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from kafka.errors import (
    AuthorizationError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

from streams import topic_admin
from streams.errors import DependencyDown, StartRefused
from streams.settings import Settings

_TIMEOUT_S = 5.0

Operation = Literal["READ", "WRITE"]
Worker = Literal["embedder", "recommender", "learner"]
WORKERS: tuple[Worker, ...] = ("embedder", "recommender", "learner")


@dataclass(frozen=True, slots=True)
class Right:
    """One operation on one topic or consumer group."""

    operation: Operation
    kind: Literal["topic", "group"]
    name: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} {self.name}"


class Describing(Protocol):
    """What is used of kafka-python's KafkaAdminClient."""

    def describe_topics(self, topics: list[str]) -> list[dict[str, Any]]: ...
    def describe_groups(self, group_ids: list[str]) -> dict[str, dict[str, Any]]: ...


def needed(worker: Worker, settings: Settings) -> tuple[Right, ...]:
    """All that a worker of this name does. Each of these brings DESCRIBE with it."""
    topics = settings.topics()
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    match worker:
        case "embedder":
            reads, writes = (topics.images,), (topics.item_embeddings, topics.dead_letters)
        case "recommender":
            reads = (topics.clicks, topics.item_embeddings)
            writes = (topics.recommendations, topics.dead_letters)
            if settings.learning:
                reads += (topics.item_signals, topics.ranker)
                writes += (topics.interactions,)
        case "learner":
            reads = (topics.interactions, topics.item_embeddings)
            writes = (topics.item_signals, topics.ranker, topics.dead_letters)
    return (
        *(Right("READ", "topic", name) for name in reads),
        *(Right("WRITE", "topic", name) for name in writes),
        Right("READ", "group", settings.group(worker)),
    )


def denied(admin: Describing, rights: Sequence[Right]) -> list[Right]:
    """Those of `rights` that the broker says we don't have, in their order."""
    topics = sorted({right.name for right in rights if right.kind == "topic"})
    allowed: dict[tuple[str, str], set[str] | None] = {}
    for topic in admin.describe_topics(topics):
        hidden = topic["error_code"] == TopicAuthorizationFailedError.errno
        there = topic["error_code"] == 0
        operations = topic.get("authorized_operations") if there else None
        allowed["topic", topic["name"]] = set() if hidden else _told(operations)
    for group in sorted({right.name for right in rights if right.kind == "group"}):
        try:
            described = topic_admin.of_a_group(partial(admin.describe_groups, [group]))[group]
        except GroupAuthorizationFailedError:
            allowed["group", group] = set()
        else:
            allowed["group", group] = _told(described.get("authorized_operations"))
    return [
        right
        for right in rights
        if (told := allowed.get((right.kind, right.name))) is not None
        and right.operation not in told
    ]


def check_rights(worker: Worker, settings: Settings, options: Mapping[str, Any]) -> None:
    """Raises StartRefused where a worker of this name lacks a right, DependencyDown for "not now".

    Blocking, for some hundred milliseconds.
    """
    rights = needed(worker, settings)
    try:
        with topic_admin.connect(settings.kafka, options, timeout_s=_TIMEOUT_S) as admin:
            lacking = denied(admin, rights)
    except StartRefused as refused:
        if isinstance(refused.__cause__, AuthorizationError):
            raise
        # The brokers have just been greeted, so whatever this is may pass.
        why = type(refused.__cause__ or refused).__name__
        raise DependencyDown("kafka", f"doesn't say what we may do ({why})") from refused
    if lacking:
        raise StartRefused(refusal(worker, lacking, settings, options))


def refusal(
    worker: Worker, lacking: Sequence[Right], settings: Settings, options: Mapping[str, Any]
) -> str:
    """What is missing, for people."""
    return (
        f"Kafka at {settings.kafka} denies the {worker} ({topic_admin.us(options)}) "
        f"{', '.join(map(str, lacking))}. {topic_admin.RIGHTS_ADVICE}"
    )


def _told(operations: Sequence[str] | None) -> set[str] | None:
    return set(operations) if operations else None
