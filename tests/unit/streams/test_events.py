"""Clicks. Pictures are in test_events_images.py, hostile input for both in test_events_fuzz.py."""

from __future__ import annotations

from typing import get_args

import orjson
import pytest

from streams.core import rules
from streams.errors import Reason
from streams.events import Click, EventLimits, Kind, parse_click
from streams.records import RawRecord
from tests.unit.streams.refusals import refused

LIMITS = EventLimits()
AT_MS = 1_795_429_800_250
AT_S = 1_795_429_800.25


def click(
    value: object,
    key: bytes | None = b"u-1",
    headers: tuple[tuple[str, bytes], ...] = (),
    timestamp_ms: int = AT_MS,
) -> Click:
    body = value if value is None or isinstance(value, bytes) else orjson.dumps(value)
    return parse_click(RawRecord("clicks", 0, 7, timestamp_ms, key, body, headers), LIMITS)


def test_an_item_is_all_a_click_needs_when_the_key_names_the_user() -> None:
    assert click({"item_id": "sku-1"}) == Click("u-1", "sku-1", "click", AT_S)


def test_everything_that_can_be_said_is_heard() -> None:
    said = {
        "user_id": "u-1",
        "item_id": "sku-1",
        "kind": "dwell",
        "at": "2026-11-23T10:29:00Z",
        "id": "e-9",
        "dwell_s": 12.5,
        "list_id": "clicks-0-6",
    }
    assert click(said) == Click("u-1", "sku-1", "dwell", AT_S - 60.25, "e-9", 12.5, "clicks-0-6")


def test_null_is_the_same_as_left_out() -> None:
    names = ("user_id", "kind", "at", "id", "dwell_s", "list_id")
    assert click({"item_id": "sku-1", **dict.fromkeys(names)}) == click({"item_id": "sku-1"})


def test_fields_nobody_knows_are_ignored() -> None:
    assert click({"item_id": "sku-1", "page": {"deep": [1]}}) == click({"item_id": "sku-1"})


def test_numbers_are_ids_too() -> None:
    heard = click({"user_id": 42, "item_id": 7, "id": 1, "list_id": 2}, key=b"42")
    assert heard == Click("42", "7", "click", AT_S, "1", None, "2")


@pytest.mark.parametrize("key", [None, b""])
def test_json_may_name_the_user_when_the_key_does_not(key: bytes | None) -> None:
    assert click({"user_id": "u-2", "item_id": "sku-1"}, key).user_id == "u-2"
    with refused(Reason.MISSING_USER_ID):
        click({"item_id": "sku-1"}, key)


def test_key_and_json_must_name_the_same_user() -> None:
    with refused(Reason.CONFLICTING_ID, "user_id"):
        click({"user_id": "u-2", "item_id": "sku-1"})


def test_nobody_is_called_like_the_list_for_everybody() -> None:
    with refused(Reason.BAD_ID, "reserved"):
        click({"item_id": "sku-1"}, b"*")
    with refused(Reason.BAD_ID, "reserved"):
        click({"item_id": "sku-1", "user_id": "*"}, None)
    assert click({"item_id": "*"}).item_id == "*"


@pytest.mark.parametrize("name", ["item_id", "user_id", "id", "list_id"])
def test_a_bad_id_anywhere_is_refused_and_named(name: str) -> None:
    wrong: tuple[object, ...] = ("", "a\n", 1.5, [], True, "a" * 257)
    for bad in wrong:
        with refused(Reason.BAD_ID, name):
            click({"user_id": "u-1", "item_id": "sku-1", name: bad}, None)


def test_a_bad_key_is_refused_even_if_json_names_the_user() -> None:
    with refused(Reason.BAD_ID, "the key is not UTF-8"):
        click({"user_id": "u-1", "item_id": "sku-1"}, b"\xff")


def test_a_click_on_nothing_is_refused() -> None:
    with refused(Reason.MISSING_ITEM_ID):
        click({})
    with refused(Reason.EMPTY_EVENT):
        click(None)


@pytest.mark.parametrize("value", [b"", b"sku-1", b"[]", b"\xff\xd8", b"{'item_id': 1}"])
def test_a_value_that_is_no_json_object_is_refused(value: bytes) -> None:
    with refused(Reason.BAD_JSON):
        click(value)


def test_a_large_click_is_refused() -> None:
    with refused(Reason.TOO_MANY_BYTES):
        click({"item_id": "sku-1", "page": "a" * LIMITS.max_json_bytes})


def test_kinds_are_those_that_the_core_weighs() -> None:
    assert get_args(Kind) == rules.KINDS
    for kind in rules.KINDS:
        assert click({"item_id": "sku-1", "kind": kind, "dwell_s": 1}).kind == kind


def test_the_case_of_a_kind_does_not_matter() -> None:
    assert click({"item_id": "sku-1", "kind": " Purchase "}).kind == "purchase"


@pytest.mark.parametrize("kind", ["", "bought", "klick", 1, ["click"], {}, True])
def test_an_unknown_kind_is_refused_with_the_known_ones(kind: object) -> None:
    with refused(Reason.UNKNOWN_KIND, "view, click, like"):
        click({"item_id": "sku-1", "kind": kind})


def test_a_dwell_needs_its_seconds() -> None:
    with refused(Reason.BAD_FIELD, "dwell_s"):
        click({"item_id": "sku-1", "kind": "dwell"})
    wrong: tuple[object, ...] = (-1, "12", True, [])
    for bad in wrong:
        with refused(Reason.BAD_FIELD, "dwell_s"):
            click({"item_id": "sku-1", "kind": "dwell", "dwell_s": bad})


def test_a_dwell_of_a_year_counts_as_a_day() -> None:
    assert click({"item_id": "s", "kind": "dwell", "dwell_s": 3e7}).dwell_s == 86_400.0


def test_without_a_time_the_records_timestamp_counts() -> None:
    assert click({"item_id": "sku-1"}, timestamp_ms=AT_MS + 1_000).at_s == AT_S + 1


@pytest.mark.parametrize(
    "timestamp_ms", [-1, 0, AT_MS // 1_000, AT_MS * 1_000, 2**63 - 1, -(2**63)]
)
def test_a_record_without_a_sane_timestamp_needs_a_time(timestamp_ms: int) -> None:
    with refused(Reason.BAD_TIME, "the record's timestamp"):
        click({"item_id": "sku-1"}, timestamp_ms=timestamp_ms)


def test_a_record_without_any_timestamp_may_bring_its_time() -> None:
    assert click({"item_id": "sku-1", "at": AT_MS}, timestamp_ms=-1).at_s == AT_S


def test_the_future_begins_some_minutes_after_the_records_timestamp() -> None:
    assert click({"item_id": "sku-1", "at": AT_MS + 300_000}).at_s == AT_S + 300
    with refused(Reason.TIME_IN_FUTURE, "301 s after"):
        click({"item_id": "sku-1", "at": AT_MS + 301_000})


def test_the_past_is_no_reason_to_refuse() -> None:
    assert click({"item_id": "sku-1", "at": "1997-09-20T03:05:10Z"}).at_s == 874_724_710.0


def test_a_cloudevent_in_binary_mode_is_a_click() -> None:
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"e-9"),
        ("ce_time", b"2026-11-23T10:29:00Z"),
        ("content-type", b"application/json"),
    )
    assert click({"item_id": "s"}, headers=headers) == Click(
        "u-1", "s", "click", AT_S - 60.25, "e-9"
    )


@pytest.mark.parametrize("content_type", [b"application/cloudevents+json", None])
def test_a_cloudevent_in_structured_mode_is_a_click(content_type: bytes | None) -> None:
    headers = (("content-type", content_type),) if content_type else ()
    envelope = {
        "specversion": "1.0",
        "id": "e-9",
        "time": "2026-11-23T10:29:00Z",
        "data": {"user_id": "u-2", "item_id": "s", "kind": "save"},
    }
    heard = click(envelope, key=None, headers=headers)
    assert heard == Click("u-2", "s", "save", AT_S - 60.25, "e-9")


def test_what_json_says_counts_before_what_the_envelope_says() -> None:
    envelope = {
        "specversion": "1.0",
        "id": "outer",
        "time": "not a time",
        "data": {"item_id": "s", "id": "inner", "at": AT_MS},
    }
    assert click(envelope) == Click("u-1", "s", "click", AT_S, "inner")


def test_a_cloudevent_may_carry_its_json_as_base64() -> None:
    envelope = {"specversion": "1.0", "data_base64": "eyJpdGVtX2lkIjoicyJ9"}
    assert click(envelope).item_id == "s"


def test_a_cloudevent_of_another_version_is_refused() -> None:
    with refused(Reason.BAD_CLOUDEVENT):
        click({"item_id": "s"}, headers=(("ce_specversion", b"0.3"),))
    with refused(Reason.BAD_CLOUDEVENT):
        click({"specversion": "0.3", "data": {"item_id": "s"}})
