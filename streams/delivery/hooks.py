"""What delivery relies on inside Faust and aiokafka, by name and signature, checked at start.

Much of it is private, so faust-streaming and aiokafka are pinned exactly. A new version that moves
one of these is refused at start, and by tests/unit/delivery/test_hooks.py, instead of losing
events in the dark.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.consumer.subscription_state import (
    Assignment,
    SubscriptionState,
    TopicPartitionState,
)
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.sender import Sender
from aiokafka.record.default_records import _DefaultRecordBatchPy
from faust.app.base import BootStrategy
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import Transport

from streams.errors import StartRefused

FAUST_VERSION = "0.15.3"
AIOKAFKA_VERSION = "0.14.0"


@dataclass(frozen=True, slots=True)
class Hook:
    """`owner.name` must exist and, if it is a function, take these arguments (self left out)."""

    owner: Any
    name: str
    arguments: tuple[str, ...] | None
    why: str

    @property
    def label(self) -> str:
        """For people: Class.name."""
        return f"{self.owner.__name__}.{self.name}"

    def problem(self) -> str | None:
        """What is wrong with it, or None."""
        found = inspect.getattr_static(self.owner, self.name, None)
        if found is None and self.name not in getattr(self.owner, "__annotations__", {}):
            return f"{self.label} is gone ({self.why})"
        if self.arguments is None:
            return None
        function = getattr(found, "__wrapped__", found)
        if not callable(function):
            return f"{self.label} is no function any more ({self.why})"
        taken = tuple(inspect.signature(function).parameters)[1:]
        if taken[: len(self.arguments)] != self.arguments:
            return f"{self.label} takes {taken}, not {self.arguments} ({self.why})"
        return None


HOOKS = (
    # what is replaced of Faust's
    Hook(faust.App, "_new_transport", (), "plugs the batch consumer in"),
    Hook(faust.App, "_create_directories", (), "no files are written"),
    Hook(faust.App, "Table", ("name",), "refused: its part of the consumer is not there"),
    Hook(faust.App, "GlobalTable", ("name",), "refused as well"),
    Hook(faust.App, "SetTable", ("name",), "refused as well"),
    Hook(faust.App, "SetGlobalTable", ("name",), "refused as well"),
    Hook(BootStrategy, "enable_kafka_producer", None, "the outbox has its own producer"),
    Hook(BootStrategy, "enable_sensors", None, "sensors cost and nobody reads them"),
    Hook(BootStrategy, "enable_web", None, "no web server of Faust's"),
    Hook(Transport, "Consumer", None, "the batch consumer's place"),
    Hook(Transport, "create_consumer", ("callback",), "makes the batch consumer"),
    Hook(Consumer, "_drain_messages", ("fetcher",), "fetches into the lanes"),
    Hook(Consumer, "commit", ("topics", "start_new_transaction"), "commits what is finished"),
    Hook(Consumer, "wait_empty", (), "settles before partitions go"),
    Hook(Consumer, "on_partitions_revoked", ("revoked",), "settles first"),
    Hook(Consumer, "on_partitions_assigned", ("assigned", "generation_id"), "Faust's own steps"),
    Hook(Consumer, "perform_seek", (), "aiokafka starts at the committed offset by itself"),
    Hook(Consumer, "verify_all_partitions_active", (), "not needed"),
    Hook(Consumer, "_commit_handler", None, "the timer that calls commit"),
    Hook(Consumer, "can_resume_flow", None, "fetching waits for it"),
    Hook(Consumer, "flow_active", None, "fetching waits for it"),
    # what is called of Faust's
    Hook(faust.App, "on_rebalance_start", (), "told of a rebalance"),
    Hook(faust.App, "_on_partitions_revoked", ("revoked",), "Faust's steps of a rebalance"),
    Hook(
        faust.App,
        "_on_partitions_assigned",
        ("assigned", "generation_id"),
        "Faust's steps of a rebalance",
    ),
    Hook(faust.App, "on_stop", (), "stops the flow before the agents"),
    Hook(faust.App, "crashed", None, "a crash ends the process"),
    Hook(Conductor, "add", ("topic",), "subscribes"),
    # aiokafka
    Hook(AIOKafkaConsumer, "getmany", ("partitions", "timeout_ms", "max_records"), "fetches"),
    Hook(AIOKafkaConsumer, "commit", ("offsets",), "commits"),
    Hook(AIOKafkaConsumer, "subscribe", ("topics", "pattern", "listener"), "subscribes"),
    Hook(AIOKafkaConsumer, "highwater", ("partition",), "lag"),
    Hook(AIOKafkaConsumer, "last_stable_offset", ("partition",), "lag"),
    Hook(AIOKafkaConsumer, "end_offsets", ("partitions",), "lag"),
    Hook(SubscriptionState, "subscription", None, "positions"),
    Hook(Assignment, "state_value", ("tp",), "positions"),
    Hook(TopicPartitionState, "position", None, "positions"),
    Hook(TopicPartitionState, "has_valid_position", None, "positions"),
    Hook(AIOKafkaProducer, "create_batch", (), "packs messages"),
    Hook(AIOKafkaProducer, "send_batch", ("batch", "topic", "partition"), "publishes"),
    Hook(AIOKafkaProducer, "partitions_for", ("topic",), "chooses partitions"),
    Hook(BatchBuilder, "append", ("timestamp", "key", "value", "headers"), "packs messages"),
    Hook(BatchBuilder, "close", (), "packs messages"),
    Hook(Sender, "sender_task", None, "drops a producer at once"),
    Hook(AIOKafkaClient, "close", (), "drops a producer at once"),
    Hook(AIOKafkaClient, "fetch_all_metadata", (), "looks for missing topics"),
    Hook(AIOKafkaClient, "_md_synchronizer", (), "watched: it keeps the metadata"),
    Hook(AIOKafkaClient, "send", ("node_id", "request", "group"), "fenced: refuses to publish"),
    Hook(AIOKafkaClient, "ready", ("node_id", "group"), "fenced: connects before the last check"),
    Hook(AIOKafkaConnection, "close", ("reason", "exc"), "fenced: ends what is half sent"),
    Hook(KafkaError, "retriable", None, "fenced: a refusal is not repeated inside aiokafka"),
    Hook(GroupCoordinator, "_send_req", ("request",), "the lease follows its answers"),
    Hook(GroupCoordinator, "_do_heartbeat", (), "sends by _send_req"),
    Hook(
        CoordinatorGroupRebalance,
        "_send_sync_group_request",
        ("request",),
        "sends by _send_req",
    ),
    Hook(GroupCoordinator, "_coordination_routine", (), "watched: it keeps the membership"),
    Hook(Fetcher, "_fetch_requests_routine", (), "watched: it fetches"),
    Hook(fetcher, "MemoryRecords", None, "reads header names that are no UTF-8"),
    Hook(_DefaultRecordBatchPy, "_maybe_uncompress", (), "reads header names that are no UTF-8"),
)


def check_hooks() -> None:
    """Raise StartRefused if this Faust or aiokafka is not one that delivery knows."""
    found = {name: version(name) for name in ("faust-streaming", "aiokafka")}
    problems = [problem for hook in HOOKS if (problem := hook.problem())]
    if problems:
        raise StartRefused(
            f"faust-streaming {found['faust-streaming']} and aiokafka {found['aiokafka']} are not "
            f"what lookstream is built on ({FAUST_VERSION}, {AIOKAFKA_VERSION}): "
            f"{'; '.join(problems)}. Install the pinned versions."
        )
