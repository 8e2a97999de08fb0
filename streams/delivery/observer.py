"""What delivery tells the outside: the one seam to metrics, health and tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from streams.errors import Reason


class Observer(Protocol):
    """Called on the event loop, between batches: every method must be quick and must not raise.

    `streams/metrics.py` and `streams/health.py` implement it.
    """

    def outcome(self, agent: str, outcome: str, reason: Reason | None, count: int) -> None:
        """`count` records finished as "applied", "duplicate" or "dead-lettered" (with a reason).

        Counted once a batch is finished, when the broker has acknowledged all it publishes. The
        sum over all outcomes is the number of finished records.
        """

    def batch(self, agent: str, size: int, seconds: float) -> None:
        """A batch of `size` records is finished; `seconds` from handing it over to its acks."""

    def retry(self, dependency: str) -> None:
        """A call to a dependency failed and will be made again."""

    def dependency_down(self, dependency: str, detail: str) -> None:
        """A dependency stopped answering, and how. Said once, until it is up again."""

    def dependency_up(self, dependency: str) -> None:
        """It answers again."""

    def assigned(self, topic: str, partitions: Iterable[int]) -> None:
        """This worker now owns exactly these partitions of the topic (none: an empty one)."""

    def progress(self, topic: str, partition: int, position: int, end: int) -> None:
        """All records below `position` are finished; the topic ends at `end`, as last seen.

        Said about once a second for each owned partition. `position` reaches `end` also where
        the log ends in transaction markers or compacted gaps. A live worker's position moves, or
        equals the end.
        """

    def lag(self, topic: str, partition: int, records: int) -> None:
        """`end - position`, at least 0; gaps in the offsets count as records."""


class NoObserver:
    """Tells nobody."""

    def outcome(self, agent: str, outcome: str, reason: Reason | None, count: int) -> None: ...
    def batch(self, agent: str, size: int, seconds: float) -> None: ...
    def retry(self, dependency: str) -> None: ...
    def dependency_down(self, dependency: str, detail: str) -> None: ...
    def dependency_up(self, dependency: str) -> None: ...
    def assigned(self, topic: str, partitions: Iterable[int]) -> None: ...
    def progress(self, topic: str, partition: int, position: int, end: int) -> None: ...
    def lag(self, topic: str, partition: int, records: int) -> None: ...


class Everyone(NoObserver):
    """Passes what concerns no single agent on to every agent's observer, once each."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def retry(self, dependency: str) -> None:
        for each in self._observers:
            each.retry(dependency)

    def dependency_down(self, dependency: str, detail: str) -> None:
        for each in self._observers:
            each.dependency_down(dependency, detail)

    def dependency_up(self, dependency: str) -> None:
        for each in self._observers:
            each.dependency_up(dependency)
