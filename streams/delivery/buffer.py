"""Fetched records waiting for their agent: bounded, fair among partitions, in order within one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from streams.records import Record


def size_of(record: Record) -> int:
    """A record's bytes in memory, about: key, value and headers."""
    size = len(record.value or b"") + len(record.key or b"") + 200
    for name, value in record.headers:
        size += len(name) + len(value or b"")
    return size


@dataclass(frozen=True, slots=True)
class Limits:
    """What one batch may hold, and so what may wait.

    max_events  records in a batch.
    max_bytes   bytes in a batch; a single record may be larger.
    linger_s    how long a batch that is not full waits for more, from its first record on.

    Waiting records are bounded by `waiting` times these, and one fetch.
    """

    max_events: int = 256
    max_bytes: int = 8_000_000
    linger_s: float = 0.0
    waiting: int = 3

    def __post_init__(self) -> None:
        if self.max_events < 1 or self.max_bytes < 1 or self.linger_s < 0 or self.waiting < 1:
            raise ValueError(f"a batch needs positive limits: {self}")


@dataclass(slots=True)
class _Queue:
    records: deque[Record] = field(default_factory=deque)
    size_bytes: int = 0


class Buffer:
    """The waiting records of one topic. One producer (the pump), one consumer (the agent)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queues: dict[int, _Queue] = {}
        self._count = 0
        self._size_bytes = 0
        self._since_s = 0.0
        self._filled = asyncio.Event()
        self._full = asyncio.Event()
        self._emptier = asyncio.Event()

    @property
    def count(self) -> int:
        """How many records wait."""
        return self._count

    @property
    def size_bytes(self) -> int:
        """How many bytes wait."""
        return self._size_bytes

    def waiting(self, partition: int) -> int:
        """How many records of one partition wait."""
        queue = self._queues.get(partition)
        return 0 if queue is None else len(queue.records)

    def room(self) -> int:
        """How many records may be fetched now; 0 when it is full by count or by bytes."""
        limits = self._limits
        if self._size_bytes >= limits.max_bytes * limits.waiting:
            return 0
        room = limits.max_events * limits.waiting - self._count
        if self._count and room > 0:
            # Records to come are likely as large as those that wait.
            mean_bytes = self._size_bytes / self._count
            left_bytes = limits.max_bytes * limits.waiting - self._size_bytes
            room = min(room, int(left_bytes / mean_bytes) + 1)
        return max(room, 0)

    def greedy(self, partition: int, partitions: int) -> bool:
        """Whether a partition must wait for others: half full, and it holds more than its share."""
        limits = self._limits
        if (
            self._count * 2 < limits.max_events * limits.waiting
            and self._size_bytes * 2 < limits.max_bytes * limits.waiting
        ):
            return False
        return self.waiting(partition) * partitions > self._count

    async def wait_for_room(self) -> None:
        """Until something was taken or dropped."""
        self._emptier.clear()
        await self._emptier.wait()

    def wake(self) -> None:
        """Let whoever waits for room look again: there is something else to fetch."""
        self._emptier.set()

    def put(self, partition: int, records: Sequence[Record]) -> None:
        """Append fetched records of one partition."""
        queue = self._queues.get(partition)
        if queue is None:
            queue = self._queues[partition] = _Queue()
        size_bytes = sum(map(size_of, records))
        queue.records.extend(records)
        queue.size_bytes += size_bytes
        self._count += len(records)
        self._size_bytes += size_bytes
        if not self._filled.is_set():
            self._since_s = asyncio.get_running_loop().time()
            self._filled.set()
        if self._is_batch():
            self._full.set()

    def clear(self) -> None:
        """Drop all that waits: it will be fetched again, by whoever owns the partitions then."""
        self._queues.clear()
        self._count = self._size_bytes = 0
        self._filled.clear()
        self._full.clear()
        self._emptier.set()

    async def take(self) -> list[Record]:
        """The next batch, as soon as there is something (and `linger_s` has passed, or it is full).

        Partitions take turns; within one, the order is that of the offsets.
        """
        while True:
            await self._filled.wait()
            if self._limits.linger_s and not self._full.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(self._since_s + self._limits.linger_s):
                        await self._full.wait()
            taken = self._take()
            if taken:
                return taken

    def _is_batch(self) -> bool:
        return self._count >= self._limits.max_events or self._size_bytes >= self._limits.max_bytes

    def _take(self) -> list[Record]:
        taken: list[Record] = []
        left, left_bytes = self._limits.max_events, self._limits.max_bytes
        order = list(self._queues.items())
        for visited, (partition, queue) in enumerate(order):
            # An equal share for each that waits; what one leaves over goes to those after it.
            share = -(-left // (len(order) - visited))
            records, size_bytes = _first(queue, share, left_bytes, empty=not taken)
            if not records:
                break
            taken += records
            left -= len(records)
            left_bytes -= size_bytes
            del self._queues[partition]
            if queue.records:
                # To the end of the line: the next batch begins with another partition.
                self._queues[partition] = queue
            if left <= 0:
                break
        self._count -= len(taken)
        self._size_bytes -= self._limits.max_bytes - left_bytes
        if not self._count:
            self._filled.clear()
        if not self._is_batch():
            self._full.clear()
        self._emptier.set()
        return taken


def _first(queue: _Queue, count: int, limit_bytes: int, *, empty: bool) -> tuple[list[Record], int]:
    """Take up to `count` records and about `limit_bytes` off a queue; at least one if `empty`."""
    if queue.size_bytes <= limit_bytes and len(queue.records) <= count:
        records, size_bytes = list(queue.records), queue.size_bytes
        queue.records.clear()
        queue.size_bytes = 0
        return records, size_bytes
    chosen: list[Record] = []
    size_bytes = 0
    for record in islice(queue.records, count):
        record_bytes = size_of(record)
        if size_bytes + record_bytes > limit_bytes and (chosen or not empty):
            break
        chosen.append(record)
        size_bytes += record_bytes
    for _ in chosen:
        queue.records.popleft()
    queue.size_bytes -= size_bytes
    return chosen, size_bytes
