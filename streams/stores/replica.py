"""Keeps an item index equal to the topic `item-embeddings`.

At start it takes the snapshot, if one fits, then reads the topic to the end it had at that moment;
from then on it is *caught up*, and follows. While the broker is away the index serves what it has,
`stale_s` says how old that is, and the replica keeps trying, loudly.

The event loop is never held for more than some milliseconds: records are applied, and the graph is
built, in slices.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams.embeddings import ItemRecord, ViewRecord, decode
from streams.errors import DependencyDown
from streams.records import Record
from streams.stores.item_index import ItemIndex
from streams.stores.replica_log import LogChanged, TopicLog
from streams.stores.replica_observer import Complaints, ReplicaObserver, Unobserved
from streams.stores.replica_start import Places, from_snapshot
from streams.stores.snapshot import Origin
from streams.stores.snapshot_keeper import SnapshotKeeper

_SLICE_S = 0.005
_READ_TIMEOUT_MS = 200
_PROBE_EVERY_S = 2.0
_TELL_EVERY_S = 1.0
_BACKOFF_S = (0.2, 5.0)
# So many vectors may still be on their way into the graph when lists begin: until they are in it, a
# query costs about three times what it does later.
_READY_WAITING = 50_000

_log = logging.getLogger(__name__)


class IndexReplica:
    """Feeds `index` from `topic` of the brokers at `kafka` (host:port,…).

    snapshot_dir  where snapshots lie, in a folder for each topic and model; None: there are none.
    on_progress   (records done, records in all), now and then until caught up.
    options       for aiokafka's clients: security, and what else an installation needs.
    caught_up     set once, when lists may be made from the index.
    """

    def __init__(
        self,
        index: ItemIndex,
        *,
        kafka: str,
        topic: str,
        snapshot_dir: Path | None = None,
        snapshot_every_s: float = 300.0,
        fetch_max_wait_ms: int = 100,
        observer: ReplicaObserver | None = None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._index = index
        self._topic = topic
        self._open_log: Callable[[], TopicLog] = lambda: TopicLog(
            kafka, topic, fetch_max_wait_ms, options or {}
        )
        self._keeper = (
            SnapshotKeeper(index, topic, snapshot_dir, snapshot_every_s) if snapshot_dir else None
        )
        self._observer = observer or Unobserved()
        self._complaints = Complaints(topic)
        self._on_progress = on_progress
        self._places = Places()
        self._started_from: dict[int, int] = {}
        # Where the log ended when last asked, while that has not been reached; and when that was.
        self._goal: dict[int, int] = {}
        self._asked_at_s = self._goal_at_s = self._fresh_at_s = time.monotonic()
        self._told_at_s = -_TELL_EVERY_S
        self.caught_up = asyncio.Event()

    @property
    def stale_s(self) -> float:
        """Since when the index is not known to hold all of the topic; some seconds are normal."""
        return time.monotonic() - self._fresh_at_s

    async def run(self) -> None:
        """Follow the topic until cancelled, which leaves a last snapshot behind.

        Waits for a broker that is away. Raises LogChanged when the topic was made anew or has lost
        records that were read: then this process must end, and a new one read it from its
        beginning. Whatever else it raises is a bug.
        """
        parts = [asyncio.create_task(self._follow_for_ever())]
        if self._keeper is not None:
            parts.append(asyncio.create_task(self._keep_snapshots(self._keeper)))
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            if self._keeper is not None and self.caught_up.is_set():
                await self._keeper.save_last(self._places)

    async def _keep_snapshots(self, keeper: SnapshotKeeper) -> None:
        await self.caught_up.wait()
        while True:
            await keeper.save(self._places)
            await asyncio.sleep(keeper.every_s)

    async def _follow_for_ever(self) -> None:
        backoff_s = _BACKOFF_S[0]
        while True:
            log = self._open_log()
            try:
                await log.open()
                await self._begin(log)
                backoff_s = _BACKOFF_S[0]
                await self._follow(log)
            except DependencyDown as down:
                self._complaints.of_broker(down, self.stale_s)
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_S[1])
            except LogChanged as changed:
                if self.caught_up.is_set():
                    raise  # item numbers are in use: only a new process may begin anew
                _log.warning("reading %s from the beginning: %s", self._topic, changed)
                self._index.clear()
                self._places = Places()
            finally:
                await log.close()

    async def _begin(self, log: TopicLog) -> None:
        """Read every partition from where it was left; the first time, where the snapshot says."""
        asked_at_s = time.monotonic()
        bounds = await log.bounds()
        if self._keeper is not None and self._keeper.origin is None:
            origin = Origin(self._topic, log.cluster)
            self._places = await from_snapshot(self._index, origin, self._keeper.folder, bounds)
            self._keeper.origin = origin
        self._started_from = self._places.settle(bounds)
        log.read_from(self._started_from)
        self._goal = {partition: end for partition, (_, end) in bounds.items()}
        self._goal_at_s = asked_at_s

    async def _follow(self, log: TopicLog) -> None:
        """Apply what comes, until there are more partitions to read.

        Now and then it asks where the log ends, which also shows that the broker is there.
        """
        probe: asyncio.Task[dict[int, int]] | None = None
        more = False
        try:
            while True:
                records = await log.read(0 if more else _READ_TIMEOUT_MS)
                await self._apply(records)
                more = self._index.tend(_SLICE_S)
                if more:
                    # Once lists are being made, leave them half of the time.
                    await asyncio.sleep(_SLICE_S if self.caught_up.is_set() else 0)
                await self._see_how_far(log)
                self._tell()
                if probe is not None and probe.done():
                    self._goal, self._goal_at_s, probe = probe.result(), self._asked_at_s, None
                elif probe is None and time.monotonic() - self._asked_at_s > _PROBE_EVERY_S:
                    self._asked_at_s = time.monotonic()
                    probe = asyncio.create_task(log.ends())
                if log.has_grown():
                    return
        finally:
            if probe is not None:
                probe.cancel()
                await asyncio.gather(probe, return_exceptions=True)

    async def _apply(self, records: Sequence[Record]) -> None:
        skipped: Counter[str] = Counter()
        pictures_s: list[float] = []
        slice_began_s = time.perf_counter()
        for record in records:
            try:
                item = decode(record.key, record.value)
            except ValueError as error:
                self._complaints.of_record(record, error)
                skipped["unreadable"] += 1
            else:
                self._apply_one(item, skipped, pictures_s)
            self._places.pass_over(record)
            if time.perf_counter() - slice_began_s > _SLICE_S:
                await asyncio.sleep(0)
                slice_began_s = time.perf_counter()
        for reason, count in skipped.items():
            self._observer.index_skipped(reason, count)
        if pictures_s:
            self._observer.picture_to_index(pictures_s)

    def _apply_one(
        self, item: ItemRecord | None, skipped: Counter[str], pictures_s: list[float]
    ) -> None:
        reason = None if item is None else self._index.apply(item)
        if reason is not None:
            skipped[reason] += 1
        elif isinstance(item, ViewRecord) and self.caught_up.is_set():
            pictures_s.append(max(time.time() - item.at_ms / 1000, 0.0))

    async def _see_how_far(self, log: TopicLog) -> None:
        if not self._goal:
            return
        at = {partition: await log.position(partition) for partition in self._goal}
        if not self.caught_up.is_set():
            start = sum(self._started_from.values())
            total = sum(self._goal.values()) - start
            self._on_progress(min(sum(at.values()) - start, total), total)
        if any(at[partition] < end for partition, end in self._goal.items()):
            return
        if self.caught_up.is_set():
            self._fresh_at_s = self._goal_at_s
        elif self._index.state.search.waiting <= _READY_WAITING:
            self._fresh_at_s = self._goal_at_s
            _log.info("the item index has caught up: %d items", len(self._index))
            self.caught_up.set()
        else:
            return
        self._goal = {}

    def _tell(self) -> None:
        now_s = time.monotonic()
        if now_s - self._told_at_s >= _TELL_EVERY_S:
            self._told_at_s = now_s
            self._observer.index(items=len(self._index), memory_bytes=self._index.memory_bytes)
