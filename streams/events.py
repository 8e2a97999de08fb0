"""What comes in on `images` and `clicks`: forgiving about the form, strict about the content.

`parse_click` and `parse_image` turn one record into one event, or raise EventError with the code
and the detail of its dead letter. They depend on the record and the limits alone, not on a clock:
an event that comes again, or is replayed next year, ends as it did the first time. docs/topics.md
says it all for the producer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from streams.cloudevents import Envelope, from_base64, is_envelope, open_envelope, read_headers
from streams.errors import EventError, Reason
from streams.facts import DEFAULT_VIEW, FACT_NAMES, FactChanges, read_facts, read_view
from streams.fields import (
    ANYBODY,
    EventLimits,
    begins_like_json,
    checked_time,
    kind_of,
    read_id,
    read_object,
    read_seconds,
    read_time,
)
from streams.records import Record

__all__ = ["KINDS", "Click", "EventLimits", "ImageEvent", "Kind", "parse_click", "parse_image"]

Kind = Literal["view", "click", "like", "save", "purchase", "dwell", "dislike", "hide"]
KINDS: Mapping[object, Kind] = {kind: kind for kind in get_args(Kind)}


class Click(NamedTuple):
    """Something a user did to an item."""

    user_id: str
    item_id: str
    kind: Kind
    at_s: float
    """When, in seconds since the epoch."""
    id: str | None = None
    """The producer's own id of the event, if it gave one."""
    dwell_s: float | None = None
    """How long she stayed; always there for the kind `dwell`."""
    list_id: str | None = None
    """The list she chose from, if the producer knows."""


@dataclass(frozen=True, slots=True)
class ImageEvent:
    """A picture of an item, a change of its facts, both, or its withdrawal."""

    item_id: str
    view: str = DEFAULT_VIEW
    picture: bytes | None = None
    uri: str | None = None
    """Where the picture is, not yet looked at: whether it may be fetched is decided elsewhere."""
    facts: FactChanges = field(default_factory=FactChanges)
    withdrawn: bool = False


def parse_click(record: Record, limits: EventLimits) -> Click:
    """The click in a record of `clicks`. Raises EventError.

    "In the future" means after the record's own timestamp, which the broker bounds, so that the
    answer is the same whenever the record is read.
    """
    value = record.value
    if value is None:
        raise EventError(Reason.EMPTY_EVENT, "a click without a value")
    envelope = read_headers(record.headers) if record.headers else None
    fields = read_object(value, limits.max_json_bytes)
    if (envelope is not None and envelope.structured) or is_envelope(fields):
        envelope, data = open_envelope(fields, limits.max_json_bytes)
        fields = data if isinstance(data, dict) else read_object(data, limits.max_json_bytes)

    item = fields.get("item_id")
    if item is None:
        raise EventError(Reason.MISSING_ITEM_ID, "item_id is missing")
    item_id = read_id("item_id", item, limits.max_id_bytes)
    user_id = _agreed_id("user_id", record.key, fields.get("user_id"), limits)
    if user_id is None:
        raise EventError(Reason.MISSING_USER_ID, "neither the key nor user_id names the user")
    if user_id == ANYBODY:
        raise EventError(Reason.BAD_ID, f"user_id {ANYBODY} is reserved")

    kind = _read_kind(fields.get("kind"))
    dwell = fields.get("dwell_s")
    dwell_s = None if dwell is None else read_seconds("dwell_s", dwell, limits.max_dwell_s)
    if dwell_s is None and kind == "dwell":
        raise EventError(Reason.BAD_FIELD, "a dwell without dwell_s")

    at, event_id, list_id = fields.get("at"), fields.get("id"), fields.get("list_id")
    if envelope is not None:
        at = envelope.attributes.get("time") if at is None else at
        event_id = envelope.attributes.get("id") if event_id is None else event_id
    at_s = _click_time(at, record.timestamp, limits)
    return Click(
        user_id,
        item_id,
        kind,
        at_s,
        None if event_id is None else read_id("id", event_id, limits.max_id_bytes),
        dwell_s,
        None if list_id is None else read_id("list_id", list_id, limits.max_id_bytes),
    )


def parse_image(record: Record, limits: EventLimits) -> ImageEvent:
    """The picture, facts or withdrawal in a record of `images`. Raises EventError."""
    envelope = read_headers(record.headers)
    value = record.value
    if value is None:
        return ImageEvent(_item_id(record.key, None, envelope, limits), withdrawn=True)
    content = _open(value, envelope, limits)
    if isinstance(content.data, bytes):
        return _from_bytes(record.key, content.data, content.envelope, limits)
    return _from_json(record.key, content.data, content.envelope, limits)


class _Content(NamedTuple):
    """What is left when every envelope is off."""

    envelope: Envelope
    data: Mapping[str, object] | bytes


def _open(value: bytes, envelope: Envelope, limits: EventLimits) -> _Content:
    """JSON is what is said to be JSON or begins like it: no picture format does."""
    if not (envelope.json or begins_like_json(value)):
        return _Content(envelope, value)
    most = limits.picture_max_bytes // 3 * 4 + limits.max_json_bytes
    document = read_object(value, most)
    if not (envelope.structured or is_envelope(document)):
        return _Content(envelope, document)
    envelope, data = open_envelope(document, limits.picture_max_bytes)
    if isinstance(data, bytes) and (envelope.json or begins_like_json(data)):
        data = read_object(data, most)
    return _Content(envelope, data)


def _from_bytes(
    key: bytes | None, data: bytes, envelope: Envelope, limits: EventLimits
) -> ImageEvent:
    item_id = _item_id(key, None, envelope, limits)
    if not data:
        detail = "an empty value; a null value withdraws the item"
        raise EventError(Reason.EMPTY_EVENT, detail)
    if len(data) > limits.picture_max_bytes:
        detail = f"{len(data)} bytes; {limits.picture_max_bytes} are allowed"
        raise EventError(Reason.TOO_MANY_BYTES, detail)
    named = {
        name: value
        for source in (envelope.attributes, envelope.headers)
        for name, value in source.items()
        if name in FACT_NAMES
    }
    view = envelope.headers.get("view", envelope.attributes.get("view"))
    return ImageEvent(
        item_id, read_view(view, limits), picture=data, facts=read_facts(named, limits)
    )


def _from_json(
    key: bytes | None, fields: Mapping[str, object], envelope: Envelope, limits: EventLimits
) -> ImageEvent:
    item_id = _item_id(key, fields.get("item_id"), envelope, limits)
    picture, uri = _read_picture(fields.get("picture"), limits)
    facts = read_facts(fields, limits)
    if picture is None and uri is None and not facts:
        raise EventError(Reason.EMPTY_EVENT, "neither a picture nor a fact")
    return ImageEvent(item_id, read_view(fields.get("view"), limits), picture, uri, facts)


def _read_picture(value: object, limits: EventLimits) -> tuple[bytes | None, str | None]:
    if value is None:
        return None, None
    if not isinstance(value, dict):
        detail = f"picture is {kind_of(value)}, not an object with base64 or uri"
        raise EventError(Reason.BAD_FIELD, detail)
    encoded, uri = value.get("base64"), value.get("uri")
    if (encoded is None) == (uri is None):
        raise EventError(Reason.BAD_FIELD, "picture needs one of base64 and uri")
    if isinstance(encoded, str):
        data = from_base64("picture.base64", encoded, limits.picture_max_bytes)
        if not data:
            raise EventError(Reason.EMPTY_PICTURE, "picture.base64 is empty")
        return data, None
    if not isinstance(uri, str):
        raise EventError(Reason.BAD_FIELD, "picture.base64 or picture.uri is not text")
    if not uri or len(uri.encode()) > limits.max_uri_bytes:
        detail = f"picture.uri is empty or longer than {limits.max_uri_bytes} bytes"
        raise EventError(Reason.BAD_FIELD, detail)
    if not uri.isprintable() or " " in uri:
        raise EventError(Reason.BAD_FIELD, "picture.uri holds spaces or control characters")
    return None, uri


def _item_id(key: bytes | None, named: object, envelope: Envelope, limits: EventLimits) -> str:
    """By the key, by the JSON, or else by the subject of the CloudEvent."""
    item_id = _agreed_id("item_id", key, named, limits)
    if item_id is not None:
        return item_id
    subject = envelope.attributes.get("subject")
    if subject is None:
        raise EventError(Reason.MISSING_ITEM_ID, "neither the key nor item_id names the item")
    return read_id("subject", subject, limits.max_id_bytes)


def _agreed_id(name: str, key: bytes | None, named: object, limits: EventLimits) -> str | None:
    """The id that key and JSON agree on; one of them is enough. An empty key is none."""
    by_key = read_id("the key", key, limits.max_id_bytes) if key else None
    if named is None or named == by_key:
        return by_key
    by_json = read_id(name, named, limits.max_id_bytes)
    if by_key is not None and by_json != by_key:
        raise EventError(Reason.CONFLICTING_ID, f"the key and {name} name different ones")
    return by_json


def _read_kind(value: object) -> Kind:
    if value is None:
        return "click"
    kind = KINDS.get(value.strip().lower()) if isinstance(value, str) else None
    if kind is None:
        raise EventError(Reason.UNKNOWN_KIND, f"kind is none of {', '.join(get_args(Kind))}")
    return kind


def _click_time(at: object, timestamp_ms: int, limits: EventLimits) -> float:
    arrived_s = timestamp_ms / 1000
    if at is None:
        return checked_time("the record's timestamp", arrived_s)
    at_s = read_time("at", at)
    # A record without a timestamp (-1) has nothing to compare with.
    if timestamp_ms >= 0 and at_s > arrived_s + limits.max_ahead_s:
        detail = f"at is {at_s - arrived_s:.0f} s after the record's timestamp"
        raise EventError(Reason.TIME_IN_FUTURE, detail)
    return at_s
