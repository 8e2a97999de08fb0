"""Whatever comes in, a parser answers with an event or with a refusal that is safe to show."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import EventError, Reason
from streams.events import Click, EventLimits, ImageEvent, parse_click, parse_image
from streams.records import RawRecord
from streams.reference.examples import CLICKS, IMAGES, PUBLISHED_MS, Example

LIMITS = EventLimits(picture_max_bytes=2_000, max_json_bytes=2_000)
SECRET = "hunter2"

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "*", "\x1b[2J", "1.0", "dwell", "2026-11-23T10:30:60Z", "sku-1", "true"])
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_CLICK_NAMES = ["user_id", "item_id", "kind", "at", "id", "dwell_s", "list_id"]
_FACT_NAMES = ["view", "labels", "group", "title", "available"]
_ENVELOPE_NAMES = ["specversion", "data", "data_base64", "datacontenttype", "subject", "time"]
_names = st.sampled_from(
    [*_CLICK_NAMES, *_FACT_NAMES, *_ENVELOPE_NAMES, "picture", "base64", "uri"]
)
_objects = st.recursive(
    st.dictionaries(_names, _values),
    lambda inner: st.dictionaries(_names, inner | _values),
    max_leaves=4,
)
_bodies = (
    st.binary(max_size=200)
    | _objects.map(orjson.dumps)
    | _objects.map(lambda o: orjson.dumps({"specversion": "1.0", "data": o}))
    | st.binary(max_size=50).map(
        lambda b: orjson.dumps({"specversion": "1.0", "data_base64": base64.b64encode(b).decode()})
    )
    | st.binary(max_size=50).map(lambda b: b'{"item_id":"' + b + b'"}')
)
_headers = st.lists(
    st.tuples(
        st.sampled_from([*_FACT_NAMES, "content-type", "Content-Type", "ce_labels"])
        | st.sampled_from(["ce_specversion", "ce_subject", "ce_time", "ce_id"])
        | st.text(max_size=10),
        st.binary(max_size=20)
        | st.sampled_from([b"1.0", b"application/json", b"application/cloudevents+json", b'["'])
        | st.none(),
    ),
    max_size=6,
)


def _refusal(parse: Callable[[RawRecord, EventLimits], object], record: RawRecord) -> EventError:
    """How `parse` refuses the record; or an EventError without a detail, if it takes it."""
    try:
        event = parse(record, LIMITS)
    except EventError as error:
        return error
    assert isinstance(event, Click | ImageEvent)
    return EventError(Reason.EMPTY_EVENT, "")


def _both_end_well(record: RawRecord) -> None:
    for parse in (parse_click, parse_image):
        detail = _refusal(parse, record).detail
        assert detail.isprintable()
        assert len(detail) < 200
        assert SECRET not in detail


@given(
    key=st.none() | st.binary(max_size=20),
    value=st.none() | _bodies,
    headers=_headers,
    timestamp=st.integers(-(2**63), 2**63 - 1) | st.just(PUBLISHED_MS),
)
def test_any_record_is_an_event_or_a_refusal(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, Any]], timestamp: int
) -> None:
    record = RawRecord("any", 0, 0, timestamp, key, value, headers)
    _both_end_well(record)


@given(st.sampled_from([e for e in (*IMAGES, *CLICKS) if e.value]), st.integers(0), st.binary())
def test_wrong_bytes_in_a_right_event_are_an_event_or_a_refusal(
    right: Example, at: int, put: bytes
) -> None:
    record, value = right.record, right.value or b""
    place = at % len(value)
    broken = value[:place] + put + value[place + 1 :]
    _both_end_well(RawRecord("any", 0, 0, PUBLISHED_MS, record.key, broken, record.headers))


@pytest.mark.parametrize("name", ["item_id", "kind", "at", "picture", "labels", "title", "view"])
@pytest.mark.parametrize("wrap", [str, lambda s: [s], lambda s: {s: s}, lambda s: s + "\x1b"])
def test_no_refusal_repeats_what_was_sent(name: str, wrap: Callable[[str], object]) -> None:
    value = orjson.dumps({"user_id": SECRET * 99, name: wrap(SECRET)})
    record = RawRecord("any", 0, 0, PUBLISHED_MS, SECRET.encode(), value)
    _both_end_well(record)
