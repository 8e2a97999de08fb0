"""Reading all of a topic without a group: every partition, from chosen offsets on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from streams.errors import DependencyDown
from streams.text import printable

_REQUEST_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 5.0
_RECORDS_AT_ONCE = 500
_METADATA_MAX_AGE_MS = 30_000

Bounds = tuple[int, int]
"""A partition's first offset, and the one after its last record."""


class LogChanged(Exception):
    """The topic is not the one that was read before: recreated, or cut off at its beginning."""


class TopicMissing(DependencyDown):
    """The broker is there, and the topic isn't."""


class TopicLog:
    """One topic's partitions as one log. Kafka's trouble is raised as DependencyDown.

    cluster            the cluster's own id, None where it has none; known once open.
    partitions         numbers of those there are; known once open.
    fetch_max_wait_ms  how long the broker may sit on an empty answer.
    options            passed to aiokafka's clients: security, and what else is needed.
    at_once            records of one `read` at most.
    """

    def __init__(
        self,
        kafka: str,
        topic: str,
        fetch_max_wait_ms: int,
        options: Mapping[str, Any],
        at_once: int = _RECORDS_AT_ONCE,
    ) -> None:
        self._topic = topic
        self._at_once = at_once
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            metadata_max_age_ms=_METADATA_MAX_AGE_MS,
            request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
            max_partition_fetch_bytes=1 << 20,
            **{"fetch_max_wait_ms": 100, **options},
        )
        self._admin_options = {
            k: v for k, v in options.items() if k.startswith(("ssl", "sasl", "security"))
        }
        self._kafka = kafka
        self.cluster: str | None = None
        self.partitions: list[int] = []
        self._assigned: set[int] = set()

    async def open(self) -> None:
        """Connect, and see what topic it is: `cluster` and `partitions` say it then."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka, **self._admin_options)
        with _translated():
            try:
                await admin.start()
                # Asked for by name, a topic that isn't there might be made, and not compacted.
                if self._topic not in await admin.list_topics():
                    raise TopicMissing(
                        "kafka", f"there is no topic {self._topic}: run `lookstream topics create`"
                    )
                (described,) = await admin.describe_topics([self._topic])
                self.cluster = (await admin.describe_cluster()).get("cluster_id") or None
            finally:
                await admin.close()
            self.partitions = sorted(each["partition"] for each in described["partitions"])
            if not self.partitions:
                raise DependencyDown("kafka", f"{self._topic} has no partitions yet")
            await self._consumer.start()

    async def close(self) -> None:
        """Let go of the broker, reachable or not."""
        with contextlib.suppress(DependencyDown), _translated():
            await asyncio.wait_for(self._consumer.stop(), _CLOSE_TIMEOUT_S)

    async def bounds(self) -> dict[int, Bounds]:
        """Of every partition there is."""
        with _translated():
            ours = [TopicPartition(self._topic, number) for number in self.partitions]
            first = await self._consumer.beginning_offsets(ours)
            end = await self._consumer.end_offsets(ours)
        return {each.partition: (first[each], end[each]) for each in ours}

    async def ends(self) -> dict[int, int]:
        """Assigned partition -> the offset after its last record now."""
        with _translated():
            ours = [TopicPartition(self._topic, number) for number in sorted(self._assigned)]
            ends = await asyncio.wait_for(self._consumer.end_offsets(ours), _REQUEST_TIMEOUT_S)
        return {each.partition: end for each, end in ends.items()}

    def has_grown(self) -> bool:
        """Whether there are partitions that are not being read. Then open it anew."""
        known = self._consumer.partitions_for_topic(self._topic)
        return bool(known) and not known <= self._assigned

    def read_from(self, offsets: Mapping[int, int]) -> None:
        """Read these partitions from these offsets on."""
        self._assigned = set(offsets)
        self._consumer.assign([TopicPartition(self._topic, number) for number in offsets])
        for number, offset in offsets.items():
            self._consumer.seek(TopicPartition(self._topic, number), offset)

    async def read(self, timeout_ms: int) -> list[Any]:
        """The next records, in order within a partition; none if nothing comes in time.

        Raises LogChanged when the place to read on from is not in the log any more.
        """
        with _translated():
            found = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=self._at_once)
        return [record for records in found.values() for record in records]

    async def position(self, partition: int) -> int:
        """The next offset that will be read: past gaps that compaction and transactions leave."""
        with _translated():
            return int(await self._consumer.position(TopicPartition(self._topic, partition)))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OffsetOutOfRangeError as error:
        raise LogChanged("the place to read on from is not in the topic any more") from error
    except TimeoutError as error:
        raise DependencyDown("kafka", f"no answer within {_REQUEST_TIMEOUT_S:g} s") from error
    except (KafkaError, OSError) as error:
        detail = printable(f"{type(error).__name__}: {error}", 200)
        raise DependencyDown("kafka", detail) from error
    except asyncio.CancelledError as error:
        # aiokafka shares futures between calls: when one call is given up, others see it as their
        # own cancellation. Nobody cancelled us unless the task says so.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise DependencyDown("kafka", "the client lost its connections") from error
