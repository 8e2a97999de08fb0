"""Made-up records, clocks and observers for the delivery tests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from streams.delivery import Backoff, NoObserver, Retry
from streams.errors import Reason
from streams.records import RawRecord


def record(
    offset: int,
    *,
    partition: int = 0,
    topic: str = "in",
    key: bytes | None = b"k",
    value: bytes | None = b"v",
    headers: Sequence[tuple[str, bytes]] = (),
) -> RawRecord:
    return RawRecord(topic, partition, offset, 1_700_000_000_000 + offset, key, value, headers)


def records(
    count: int, *, partition: int = 0, first: int = 0, value: bytes = b"v"
) -> list[RawRecord]:
    return [record(first + n, partition=partition, value=value) for n in range(count)]


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Journal(NoObserver):
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, Reason | None]] = Counter()
        self.batches: list[int] = []
        self.said: list[str] = []
        self.retries: Counter[str] = Counter()
        self.owned: list[list[int]] = []
        self.seen: list[tuple[str, int, int, int]] = []
        self.lags: list[tuple[str, int, int]] = []

    def outcome(self, agent: str, outcome: str, reason: Reason | None, count: int) -> None:
        self.outcomes[outcome, reason] += count

    def batch(self, agent: str, size: int, seconds: float) -> None:
        self.batches.append(size)

    def retry(self, dependency: str) -> None:
        self.retries[dependency] += 1

    def dependency_down(self, dependency: str, detail: str) -> None:
        self.said.append(f"down {dependency}")

    def dependency_up(self, dependency: str) -> None:
        self.said.append(f"up {dependency}")

    def assigned(self, topic: str, partitions: Iterable[int]) -> None:
        self.owned.append(list(partitions))

    def progress(self, topic: str, partition: int, position: int, end: int) -> None:
        self.seen.append((topic, partition, position, end))

    def lag(self, topic: str, partition: int, records: int) -> None:
        self.lags.append((topic, partition, records))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def retry(clock: Clock, journal: Journal) -> Retry:
    """Pauses take no time, but move the clock."""

    async def pause(seconds: float, closing: asyncio.Event) -> None:
        clock.now_s += seconds
        await asyncio.sleep(0)

    return Retry(observer=journal, backoff=Backoff(random=lambda: 1.0), clock=clock, pause=pause)
