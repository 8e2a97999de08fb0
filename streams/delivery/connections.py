"""How the app connects to Kafka: one consumer, one producer, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

# The main loop carries aiokafka's heartbeats: a loop that hangs loses its partitions by that.
# aiokafka's own clock for idle consumers must therefore never strike: while buffers are full
# nobody fetches, and a consumer that left the group for it would not come back (a day or a month
# of outage is not a reason to leave).
NEVER_MS = 2**31 - 1
# How much the outbox packs into one record batch; a larger message travels alone.
PACK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How the app talks to Kafka. See `make_app`."""

    servers: str
    group: str
    session_timeout_s: float
    fetch_max_wait_ms: int
    fetch_max_bytes: int
    max_partition_fetch_bytes: int
    compression: str | None
    idempotent: bool
    read_committed: bool
    commit_interval_s: float
    security: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.session_timeout_s <= 300:
            raise ValueError("session_timeout_s must be between 1 and 300")

    @property
    def addresses(self) -> list[str]:
        """host:port, each."""
        return [server.strip() for server in self.servers.split(",") if server.strip()]

    def new_consumer(self, client_id: str, rebalance_timeout_s: float) -> AIOKafkaConsumer:
        """Not yet started. `rebalance_timeout_s`: how long the group waits for this member."""
        return AIOKafkaConsumer(
            bootstrap_servers=self.addresses,
            client_id=client_id,
            group_id=self.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed" if self.read_committed else "read_uncommitted",
            session_timeout_ms=int(self.session_timeout_s * 1000),
            heartbeat_interval_ms=int(self.session_timeout_s * 1000 / 3),
            rebalance_timeout_ms=int(max(self.session_timeout_s, rebalance_timeout_s) * 1000),
            max_poll_interval_ms=NEVER_MS,
            # The session must end before a request does.
            request_timeout_ms=int(max(self.session_timeout_s + 5, 15) * 1000),
            fetch_max_wait_ms=self.fetch_max_wait_ms,
            fetch_max_bytes=self.fetch_max_bytes,
            max_partition_fetch_bytes=self.max_partition_fetch_bytes,
            **self.security,
        )

    def new_producer(self, client_id: str) -> AIOKafkaProducer:
        """Not yet started. It never waits to fill a batch: a whole one comes from the outbox."""
        return AIOKafkaProducer(
            bootstrap_servers=self.addresses,
            client_id=client_id,
            acks="all",
            enable_idempotence=self.idempotent,
            linger_ms=0,
            max_batch_size=PACK_BYTES,
            compression_type=self.compression,
            request_timeout_ms=15000,
            **self.security,
        )
