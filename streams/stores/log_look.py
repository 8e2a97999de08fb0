"""A look into a topic: where it ends, and the first record there still is between two offsets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from streams.stores.replica_log import TopicLog

_READ_TIMEOUT_MS = 500


class LogLook:
    """Looks into topics of the brokers at `kafka`. `options`: for aiokafka's clients."""

    def __init__(
        self, kafka: str, fetch_max_wait_ms: int, options: Mapping[str, Any] | None = None
    ) -> None:
        self._kafka = kafka
        self._fetch_max_wait_ms = fetch_max_wait_ms
        self._options = options or {}

    async def first_record(self, topic: str, partition: int, start: int, end: int) -> int | None:
        """The offset of the first record in [start, end), or None: there is none any more.

        Opens a connection for it: ask seldom. Raises DependencyDown("kafka", …).
        """
        async with self._opened(topic) as log:
            first, log_end = (await log.bounds())[partition]
            at, end = max(start, first), min(end, log_end)
            if at >= end:
                return None
            log.read_from({partition: at})
            while True:
                for record in await log.read(_READ_TIMEOUT_MS):
                    return int(record.offset) if record.offset < end else None
                if await log.position(partition) >= end:
                    return None

    async def ends(self, topic: str) -> dict[int, int]:
        """Partition -> the offset after its last record. As above."""
        async with self._opened(topic) as log:
            return {partition: end for partition, (_, end) in (await log.bounds()).items()}

    @asynccontextmanager
    async def _opened(self, topic: str) -> AsyncIterator[TopicLog]:
        log = TopicLog(self._kafka, topic, self._fetch_max_wait_ms, self._options)
        try:
            await log.open()
            yield log
        finally:
            await log.close()
