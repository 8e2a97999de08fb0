"""Who hears how a replica is doing: metrics, and the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Protocol

from streams.errors import DependencyDown
from streams.records import Record

_COMPLAIN_EVERY_S = 30.0
_MOST_KINDS = 20

_log = logging.getLogger(__name__)


class ReplicaObserver(Protocol):
    """What a replica tells; streams/metrics.py listens."""

    def picture_to_index(self, seconds: Sequence[float]) -> None:
        """From a picture's publication to its vector being found; of what came once caught up."""

    def index_skipped(self, reason: str, records: int = 1) -> None:
        """Records that changed nothing: of another model, beyond a limit, or unreadable."""

    def index(self, *, items: int, memory_bytes: int) -> None:
        """How large the index is, about once a second."""


class Unobserved:
    """Nobody listens."""

    def picture_to_index(self, seconds: Sequence[float]) -> None: ...

    def index_skipped(self, reason: str, records: int = 1) -> None: ...

    def index(self, *, items: int, memory_bytes: int) -> None: ...


class Complaints:
    """Says in the log what is wrong with a topic, without filling it."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._said_at_s = -_COMPLAIN_EVERY_S
        self._kinds: set[str] = set()

    def of_broker(self, down: DependencyDown, stale_s: float) -> None:
        """Twice a minute at most."""
        now_s = time.monotonic()
        if now_s - self._said_at_s >= _COMPLAIN_EVERY_S:
            self._said_at_s = now_s
            _log.error(
                "the item index can't follow %s and serves what it has, %d s old (%s)",
                self._topic,
                stale_s,
                down,
            )

    def of_record(self, record: Record, error: ValueError) -> None:
        """Once for each kind: only lookstream writes to this topic, so it is worth a look."""
        kind = str(error) if type(error) is ValueError else type(error).__name__
        if kind not in self._kinds and len(self._kinds) < _MOST_KINDS:
            self._kinds.add(kind)
            _log.error(
                "record %d of %s, partition %d, can't be read and is left out: %s",
                record.offset,
                self._topic,
                record.partition,
                kind,
            )
