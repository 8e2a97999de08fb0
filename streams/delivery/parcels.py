"""Parcels: messages packed into record batches, and the sorting of what came back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from aiokafka.partitioner import murmur2

from streams.delivery.batch import Message

RECORD_OVERHEAD_BYTES = 128

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class MessageRefused(Exception):
    """The broker will never take this message, and no consumed record is to blame. A bug."""


class Parcel(NamedTuple):
    """Messages of one partition that travel in one record batch."""

    place: tuple[str, int]
    messages: list[Message]
    acked: asyncio.Future[Any]


@dataclass(slots=True)
class Result:
    """What one try left over.

    again      to be published again, in order: what failed, and all that follows it.
    too_large  alone in its record batch, and refused for its size.
    split      refused for the size of a record batch with others; in `again` too.
    """

    again: list[Message] = field(default_factory=list)
    too_large: list[Message] = field(default_factory=list)
    split: list[Message] = field(default_factory=list)
    error: BaseException | None = None


@lru_cache(maxsize=65536)
def key_hash(key: bytes) -> int:
    # aiokafka's murmur2 is pure Python, and the same users come again and again.
    return int(murmur2(key)) & 0x7FFFFFFF


def size_of(message: Message) -> int:
    """About how many bytes the broker counts for a message."""
    parts = [len(message.key or b""), len(message.value or b"")]
    parts += [len(name) + len(value or b"") + 10 for name, value in message.headers]
    return sum(parts) + RECORD_OVERHEAD_BYTES


def pack(
    producer: AIOKafkaProducer, messages: Sequence[Message], alone: set[int]
) -> Iterator[tuple[Any, list[Message]]]:
    """Fill the producer's record batches, in order. `alone`: ids of messages that travel alone."""
    builder, packed = producer.create_batch(), list[Message]()
    lonely = False
    for message in messages:
        apart = id(message) in alone
        if packed and (apart or lonely or not _append(builder, message)):
            builder.close()
            yield builder, packed
            builder, packed = producer.create_batch(), []
        if not packed:
            # A batch always takes its first message, whatever its size.
            _append(builder, message)
        packed.append(message)
        lonely = apart
    if packed:
        builder.close()
        yield builder, packed


def _append(builder: Any, message: Message) -> bool:
    return (
        builder.append(
            timestamp=message.timestamp_ms,
            key=message.key,
            value=message.value,
            headers=list(message.headers),
        )
        is not None
    )


def sort(parcels: Sequence[Parcel], outcomes: Sequence[Any]) -> Result:
    """What must be published again, what is too large, and what may be so only in company."""
    result = Result()
    broken: set[tuple[str, int]] = set()
    for parcel, outcome in zip(parcels, outcomes, strict=True):
        if isinstance(outcome, _TOO_LARGE):
            if len(parcel.messages) == 1:
                result.too_large += parcel.messages
                continue
            # The broker's limit is for the whole record batch: one by one they may pass.
            result.split += parcel.messages
        elif isinstance(outcome, InvalidTimestampError):
            raise MessageRefused(f"{parcel.place[0]} refuses the timestamp") from outcome
        elif isinstance(outcome, BaseException):
            if not isinstance(outcome, KafkaError):
                raise outcome
            result.error = outcome
        elif parcel.place not in broken:
            continue
        broken.add(parcel.place)
        result.again += parcel.messages
    return result
