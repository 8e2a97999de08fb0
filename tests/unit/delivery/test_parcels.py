from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import InvalidTimestampError, MessageSizeTooLargeError, RequestTimedOutError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.delivery.batch import Message
from streams.delivery.parcels import MessageRefused, Parcel, key_hash, pack, size_of, sort


class Packer:
    """Makes aiokafka's own record batches, of 1,000 bytes."""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(1000, 0)


def message(size: int, n: int = 0) -> Message:
    return Message("out", b"%d" % n, b"x" * size, [("h", b"v")])


def packed(messages: list[Message], alone: set[int] | None = None) -> list[list[Message]]:
    parcels = list(pack(Packer(), messages, alone or set()))
    for builder, contents in parcels:
        assert builder.record_count() == len(contents)
        assert builder.closed()
    return [contents for _, contents in parcels]


def test_small_messages_travel_together_in_order() -> None:
    given = [message(10, n) for n in range(5)]
    assert packed(given) == [given]


def test_a_full_parcel_is_followed_by_another() -> None:
    given = [message(300, n) for n in range(7)]
    parcels = packed(given)
    assert [len(parcel) for parcel in parcels] == [2, 2, 2, 1]
    assert [each for parcel in parcels for each in parcel] == given


def test_a_large_message_travels_alone_whatever_its_size() -> None:
    given = [message(10), message(5000), message(10)]
    assert [len(parcel) for parcel in packed(given)] == [1, 1, 1]


def test_messages_told_to_travel_alone_do() -> None:
    given = [message(10, n) for n in range(4)]
    parcels = packed(given, {id(given[1])})
    assert [len(parcel) for parcel in parcels] == [1, 1, 2]


def sorted_(outcomes: list[Any], sizes: list[int]) -> Any:
    parcels = [
        Parcel(("out", n % 2), [message(1, 10 * n + m) for m in range(size)], asyncio.Future())
        for n, size in enumerate(sizes)
    ]
    return parcels, sort(parcels, outcomes)


async def test_what_was_acknowledged_is_done() -> None:
    _, result = sorted_([object(), object()], [2, 2])
    assert (result.again, result.too_large, result.error) == ([], [], None)


async def test_a_failure_brings_back_what_follows_it_in_its_partition() -> None:
    parcels, result = sorted_([RequestTimedOutError(), "ok", "ok", "ok"], [1, 1, 2, 1])
    assert result.again == [*parcels[0].messages, *parcels[2].messages]
    assert isinstance(result.error, RequestTimedOutError)


async def test_a_parcel_too_large_is_split_and_a_message_too_large_is_refused() -> None:
    parcels, result = sorted_([MessageSizeTooLargeError(), MessageSizeTooLargeError()], [3, 1])
    assert result.split == result.again == parcels[0].messages
    assert result.too_large == parcels[1].messages
    assert result.error is None


async def test_a_refused_timestamp_is_our_mistake() -> None:
    with pytest.raises(MessageRefused):
        sorted_([InvalidTimestampError()], [1])


async def test_what_is_no_error_of_kafka_passes() -> None:
    with pytest.raises(ZeroDivisionError):
        sorted_([ZeroDivisionError()], [1])


def test_keys_are_hashed_as_javas_client_does() -> None:
    # The values of Kafka's own UtilsTest.testMurmur2, made positive.
    assert key_hash(b"21") == -973932308 & 0x7FFFFFFF
    assert key_hash(b"foobar") == -790332482 & 0x7FFFFFFF
    assert key_hash(b"a-little-bit-long-string") == -985981536 & 0x7FFFFFFF


def test_sizes_count_key_value_and_headers() -> None:
    assert size_of(message(1000)) > 1000
    assert size_of(Message("t", None, None, ())) < 200
