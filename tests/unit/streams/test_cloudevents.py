from __future__ import annotations

import base64

import pytest

from streams.cloudevents import from_base64, is_envelope, open_envelope, read_headers
from streams.errors import Reason
from tests.unit.streams.refusals import refused

BINARY = [("ce_specversion", b"1.0"), ("ce_id", b"7"), ("ce_labels", "größe".encode())]
ENVELOPE = {"specversion": "1.0", "id": "7", "source": "/s", "type": "t"}


def test_a_record_without_headers_is_no_cloudevent() -> None:
    envelope = read_headers([])
    assert (envelope.media_type, envelope.attributes, envelope.headers) == ("", {}, {})
    assert not envelope.json
    assert not envelope.structured


def test_binary_mode_attributes_come_without_their_prefix() -> None:
    envelope = read_headers([*BINARY, ("content-type", b"image/png"), ("title", b"Shoe")])
    assert envelope.attributes == {"specversion": "1.0", "id": "7", "labels": "größe"}
    assert envelope.headers == {"content-type": b"image/png", "title": b"Shoe"}


def test_the_case_of_header_names_does_not_matter_and_the_last_of_a_name_counts() -> None:
    envelope = read_headers([("Title", b"a"), ("CE_SpecVersion", b"1.0"), ("title", b"b")])
    assert envelope.headers == {"title": b"b"}
    assert envelope.attributes == {"specversion": "1.0"}


def test_a_header_without_a_value_is_as_if_it_were_not_there() -> None:
    assert read_headers([("title", None), ("ce_specversion", None)]).headers == {}


@pytest.mark.parametrize(
    ("content_type", "json"),
    [
        (b"application/json", True),
        (b" Application/JSON; charset=utf-8", True),
        (b"application/vnd.shop+json", True),
        (b"application/cloudevents+json", True),
        (b"image/png", False),
        (b"\xff", False),
    ],
)
def test_the_media_type_says_whether_it_is_json(content_type: bytes, json: bool) -> None:
    assert read_headers([("content-type", content_type)]).json is json


def test_structured_mode_is_told_by_the_media_type() -> None:
    headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    assert read_headers(headers).structured


@pytest.mark.parametrize("version", [b"0.3", b"1.1", b"2.0", b"", b"1.0 ", b"\xff"])
def test_other_versions_are_refused_in_binary_mode(version: bytes) -> None:
    with refused(Reason.BAD_CLOUDEVENT):
        read_headers([("ce_specversion", version)])


@pytest.mark.parametrize("version", ["0.3", "1.1", "", None, 1.0, ["1.0"]])
def test_other_versions_are_refused_in_structured_mode(version: object) -> None:
    with refused(Reason.BAD_CLOUDEVENT, "specversion is not 1.0"):
        open_envelope({**ENVELOPE, "specversion": version, "data": {}}, 100)


def test_foreign_headers_that_look_like_attributes_do_no_harm_without_a_version() -> None:
    assert read_headers([("ce_id", b"\xff")]).attributes == {}


@pytest.mark.parametrize("name", ["application/cloudevents-batch+json", "application/cloudevents"])
def test_other_formats_of_structured_events_are_refused(name: str) -> None:
    with refused(Reason.BAD_CLOUDEVENT):
        read_headers([("content-type", name.encode())])


def test_an_attribute_that_is_not_utf8_is_refused() -> None:
    with refused(Reason.BAD_CLOUDEVENT, "not UTF-8"):
        read_headers([*BINARY, ("ce_subject", b"\xff")])


def test_an_envelope_gives_its_json_data() -> None:
    envelope, data = open_envelope({**ENVELOPE, "subject": "sku-1", "data": {"a": 1}}, 100)
    assert data == {"a": 1}
    assert envelope.attributes == {**ENVELOPE, "subject": "sku-1"}


def test_an_envelope_gives_its_bytes_and_says_of_what() -> None:
    encoded = base64.b64encode(b"\x89PNG").decode()
    envelope, data = open_envelope(
        {**ENVELOPE, "datacontenttype": "image/png", "data_base64": encoded}, 100
    )
    assert data == b"\x89PNG"
    assert envelope.media_type == "image/png"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, Reason.EMPTY_EVENT),
        ({"data": None}, Reason.EMPTY_EVENT),
        ({"data": "text"}, Reason.BAD_CLOUDEVENT),
        ({"data": [1]}, Reason.BAD_CLOUDEVENT),
        ({"data_base64": 5}, Reason.BAD_CLOUDEVENT),
        ({"data": {}, "data_base64": "AAAA"}, Reason.BAD_CLOUDEVENT),
        ({"data_base64": "%"}, Reason.BAD_BASE64),
        ({"data_base64": "A" * 1_000}, Reason.TOO_MANY_BYTES),
    ],
)
def test_envelopes_that_are_refused(more: dict[str, object], reason: Reason) -> None:
    with refused(reason):
        open_envelope({**ENVELOPE, **more}, 100)


def test_an_envelope_is_recognised_without_a_header() -> None:
    assert is_envelope(ENVELOPE)
    assert not is_envelope({"item_id": "sku-1"})
    assert not is_envelope({"item_id": "sku-1", "specversion": "1.0"})


@pytest.mark.parametrize("size", [0, 1, 2, 3, 97, 98, 99, 100])
def test_base64_up_to_the_limit_is_read(size: int) -> None:
    data = bytes(range(size))
    assert from_base64("picture", base64.b64encode(data).decode(), 100) == data


@pytest.mark.parametrize("size", [101, 102, 103, 1_000_000])
def test_base64_beyond_the_limit_is_refused(size: int) -> None:
    with refused(Reason.TOO_MANY_BYTES, "100 are allowed"):
        from_base64("picture", base64.b64encode(bytes(size)).decode(), 100)


@pytest.mark.parametrize(
    "text", ["A", "AA", "AA=", "AAA", "AAAA\n", "AA AA", "AA==AAAA", "-_-_", "ÄÄÄÄ", "=", "data:,A"]
)
def test_base64_is_strict(text: str) -> None:
    with refused(Reason.BAD_BASE64):
        from_base64("picture", text, 100)


def test_base64_beyond_the_limit_is_refused_before_it_is_decoded() -> None:
    with refused(Reason.TOO_MANY_BYTES):
        from_base64("picture", "%" * 1_000, 100)
