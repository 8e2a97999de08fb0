"""A batch: what an agent's handler gets, and the account of what became of each record."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from streams.delivery.retry import BatchClosing, Retry
from streams.errors import Reason
from streams.records import Record

T = TypeVar("T")

APPLIED = "applied"
DUPLICATE = "duplicate"
DEAD_LETTERED = "dead-lettered"

_UNDECIDED = ""
_FOREIGN = "foreign"


class OutcomeError(Exception):
    """A handler broke the rule of one outcome for each record. A bug: the process ends."""


class Message(NamedTuple):
    """A record to publish. `source` is the consumed record it follows from, if one does.

    The partition is the one that Java's client would choose for `place_by`, or else for the key.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int | None = None
    source: Record | None = None
    place_by: bytes | None = None


class Refusal(NamedTuple):
    """Why a record becomes a dead letter."""

    record: Record
    reason: Reason
    detail: str


class Batch:
    """Some records of one topic, in offset order within each partition.

    The handler gives each record exactly one outcome: `applied`, `duplicate` or `dead_letter`.
    What it sends is published when it returns; only when the broker has acknowledged that and the
    dead letters is the batch finished, and its end committed. If it leaves with BatchClosing,
    nothing is published or committed, and the records come again. Any other exception ends the
    process, and the records come again too.

    `epoch` counts the assignments of partitions to this worker: within one, each partition's
    records come once and in order, and nobody else owns them.
    """

    __slots__ = (
        "_closing",
        "_outcomes",
        "_retry",
        "epoch",
        "listeners",
        "records",
        "refusals",
        "sends",
    )

    def __init__(
        self, records: Sequence[Record], retry: Retry | None = None, epoch: int = 0
    ) -> None:
        self.records = records
        self.epoch = epoch
        self.sends: list[Message] = []
        self.refusals: list[Refusal] = []
        self.listeners: list[Callable[[], None]] = []
        self._retry = retry if retry is not None else Retry()
        self._closing = asyncio.Event()
        self._outcomes: dict[int, str] = dict.fromkeys(map(id, records), _UNDECIDED)

    def applied(self, record: Record) -> None:
        """The record had its effect."""
        self._decide(record, APPLIED)

    def duplicate(self, record: Record) -> None:
        """The record had its effect before: it changes nothing now."""
        self._decide(record, DUPLICATE)

    def dead_letter(self, record: Record, reason: Reason, detail: str) -> None:
        """The record is refused. `detail` is for people: no payload, no control characters."""
        self._decide(record, DEAD_LETTERED)
        self.refusals.append(Refusal(record, reason, detail))

    def send(
        self,
        topic: str,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        timestamp_ms: int | None = None,
        source: Record | None = None,
        place_by: bytes | None = None,
    ) -> None:
        """Publish a record when the handler has returned; in order, for each partition.

        source  the consumed record this follows from: it becomes a dead letter, with
                `result-too-large`, should the broker refuse the message for its size. Without a
                source such a refusal is a bug.
        place_by  chooses the partition instead of the key: records with the same lie in order.
        """
        self.sends.append(Message(topic, key, value, headers, timestamp_ms, source, place_by))

    def when_finished(self, tell: Callable[[], None]) -> None:
        """Have `tell` called once everything this batch publishes is acknowledged."""
        self.listeners.append(tell)

    async def attempt(self, dependency: str, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call()`, made again with backoff while it raises DependencyDown.

        Raises BatchClosing, which the handler lets pass, when the batch must end unfinished: its
        partitions go to another worker or the process stops, and the grace time is over.
        """
        return await self._retry.until_it_works(dependency, call, self._closing)

    @property
    def closing(self) -> bool:
        """Whether the batch must end now. `attempt` raises then; long work may look here."""
        return self._closing.is_set()

    # for delivery, and for tests of agents

    def close(self) -> None:
        """Ask the handler to let go."""
        self._closing.set()

    @property
    def closing_event(self) -> asyncio.Event:
        """Set when the batch must end."""
        return self._closing

    def outcome(self, record: Record) -> str | None:
        """What became of a record so far: "applied", "duplicate", "dead-lettered" or None."""
        return self._outcomes[id(record)] or None

    def check(self) -> None:
        """Raise OutcomeError if a record has no outcome."""
        if _UNDECIDED in self._outcomes.values():
            missing = [r for r in self.records if self._outcomes[id(r)] == _UNDECIDED]
            first = missing[0]
            raise OutcomeError(
                f"the handler returned without an outcome for {len(missing)} of "
                f"{len(self.records)} records, the first of them "
                f"{first.topic}/{first.partition} offset {first.offset}"
            )

    def refuse_result(self, record: Record, detail: str) -> bool:
        """Turn a record's outcome into a dead letter, because its result is too large to publish.

        False when it was one already (several of its messages may be too large).
        """
        if self._outcomes[id(record)] == DEAD_LETTERED:
            return False
        self._outcomes[id(record)] = DEAD_LETTERED
        self.refusals.append(Refusal(record, Reason.RESULT_TOO_LARGE, detail))
        return True

    def tally(self) -> Mapping[tuple[str, Reason | None], int]:
        """(outcome, reason) -> how many records."""
        counts: Counter[tuple[str, Reason | None]] = Counter()
        for outcome, count in Counter(self._outcomes.values()).items():
            if outcome != DEAD_LETTERED:
                counts[outcome, None] = count
        for refusal in self.refusals:
            counts[DEAD_LETTERED, refusal.reason] += 1
        return counts

    def _decide(self, record: Record, outcome: str) -> None:
        key = id(record)
        before = self._outcomes.get(key, _FOREIGN)
        if before:
            what = "is not in this batch" if before == _FOREIGN else f"already is {before}"
            raise OutcomeError(
                f"{outcome}: {record.topic}/{record.partition} offset {record.offset} {what}"
            )
        self._outcomes[key] = outcome


Handler = Callable[[Batch], Awaitable[None]]

__all__ = ["Batch", "BatchClosing", "Handler", "Message", "OutcomeError", "Refusal"]
