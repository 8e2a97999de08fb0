"""CloudEvents 1.0 over Kafka: what stands around an event's data, and how to take it off.

Binary mode: attributes are headers `ce_NAME`, `content-type` is the data's, the value is the data.
Structured mode: the value is a JSON envelope that holds attributes and `data` or `data_base64`;
`content-type` is application/cloudevents+json. An envelope is recognised without that header, too.
Of the attributes only `specversion` must be right: a click isn't lost for a missing `source`.

Source: CloudEvents 1.0.2, its Kafka protocol binding and its JSON event format.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streams.errors import EventError, Reason
from streams.fields import kind_of

_PREFIX = "ce_"
_VERSION = "1.0"
_FAMILY = "application/cloudevents"
_STRUCTURED = "application/cloudevents+json"
_LONGEST_ATTRIBUTE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an event says about its data.

    media_type  of the value: lower case, without parameters; empty when nothing is said.
    attributes  of the CloudEvent, extensions too, by name without `ce_`; empty when it is none.
    headers     the other headers of the record, by name in lower case; the last of a name counts.
    """

    media_type: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def structured(self) -> bool:
        """The value is itself an envelope."""
        return self.media_type == _STRUCTURED

    @property
    def json(self) -> bool:
        """The value is said to be JSON."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")


def read_headers(headers: Sequence[tuple[str, bytes | None]]) -> Envelope:
    """The envelope that a record's headers make. Raises EventError (bad-cloudevent)."""
    plain: dict[str, bytes] = {}
    attributes: dict[str, bytes] = {}
    for name, value in headers:
        if value is None:
            continue
        lower = name.lower()
        if lower.startswith(_PREFIX):
            attributes[lower[len(_PREFIX) :]] = value
        else:
            plain[lower] = value
    media_type = _media_type(plain.get("content-type", b"").decode("ascii", "replace"))
    if media_type.startswith(_FAMILY) and media_type != _STRUCTURED:
        raise EventError(Reason.BAD_CLOUDEVENT, f"of structured events only {_STRUCTURED} is read")
    if "specversion" not in attributes or media_type == _STRUCTURED:
        return Envelope(media_type, headers=plain)
    texts = {name: _text(value) for name, value in attributes.items()}
    _check_version(texts)
    return Envelope(media_type, texts, plain)


def is_envelope(document: Mapping[str, object]) -> bool:
    """Whether a JSON value is a structured CloudEvent although no header says so."""
    return "specversion" in document and "item_id" not in document


def open_envelope(
    document: Mapping[str, object], max_data_bytes: int
) -> tuple[Envelope, dict[str, object] | bytes]:
    """What an envelope says, and its data: a JSON object, or bytes of `datacontenttype`.

    Bytes beyond `max_data_bytes` are refused before they are decoded. Raises EventError.
    """
    _check_version(document)
    data, encoded = document.get("data"), document.get("data_base64")
    attributes = {
        name: value for name, value in document.items() if name not in ("data", "data_base64")
    }
    said = document.get("datacontenttype")
    envelope = Envelope(_media_type(said) if isinstance(said, str) else "", attributes)
    if encoded is None:
        if data is None:
            raise EventError(Reason.EMPTY_EVENT, "the CloudEvent has no data")
        if not isinstance(data, dict):
            raise EventError(Reason.BAD_CLOUDEVENT, f"data is {kind_of(data)}, not an object")
        return envelope, data
    if data is not None or not isinstance(encoded, str):
        detail = "one of data and data_base64 is expected, the latter as text"
        raise EventError(Reason.BAD_CLOUDEVENT, detail)
    return envelope, from_base64("data_base64", encoded, max_data_bytes)


def from_base64(name: str, text: str, max_bytes: int) -> bytes:
    """The bytes behind standard base64: padded, no white space, no `data:` in front of it."""
    if len(text) // 4 * 3 - 2 > max_bytes:
        detail = f"{name} holds about {len(text) // 4 * 3} bytes; {max_bytes} are allowed"
        raise EventError(Reason.TOO_MANY_BYTES, detail)
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error, or characters beyond ASCII
        detail = f"{name} is not standard base64 (padded, no line breaks, no data: before it)"
        raise EventError(Reason.BAD_BASE64, detail) from None
    if len(data) > max_bytes:
        detail = f"{name} holds {len(data)} bytes; {max_bytes} are allowed"
        raise EventError(Reason.TOO_MANY_BYTES, detail)
    return data


def _check_version(attributes: Mapping[str, object]) -> None:
    if attributes.get("specversion") != _VERSION:
        raise EventError(Reason.BAD_CLOUDEVENT, f"specversion is not {_VERSION}")


def _media_type(content_type: str) -> str:
    return content_type[:256].partition(";")[0].strip().lower()


def _text(value: bytes) -> str:
    if len(value) > _LONGEST_ATTRIBUTE_BYTES:
        raise EventError(Reason.BAD_CLOUDEVENT, f"an attribute of {len(value)} bytes")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EventError(Reason.BAD_CLOUDEVENT, "an attribute is not UTF-8") from None
