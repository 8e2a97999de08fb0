"""The fields of events: ids, times, numbers and texts that strangers send, and what passes.

Each function takes what JSON or a header held, and gives a value that the rest may rely on, or
raises EventError. Details name the field and what is wrong with it, and never show its content.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from streams.errors import EventError, Reason
from streams.text import printable

EARLIEST_S = 31_536_000.0
"""1971-01-01. Epoch seconds sent as milliseconds would all lie before it."""
LATEST_S = 4_102_444_800.0
"""2100-01-01. Microseconds sent as milliseconds would all lie after it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:(?P<second>[0-9]{2})(\.[0-9]{1,12})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_MILLISECONDS = re.compile(r"[0-9]{1,16}")
# C0, DEL, C1, and the two separators that some readers take for the end of a line.
_NEVER_IN_IDS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NEVER_IN_TEXTS = re.compile("[\x00-\x1f\x7f-\x9f]")
_BOM = b"\xef\xbb\xbf"
_JSON_STARTS = (b"{", b"[")
_JSON_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
_SMALL_JSON_BYTES = 65_536
_MOST_VALUES = 10_000

ANYBODY = "*"
"""Key of the list for somebody unknown; no user may be called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLimits:
    """How large an event, and each part of it, may be."""

    max_id_bytes: int = 256
    max_ahead_s: float = 300.0
    """How far after the record's own timestamp a click may be dated."""
    max_dwell_s: float = 86_400.0
    """Longer dwells count as this long."""
    max_labels: int = 20
    max_label_bytes: int = 256
    max_group_bytes: int = 256
    max_title_bytes: int = 1_024
    max_view_bytes: int = 64
    max_uri_bytes: int = 2_048
    max_json_bytes: int = 65_536
    """Of a click; of an image event beside its picture."""
    picture_max_bytes: int = 10_000_000


def read_object(body: bytes, max_bytes: int) -> dict[str, object]:
    """The JSON object in `body`. Of a repeated name the last value counts.

    A large document may be one long string (a picture in base64) and little else: its values are
    counted before any is made, since each can take 30 times the memory of its text.
    """
    if len(body) > max_bytes:
        raise EventError(Reason.TOO_MANY_BYTES, f"{len(body)} bytes; {max_bytes} are allowed")
    if body.startswith(_BOM):
        body = body[len(_BOM) :]
    if len(body) > _SMALL_JSON_BYTES and sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise EventError(Reason.BAD_JSON, f"more than {_MOST_VALUES} values in a large document")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        detail = f"{printable(error.msg)} (character {error.pos})"
        raise EventError(Reason.BAD_JSON, detail) from None  # the cause would hold the payload
    if not isinstance(document, dict):
        raise EventError(Reason.BAD_JSON, f"an object is expected, not {kind_of(document)}")
    return document


def begins_like_json(body: bytes) -> bool:
    """Whether this may be a JSON object or list. No picture format begins like one."""
    return body[:64].removeprefix(_BOM).lstrip().startswith(_JSON_STARTS)


def read_id(name: str, value: object, max_bytes: int) -> str:
    """A user's, item's or event's id: text, or a whole number, which becomes decimal text."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bytes):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            detail = f"{name} is not UTF-8 ({len(value)} bytes): send ids as text"
            raise EventError(Reason.BAD_ID, detail) from None
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        detail = f"{name} is {kind_of(value)}: send text, or a whole number"
        raise EventError(Reason.BAD_ID, detail)
    if not text:
        raise EventError(Reason.BAD_ID, f"{name} is empty")
    if _bytes_of(text) > max_bytes:
        raise EventError(Reason.BAD_ID, f"{name} is longer than {max_bytes} bytes")
    if not text.isprintable() and _NEVER_IN_IDS.search(text):
        detail = f"{name} holds control characters: send ids as text, not as packed numbers"
        raise EventError(Reason.BAD_ID, detail)
    return text


def read_text(name: str, value: object, max_bytes: int) -> str:
    """A text for people: runs of white space become one space, none at the ends. May be empty."""
    if isinstance(value, str | bytes) and len(value) > 4 * max_bytes:  # before it is taken apart
        raise EventError(Reason.BAD_FIELD, f"{name} is longer than {max_bytes} bytes")
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise EventError(Reason.BAD_FIELD, f"{name} is not UTF-8") from None
    if not isinstance(value, str):
        raise EventError(Reason.BAD_FIELD, f"{name} is {kind_of(value)}, not text")
    text = " ".join(value.split())
    if _bytes_of(text) > max_bytes:
        raise EventError(Reason.BAD_FIELD, f"{name} is longer than {max_bytes} bytes")
    if not text.isprintable() and _NEVER_IN_TEXTS.search(text):
        raise EventError(Reason.BAD_FIELD, f"{name} holds control characters")
    return text


def read_time(name: str, value: object) -> float:
    """Seconds since the epoch, from RFC 3339 text or epoch milliseconds (number or digits)."""
    if isinstance(value, str):
        at_s = _seconds_of_text(name, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        at_s = value / 1000
    else:
        detail = f"{name} is {kind_of(value)}: send RFC 3339 text or epoch milliseconds"
        raise EventError(Reason.BAD_TIME, detail)
    return checked_time(name, at_s)


def checked_time(name: str, at_s: float) -> float:
    """`at_s` if it can be when somebody clicked. Refuses nan as well."""
    if EARLIEST_S <= at_s < LATEST_S:
        return at_s
    detail = f"{name} is before 1971 or after 2099: is it in milliseconds?"
    raise EventError(Reason.BAD_TIME, detail)


def read_seconds(name: str, value: object, most_s: float) -> float:
    """A length of time, at least 0 and finite; what is longer than `most_s` counts as `most_s`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise EventError(Reason.BAD_FIELD, f"{name} is {kind_of(value)}, not a number of seconds")
    if not (math.isfinite(value) and value >= 0):
        raise EventError(Reason.BAD_FIELD, f"{name} is not a number of seconds from 0 up")
    return min(float(value), most_s)


def kind_of(value: object) -> str:
    """What JSON calls the type of `value`, for a sentence."""
    return _JSON_TYPES.get(type(value), "bytes")


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _seconds_of_text(name: str, text: str) -> float:
    match = _RFC3339.fullmatch(text) if len(text) <= 40 else None
    if match is None:
        if _MILLISECONDS.fullmatch(text):
            return int(text) / 1000
        detail = f"{name} is not RFC 3339 with an offset, such as 2026-11-23T10:30:00.250Z"
        raise EventError(Reason.BAD_TIME, detail)
    leap_s = 0.0
    if match["second"] == "60":  # a leap second; Python knows none, so it is the second after
        start, end = match.span("second")
        text, leap_s = f"{text[:start]}59{text[end:]}", 1.0
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise EventError(Reason.BAD_TIME, f"{name} is no date and time that exists") from None
    return (moment - _EPOCH).total_seconds() + leap_s
