"""Keeps what a recommender serves of the crowd's teaching equal to the learner's topics.

At start it reads both to the end they had at that moment, waiting for a broker that is away: what
is half read would go into residuals, and stay there. Then it follows, and lists never wait for it:
where the learner or its topics are away, what is there goes on being served, and `age_s` says how
old it is.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from streams.core.crowd import Crowd
from streams.core.learning.signals import SignalsCorrupt, decode_signals
from streams.core.learning.weights_codec import WeightsCorrupt, decode_weights
from streams.errors import DependencyDown
from streams.records import Record
from streams.stores.replica_log import LogChanged, TopicMissing

_SLICE_S = 0.005
_READ_TIMEOUT_MS = 200
_BACKOFF_S = (0.2, 5.0)
_KEY_CHARACTERS = 8

_log = logging.getLogger(__name__)


class CrowdObserver(Protocol):
    """What is told of the replica. `streams/metrics.py` is one."""

    def crowd(self, *, items: int, left_out: int) -> None: ...
    def crowd_skipped(self, records: int) -> None: ...


class Log(Protocol):
    """One topic's partitions as one log, as replica_log.TopicLog has them."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def bounds(self) -> dict[int, tuple[int, int]]: ...
    def has_grown(self) -> bool: ...
    def read_from(self, offsets: Mapping[int, int]) -> None: ...
    async def read(self, timeout_ms: int) -> list[Any]: ...
    async def position(self, partition: int) -> int: ...


class CrowdReplica:
    """Feeds `crowd` from the topics `signals` and `ranker`.

    open_log  a topic's log, not yet open; replica_log.TopicLog is one.
    begun     set once: when the topics have been read to their end, or aren't there.
    clock     seconds since the epoch.
    """

    def __init__(
        self,
        crowd: Crowd,
        *,
        signals: str,
        ranker: str,
        open_log: Callable[[str], Log],
        observer: CrowdObserver,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._crowd = crowd
        self._observer = observer
        self._clock = clock
        self._learned_at_s = -math.inf
        self._skipped = 0
        self._feeds = [
            _Feed(self, signals, self._take_signals, self._forget_all),
            _Feed(self, ranker, self._take_weights, lambda: None),
        ]
        self._open = open_log
        self.begun = asyncio.Event()

    @property
    def age_s(self) -> float:
        """Since the learner last published weights; nan if it never did."""
        age_s = self._clock() - self._learned_at_s
        return max(age_s, 0.0) if math.isfinite(age_s) else math.nan

    async def run(self) -> None:
        """Follow both topics until cancelled. Waits for a broker that is away."""
        async with asyncio.TaskGroup() as group:
            for feed in self._feeds:
                group.create_task(feed.follow(self._open))

    def progressed(self) -> None:
        """A feed has begun, or more has been read."""
        if all(feed.begun for feed in self._feeds) and not self.begun.is_set():
            _log.info("what the crowd teaches: %d items", self._crowd.table.size)
            self.begun.set()
        table = self._crowd.table
        self._observer.crowd(items=table.size, left_out=table.left_out)

    def skip(self, record: Record, error: ValueError) -> None:
        """A record that can't be read is left out, and told once."""
        self._observer.crowd_skipped(1)
        self._skipped += 1
        if self._skipped == 1:
            _log.error(
                "%s/%d offset %d can't be read and is left out: %s. Later ones are only counted",
                record.topic,
                record.partition,
                record.offset,
                error,
            )

    def _take_signals(self, record: Record) -> None:
        key = record.key or b""
        if len(key) != _KEY_CHARACTERS:
            raise SignalsCorrupt(f"a key of {len(key)} bytes is none of an item")
        number = int(key, 16)
        if record.value is None:
            self._crowd.table.forget(number)
            return
        item = decode_signals(record.value)
        if item.key != number:
            raise SignalsCorrupt("signals under the key of another item")
        self._crowd.table.put(item)

    def _forget_all(self) -> None:
        table = self._crowd.table
        for key in table.keys[: table.size].tolist():
            table.forget(key)

    def _take_weights(self, record: Record) -> None:
        if record.value is None:
            raise WeightsCorrupt("there are none")
        self._crowd.table.weights = decode_weights(record.value)
        self._learned_at_s = record.timestamp / 1000


class _Feed:
    """One of the topics. `take` raises ValueError for a record it can't use; `clear` forgets."""

    def __init__(
        self,
        replica: CrowdReplica,
        topic: str,
        take: Callable[[Record], None],
        clear: Callable[[], None],
    ) -> None:
        self._replica = replica
        self._topic = topic
        self._take = take
        self._clear = clear
        self._next: dict[int, int] = {}
        self._told = ""
        self.begun = False

    async def follow(self, open_log: Callable[[str], Log]) -> None:
        """Read all of the topic, then what comes, until cancelled."""
        backoff_s = _BACKOFF_S[0]
        while True:
            log = open_log(self._topic)
            try:
                await log.open()
                backoff_s = _BACKOFF_S[0]
                await self._read(log)
            except DependencyDown as down:
                if isinstance(down, TopicMissing):
                    self._begin()
                self._complain(str(down))
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_S[1])
            except LogChanged as changed:
                self._start_anew(str(changed))
            finally:
                await log.close()

    def _start_anew(self, why: str) -> None:
        _log.warning("reading %s from its beginning: %s", self._topic, why)
        self._clear()
        self._next = {}

    async def _read(self, log: Log) -> None:
        bounds = await log.bounds()
        if any(self._next.get(partition, 0) > end for partition, (_, end) in bounds.items()):
            self._start_anew("it ends before what was read, so it was made anew")
        starts = {p: max(self._next.get(p, first), first) for p, (first, _) in bounds.items()}
        log.read_from(starts)
        self._next = dict(starts)
        goal = {partition: end for partition, (_, end) in bounds.items()}
        while not log.has_grown():
            records = await log.read(_READ_TIMEOUT_MS)
            self._told = ""
            await self._apply(records)
            if not self.begun:
                at = {partition: await log.position(partition) for partition in goal}
                if all(at[partition] >= end for partition, end in goal.items()):
                    self._begin()
            elif records:
                self._replica.progressed()

    async def _apply(self, records: list[Record]) -> None:
        slice_began_s = time.perf_counter()
        for record in records:
            try:
                self._take(record)
            except ValueError as error:
                self._replica.skip(record, error)
            self._next[record.partition] = record.offset + 1
            if time.perf_counter() - slice_began_s > _SLICE_S:
                await asyncio.sleep(0)
                slice_began_s = time.perf_counter()

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            self._replica.progressed()

    def _complain(self, why: str) -> None:
        if why != self._told:
            self._told = why
            so = "lists go on with what is there" if self.begun else "waiting for it"
            _log.warning("%s can't be followed (%s): %s", self._topic, why, so)
