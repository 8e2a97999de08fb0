"""Dead letters: a refused record as it came, and beside it why, where and by whom.

Key, value and headers are the original's, byte for byte. Behind the original headers come ours, in
this order; all are UTF-8 text:

    reason      a stable code, see streams/errors.py
    detail      one sentence for people
    topic partition offset timestamp    where the original lies; timestamp in ms since the epoch
    agent       who refused it

An original may have headers of these names. They stay where they are: the *last* header of a name
is lookstream's, which is also what a reader gets that takes headers as a mapping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.delivery.batch import Message, Refusal
from streams.records import Record
from streams.text import printable

NAMES = ("reason", "detail", "topic", "partition", "offset", "timestamp", "agent")
DETAIL_LIMIT = 500


def dead_letter(topic: str, refusal: Refusal, agent: str) -> Message:
    """The message to publish to the dead-letter topic.

    Its own timestamp is the time of refusal, not the original's: a refused record may claim any
    time at all, and the broker would refuse the dead letter for it, or delete it at once.
    """
    record = refusal.record
    facts = (
        refusal.reason.value,
        printable(refusal.detail, DETAIL_LIMIT),
        record.topic,
        str(record.partition),
        str(record.offset),
        str(record.timestamp),
        agent,
    )
    ours = [(name, fact.encode()) for name, fact in zip(NAMES, facts, strict=True)]
    return Message(topic, record.key, record.value, [*record.headers, *ours], source=record)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter, read back: the original, and why it was refused. `timestamp` in ms."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    agent: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def read_dead_letter(record: Record) -> DeadLetter:
    """Take a record of the dead-letter topic apart. Raises ValueError if it is not one of ours."""
    split = len(record.headers) - len(NAMES)
    ours = record.headers[max(split, 0) :]
    if split < 0 or tuple(name for name, _ in ours) != NAMES:
        raise ValueError("not a dead letter of lookstream: its last headers are other ones")
    reason, detail, topic, partition, offset, timestamp, agent = (v.decode() for _, v in ours)
    return DeadLetter(
        reason=reason,
        detail=detail,
        topic=topic,
        partition=int(partition),
        offset=int(offset),
        timestamp=int(timestamp),
        agent=agent,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers[:split]),
    )
