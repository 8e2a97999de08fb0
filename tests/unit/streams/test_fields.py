from __future__ import annotations

import math
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import EventError, Reason
from streams.fields import (
    begins_like_json,
    read_id,
    read_object,
    read_seconds,
    read_text,
    read_time,
)
from tests.unit.streams.refusals import refused

NOON_S = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()


def test_json_is_an_object_in_utf8() -> None:
    assert read_object('{"größe": [1]}'.encode(), 100) == {"größe": [1]}


def test_a_byte_order_mark_before_json_is_forgiven() -> None:
    assert read_object(b"\xef\xbb\xbf{}", 100) == {}


def test_of_a_repeated_name_the_last_value_counts() -> None:
    assert read_object(b'{"a": 1, "a": 2}', 100) == {"a": 2}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": "\x01"}',
        b'{"a": 1} more',
        '{"a": 1}'.encode("utf-16"),
        b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    ],
)
def test_anything_else_is_bad_json(body: bytes) -> None:
    with refused(Reason.BAD_JSON):
        read_object(body, 100_000)


def test_json_beyond_the_limit_is_refused_unread() -> None:
    with refused(Reason.TOO_MANY_BYTES, "101 bytes; 100 are allowed"):
        read_object(b" " * 101, 100)


def test_a_large_document_of_countless_values_is_refused_before_they_take_memory() -> None:
    body = b'{"a": [' + b"{}," * 1_000_000 + b"{}]}"
    tracemalloc.start()
    with refused(Reason.BAD_JSON, "values"):
        read_object(body, 10_000_000)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 100_000


def test_a_large_document_that_is_one_long_text_is_read() -> None:
    body = orjson.dumps({"picture": "A" * 1_000_000})
    assert len(str(read_object(body, 2_000_000)["picture"])) == 1_000_000


def test_the_error_of_bad_json_does_not_carry_the_payload_along() -> None:
    with pytest.raises(EventError) as caught:
        read_object(b'{"secret"', 100)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("sku-1", "sku-1"),
        (b"sku-1", "sku-1"),
        ("靴".encode(), "靴"),
        (" padded ", " padded "),
        (17, "17"),
        (-3, "-3"),
        (2**64 - 1, "18446744073709551615"),
        ("👩‍🚀", "👩‍🚀"),
        ("*", "*"),
    ],
)
def test_ids_are_text_or_whole_numbers(value: object, text: str) -> None:
    assert read_id("item_id", value, 256) == text


@pytest.mark.parametrize(
    ("value", "about"),
    [
        ("", "item_id is empty"),
        (b"", "item_id is empty"),
        (1.0, "a number"),
        (True, "a boolean"),
        (["sku"], "a list"),
        ({"id": 1}, "an object"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"\x00\x00\x00\x05", "control characters"),
        ("a\nb", "control characters"),
        ("a\x7f", "control characters"),
        ("a\x9bm", "control characters"),
        ("a\u2028b", "control characters"),
    ],
)
def test_ids_that_are_refused(value: object, about: str) -> None:
    with refused(Reason.BAD_ID, about):
        read_id("item_id", value, 256)


def test_an_ids_length_is_counted_in_bytes() -> None:
    assert read_id("item_id", "ä" * 128, 256) == "ä" * 128
    for long in ("ä" * 129, "a" * 257, "a" * 1_000_000, b"a" * 257):
        with refused(Reason.BAD_ID, "longer than 256 bytes"):
            read_id("item_id", long, 256)


def test_white_space_in_texts_becomes_single_spaces() -> None:
    assert read_text("title", " Red\n running\t\u2028shoe ", 100) == "Red running shoe"
    assert read_text("title", b" \n ", 100) == ""


@pytest.mark.parametrize(
    ("value", "about"),
    [
        (3, "a number"),
        (b"\xff", "not UTF-8"),
        ("\x1b[2J", "control characters"),
        ("\x80", "control characters"),
        ("ä" * 6, "longer than 10 bytes"),
        ("a " * 1_000_000, "longer than 10 bytes"),
        (b" " * 1_000_000, "longer than 10 bytes"),
    ],
)
def test_texts_that_are_refused(value: object, about: str) -> None:
    with refused(Reason.BAD_FIELD, about):
        read_text("title", value, 10)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23t12:00:00z",
        "2026-11-23 12:00:00.000+00:00",
        "2026-11-23T12:00:00.000000000Z",
        "2026-11-23T17:30:00+05:30",
        "2026-11-22T12:01:00-23:59",
        "2026-11-23T11:59:60Z",
    ],
)
def test_times_are_rfc3339_with_any_offset(text: str) -> None:
    assert read_time("at", text) == NOON_S


@pytest.mark.parametrize("at", [NOON_S * 1000, int(NOON_S * 1000), str(int(NOON_S * 1000))])
def test_times_are_epoch_milliseconds(at: object) -> None:
    assert read_time("at", at) == NOON_S


def test_fractions_of_a_second_are_kept() -> None:
    assert read_time("at", "2026-11-23T12:00:00.25Z") == NOON_S + 0.25
    assert read_time("at", "2026-11-23T12:00:00.123456789Z") == pytest.approx(NOON_S + 0.123456)
    assert read_time("at", NOON_S * 1000 + 0.5) == NOON_S + 0.0005


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-23T12:00:00",
        "2026-11-23",
        "20261123T120000Z",
        "2026-W48-1T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T12:00:61Z",
        "2026-11-23T12:00:00+24:00",
        "٢٠٢٦-11-23T12:00:00Z",
        "yesterday",
        "",
        "1" * 1_000_000,
        "-1",
        True,
        [],
        {},
        0,
        -1,
        int(NOON_S),
        str(int(NOON_S)),
        NOON_S * 1_000_000,
        1e300,
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:60-23:59",
        "1969-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
    ],
)
def test_times_that_are_refused(at: object) -> None:
    with refused(Reason.BAD_TIME):
        read_time("at", at)


def test_seconds_are_capped_and_finite() -> None:
    assert read_seconds("dwell_s", 0, 100) == 0.0
    assert read_seconds("dwell_s", 12.5, 100) == 12.5
    assert read_seconds("dwell_s", 10**18, 100) == 100.0
    for bad in (-0.1, math.nan, math.inf, True, "12", None, [1]):
        with refused(Reason.BAD_FIELD, "dwell_s"):
            read_seconds("dwell_s", bad, 100)


@pytest.mark.parametrize("body", [b"{", b" \r\n\t{}", b"[", b"\xef\xbb\xbf{}"])
def test_json_is_told_by_its_beginning(body: bytes) -> None:
    assert begins_like_json(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b" " * 99],
)
def test_no_picture_begins_like_json(body: bytes) -> None:
    assert not begins_like_json(body)


@given(st.binary())
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    with suppress(EventError):
        assert isinstance(read_object(body, 1_000), dict)
