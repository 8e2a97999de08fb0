"""The broker, store and topics a demo runs on: embedded ones, or somebody's own.

On somebody's own Kafka and Redis everything is made under a prefix of its own, and removed at the
end; nothing of the owner's is read or touched.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from streams import topic_admin
from streams.errors import DependencyDown
from streams.local.broker import FETCH_WAIT_MS, start_broker
from streams.local.store import start_store
from streams.stores.clearing import clear
from streams.topics import Topics

_PARTITIONS = 4
_BROKER_DEFAULT = -1
_OWN_FETCH_WAIT_MS = 100  # a real broker answers as soon as there is something


@dataclass(frozen=True, slots=True)
class Services:
    """Where things are, for the workers and for the demo's own clients."""

    kafka: str
    redis: str
    topics: Topics
    fetch_wait_ms: int
    tuning: Mapping[str, str]
    """Settings the workers need on this broker."""


def open_services(
    stack: ExitStack,
    folder: Path,
    *,
    kafka: str | None,
    redis: str | None,
    stopped: Callable[[], bool],
    note: Callable[[str], None],
) -> Services:
    """Start what is not named, make the topics, and put the undoing of it all onto `stack`.

    `note` takes sentences about what could not be undone. Raises ChildFailed or StartRefused.
    """
    prefix = "" if kafka is None and redis is None else f"lookstream-demo-{secrets.token_hex(4)}-"
    if redis is None:
        store, url = start_store(folder, stopped=stopped)
        stack.callback(store.stop)
    else:
        url = redis
        stack.callback(_clear_store, url, prefix, note)
    if kafka is None:
        broker, servers = start_broker(folder, stopped=stopped)
        stack.callback(broker.stop)
    else:
        servers = kafka
    topics = Topics(prefix)
    if not stopped():
        with topic_admin.connect(servers) as admin:
            if kafka is not None:
                stack.callback(_remove_topics, servers, topics, note)
            topic_admin.create(
                admin,
                topics,
                partitions=_PARTITIONS,
                replication_factor=1 if kafka is None else _BROKER_DEFAULT,
            )
    if kafka is None:
        tuning = {
            "SESSION_TIMEOUT_S": "6",
            "FETCH_MAX_WAIT_S": str(FETCH_WAIT_MS / 1000),
            "IDEMPOTENT_PRODUCER": "false",  # this broker knows no producer ids
        }
        return Services(servers, url, topics, FETCH_WAIT_MS, tuning)
    return Services(servers, url, topics, _OWN_FETCH_WAIT_MS, {})


def _remove_topics(servers: str, topics: Topics, note: Callable[[str], None]) -> None:
    """Delete the demo's topics and its consumer groups from somebody's own broker."""
    try:
        admin = KafkaAdminClient(bootstrap_servers=servers.split(","))
        try:
            admin.delete_topics([topic.name for topic in topics])
            groups = [group["group_id"] for group in admin.list_groups()]
            ours = [group for group in groups if group.startswith(topics.prefix)]
            if ours:
                admin.delete_groups(ours)
        finally:
            admin.close()
    except (KafkaError, OSError) as error:
        note(
            f"The topics and groups that begin with {topics.prefix!r} could not all be removed "
            f"({type(error).__name__}): remove them by hand."
        )


def _clear_store(url: str, prefix: str, note: Callable[[str], None]) -> None:
    try:
        clear(url, prefix)
    except DependencyDown as error:
        note(f"The keys that begin with {prefix!r} could not be removed ({error}).")
