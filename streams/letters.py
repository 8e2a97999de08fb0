"""Dead letters, found again: by reason, origin, key and time, in a topic of any length.

Memory holds one fetch, and what is shown.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from streams.delivery.dead_letters import DeadLetter, read_dead_letter
from streams.errors import Reason
from streams.lists import Log
from streams.records import Record

_BLOCK = 2_000

# A record that was refused for one of these is refused again, whatever the settings are.
_NEVER_MENDED = frozenset(
    {
        Reason.NOT_A_PICTURE,
        Reason.TRUNCATED_PICTURE,
        Reason.BROKEN_PICTURE,
        Reason.EMPTY_PICTURE,
        Reason.BAD_BASE64,
        Reason.BAD_JSON,
        Reason.MISSING_ITEM_ID,
        Reason.MISSING_USER_ID,
        Reason.CONFLICTING_ID,
        Reason.BAD_TIME,
        Reason.EMPTY_EVENT,
        Reason.BAD_CLOUDEVENT,
    }
)


class TimedLog(Log, Protocol):
    """A topic that can also be asked where a time begins."""

    def offset_at(self, partition: int, timestamp_ms: int) -> int:
        """The first offset whose record is not older; the end where there is none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, and where it lies among the dead letters.

    at_ms        when it was refused.
    value_bytes  how large the original value is, also where it was left out; None: there is none.
    """

    partition: int
    offset: int
    at_ms: int
    what: DeadLetter
    value_bytes: int | None

    def without_content(self) -> Letter:
        """What a table of many shows: without the value, and without the original headers."""
        return replace(self, what=replace(self.what, value=None, headers=()))

    @property
    def place(self) -> str:
        """For people, and for `lookstream dead-letters show`."""
        return f"{self.partition}:{self.offset}"

    @property
    def origin(self) -> str:
        """Where the refused record lies."""
        return f"{self.what.topic}:{self.what.partition}:{self.what.offset}"

    @property
    def may_be_mended(self) -> bool:
        """Whether the very same record could be taken with other settings, or later."""
        return self.what.reason not in _NEVER_MENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which letters. Times in ms since the epoch, of the refusal; None: any."""

    reason: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    agent: str | None = None
    key: bytes | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    after: tuple[int, int] | None = None
    """Partition and offset of a letter in the order of `every`: only those that come later."""

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is one of them."""
        what = letter.what
        return (
            self.reason in (None, what.reason)
            and self.topic in (None, what.topic)
            and self.partition in (None, what.partition)
            and self.offset in (None, what.offset)
            and self.agent in (None, what.agent)
            and self.key in (None, what.key)
            and (self.since_ms is None or letter.at_ms >= self.since_ms)
            and (self.until_ms is None or letter.at_ms < self.until_ms)
            and (self.after is None or (letter.partition, letter.offset) > self.after)
        )


Unreadable = Callable[[Record], None]
"""Hears of records that are no dead letters of lookstream."""

Stops = dict[int, int]
"""Partition -> where reading ends: what is refused meanwhile is not looked at."""


def stops_of(log: Log) -> Stops:
    """Where the topic ends now."""
    return {partition: log.bounds(partition)[1] for partition in sorted(log.partitions())}


def every(
    log: TimedLog,
    wanted: Wanted,
    stops: Stops,
    unreadable: Unreadable = lambda record: None,
) -> Iterator[Letter]:
    """All letters that are wanted, partition by partition, oldest first."""
    for partition, stop in stops.items():
        start = log.bounds(partition)[0]
        if wanted.since_ms is not None:
            start = max(start, log.offset_at(partition, wanted.since_ms))
        yield from _letters(log.read(partition, start, stop), wanted, unreadable)


def at(log: TimedLog, partition: int, offset: int) -> Letter | None:
    """The letter at one place among the dead letters; None if there is none."""
    if partition not in log.partitions():
        return None
    begin, end = log.bounds(partition)
    if not begin <= offset < end:
        return None
    found = _letters(log.read(partition, offset, offset + 1), Wanted(), lambda record: None)
    return next(found, None)


def newest(
    log: TimedLog,
    wanted: Wanted,
    count: int,
    unreadable: Unreadable = lambda record: None,
) -> list[Letter]:
    """The `count` newest letters that are wanted, oldest first, without their content.

    Reads backwards from the end.
    """
    found: list[Letter] = []
    for partition, stop in stops_of(log).items():
        found += _newest_in(log, partition, stop, wanted=wanted, count=count, unreadable=unreadable)
    return heapq.nlargest(count, found, key=_age)[::-1]


def _newest_in(
    log: TimedLog,
    partition: int,
    stop: int,
    *,
    wanted: Wanted,
    count: int,
    unreadable: Unreadable,
) -> list[Letter]:
    begin = log.bounds(partition)[0]
    if wanted.since_ms is not None:
        begin = max(begin, log.offset_at(partition, wanted.since_ms))
    found: list[Letter] = []
    while stop > begin and len(found) < count:
        start = max(begin, stop - _BLOCK)
        read = _letters(log.read(partition, start, stop), wanted, unreadable)
        block = deque((each.without_content() for each in read), maxlen=count - len(found))
        found = [*block, *found]
        stop = start
    return found


def _letters(records: Iterable[Record], wanted: Wanted, unreadable: Unreadable) -> Iterator[Letter]:
    for record in records:
        try:
            what = read_dead_letter(record)
        except ValueError:
            unreadable(record)
            continue
        size_bytes = None if what.value is None else len(what.value)
        letter = Letter(record.partition, record.offset, record.timestamp, what, size_bytes)
        if wanted.takes(letter):
            yield letter


def _age(letter: Letter) -> tuple[int, int, int]:
    return letter.at_ms, letter.partition, letter.offset
