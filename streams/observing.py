"""What delivery tells, told on: to the metrics, to readiness and to liveness."""

from __future__ import annotations

from collections.abc import Iterable

from streams.errors import Reason
from streams.health import Progress, Readiness
from streams.metrics import Metrics

PARTITIONS = "partitions"
"""The readiness condition that holds once the group has dealt this worker its partitions."""


class WorkerObserver:
    """Implements `streams.delivery.observer.Observer`. Quick, and raises nothing.

    A dependency's name is also its readiness condition: a worker that waits for Redis is not ready.
    """

    def __init__(self, metrics: Metrics, readiness: Readiness, progress: Progress) -> None:
        self._metrics = metrics
        self._readiness = readiness
        self._progress = progress
        self._owned: dict[str, set[int]] = {}

    def owns(self, topic: str, partition: int) -> bool:
        """Whether this worker holds the partition now."""
        return partition in self._owned.get(topic, ())

    def outcome(self, agent: str, outcome: str, reason: Reason | None, count: int) -> None:
        """`count` records finished so."""
        self._metrics.outcome(agent, outcome, reason.value if reason else "", count)

    def batch(self, agent: str, size: int, seconds: float) -> None:
        """A batch is finished."""
        self._metrics.batch(agent, size, seconds)

    def retry(self, dependency: str) -> None:
        """A call failed and will be made again."""
        self._metrics.retry(dependency)

    def dependency_down(self, dependency: str, detail: str) -> None:
        """Not ready, but alive: a restart would not bring it back."""
        self._metrics.dependency(dependency, up=False)
        self._progress.dependency_down(dependency)
        self._readiness.unmet(dependency, f"{detail}; the worker waits and tries again")

    def dependency_up(self, dependency: str) -> None:
        """It answers (again)."""
        self._metrics.dependency(dependency, up=True)
        self._progress.dependency_up(dependency)
        self._readiness.met(dependency)

    def assigned(self, topic: str, partitions: Iterable[int]) -> None:
        """The group has decided. A worker without partitions is ready too: it is a spare."""
        owned = set(partitions)
        for partition in self._owned.get(topic, set()) - owned:
            self._metrics.no_lag(topic, partition)
        self._owned[topic] = owned
        self._progress.assigned(topic, owned)
        self._readiness.met(PARTITIONS)

    def progress(self, topic: str, partition: int, position: int, end: int) -> None:
        """Where a partition stands."""
        self._progress.position(topic, partition, position, end)

    def lag(self, topic: str, partition: int, records: int) -> None:
        """How much is left of a partition."""
        if self.owns(topic, partition):
            self._metrics.lag(topic, partition, records)
