from __future__ import annotations

import base64

import orjson
import pytest

from streams.errors import Reason
from streams.events import EventLimits, ImageEvent, parse_image
from streams.records import RawRecord
from streams.reference.examples import PIXEL
from tests.unit.streams.refusals import refused

LIMITS = EventLimits(picture_max_bytes=1_000, max_json_bytes=500, max_uri_bytes=100)
ENCODED = base64.b64encode(PIXEL).decode()

Headers = tuple[tuple[str, bytes], ...]


def image(value: object, key: bytes | None = b"sku-1", headers: Headers = ()) -> ImageEvent:
    body = value if value is None or isinstance(value, bytes) else orjson.dumps(value)
    return parse_image(RawRecord("images", 0, 7, 1_795_429_800_250, key, body, headers), LIMITS)


def test_bytes_are_a_picture() -> None:
    assert image(PIXEL) == ImageEvent("sku-1", "main", picture=PIXEL)


def test_headers_beside_a_picture_are_facts() -> None:
    headers = (
        ("view", b"front"),
        ("labels", b"shoes,red"),
        ("group", b"Acme"),
        ("title", b"Shoe"),
        ("available", b"true"),
        ("traceparent", b"\xff\xfe"),
    )
    assert image(PIXEL, headers=headers) == ImageEvent(
        "sku-1",
        "front",
        picture=PIXEL,
        facts={"labels": ("shoes", "red"), "group": "Acme", "title": "Shoe", "available": True},
    )


@pytest.mark.parametrize("content_type", [b"image/jpeg", b"text/html", b"application/octet-stream"])
def test_what_bytes_are_is_not_decided_by_what_they_are_said_to_be(content_type: bytes) -> None:
    headers = (("content-type", content_type),)
    assert image(PIXEL, headers=headers).picture == PIXEL
    assert image({"title": "Shoe"}, headers=headers).facts == {"title": "Shoe"}


def test_bytes_said_to_be_json_must_be() -> None:
    with refused(Reason.BAD_JSON):
        image(PIXEL, headers=(("content-type", b"application/json"),))


def test_json_with_a_picture_says_the_same() -> None:
    said = {
        "item_id": "sku-1",
        "picture": {"base64": ENCODED},
        "view": "front",
        "labels": ["shoes", "red"],
        "group": "Acme",
        "title": "Shoe",
        "available": True,
    }
    assert image(said, key=None) == ImageEvent(
        "sku-1",
        "front",
        picture=PIXEL,
        facts={"labels": ("shoes", "red"), "group": "Acme", "title": "Shoe", "available": True},
    )


def test_json_without_a_picture_changes_facts_only() -> None:
    assert image({"available": False}) == ImageEvent("sku-1", facts={"available": False})
    assert image({"title": None, "picture": None}) == ImageEvent("sku-1", facts={"title": None})


def test_headers_beside_json_are_no_facts() -> None:
    assert image({"title": "Shoe"}, headers=(("group", b"\xff"),)).facts == {"title": "Shoe"}


def test_a_uri_is_passed_on_as_it_is() -> None:
    uri = "https://pictures.example.com/sku-1.jpg?w=1"
    assert image({"picture": {"uri": uri}}) == ImageEvent("sku-1", uri=uri)


def test_null_withdraws() -> None:
    assert image(None) == ImageEvent("sku-1", withdrawn=True)


def test_an_empty_value_does_not_withdraw() -> None:
    with refused(Reason.EMPTY_EVENT, "null"):
        image(b"")


@pytest.mark.parametrize("value", [{}, {"view": "front"}, {"picture": None}, {"colour": "red"}])
def test_an_event_that_says_nothing_is_refused(value: object) -> None:
    with refused(Reason.EMPTY_EVENT):
        image(value)


def test_json_may_name_the_item_when_the_key_does_not() -> None:
    assert image({"item_id": 17, "title": "Shoe"}, key=None).item_id == "17"
    with refused(Reason.CONFLICTING_ID, "item_id"):
        image({"item_id": "sku-2", "title": "Shoe"})


@pytest.mark.parametrize("value", [PIXEL, {"title": "Shoe"}, None])
def test_an_event_about_no_item_is_refused(value: object) -> None:
    for key in (None, b""):
        with refused(Reason.MISSING_ITEM_ID):
            image(value, key=key)


@pytest.mark.parametrize("key", [b"\xff", b"a\0b", b"a" * 257])
def test_a_bad_key_is_refused_in_every_form(key: bytes) -> None:
    for value in (PIXEL, {"item_id": "sku-1", "title": "Shoe"}, None):
        with refused(Reason.BAD_ID, "the key"):
            image(value, key=key)


@pytest.mark.parametrize(
    "picture",
    [
        "AAAA",
        ["AAAA"],
        {},
        {"base64": None},
        {"base64": "AAAA", "uri": "https://a"},
        {"base64": 3},
        {"uri": 3},
        {"uri": ""},
        {"uri": "https://a/ b"},
        {"uri": "https://a/\n"},
        {"uri": "https://a/" + "a" * 100},
        {"url": "https://a"},
    ],
)
def test_a_picture_that_is_not_one_is_refused(picture: object) -> None:
    with refused(Reason.BAD_FIELD, "picture"):
        image({"picture": picture, "labels": ["a"]})


def test_bad_base64_and_an_empty_picture_are_told_apart() -> None:
    with refused(Reason.BAD_BASE64):
        image({"picture": {"base64": "AAA"}})
    with refused(Reason.EMPTY_PICTURE):
        image({"picture": {"base64": ""}})


def test_a_picture_at_the_limit_passes_in_every_form_and_one_beyond_in_none() -> None:
    largest, larger = b"\x89" * 1_000, b"\x89" * 1_001
    for data in (largest, larger):
        encoded = base64.b64encode(data).decode()
        forms: list[object] = [
            data,
            {"picture": {"base64": encoded}},
            {"specversion": "1.0", "data_base64": encoded},
        ]
        for form in forms:
            if data is largest:
                assert image(form).picture == largest
            else:
                with refused(Reason.TOO_MANY_BYTES, "1000 are allowed"):
                    image(form)


def test_json_too_large_for_any_picture_is_refused_unread() -> None:
    with refused(Reason.TOO_MANY_BYTES):
        image(b'{"title": ' + b" " * 2_000)


def test_bad_facts_beside_a_picture_refuse_the_event() -> None:
    with refused(Reason.BAD_FIELD, "title"):
        image(PIXEL, headers=(("title", b"\xff"),))
    with refused(Reason.TOO_MANY_LABELS):
        image(PIXEL, headers=(("labels", b"a," * 21 + b"b"),))


def test_a_cloudevent_in_binary_mode_is_a_picture_or_json() -> None:
    headers = (("ce_specversion", b"1.0"), ("ce_subject", b"sku-9"), ("ce_view", b"front"))
    about = (*headers, ("title", b"Shoe"), ("content-type", b"image/png"))
    by_key = image(PIXEL, headers=about)
    assert by_key == ImageEvent("sku-1", "front", picture=PIXEL, facts={"title": "Shoe"})
    assert image(PIXEL, key=None, headers=about).item_id == "sku-9"
    json = (*headers, ("content-type", b"application/json"))
    assert image({"item_id": "sku-2", "title": "Shoe"}, None, json).item_id == "sku-2"
    assert image(None, key=None, headers=headers) == ImageEvent("sku-9", withdrawn=True)


@pytest.mark.parametrize("headers", [(), (("content-type", b"application/cloudevents+json"),)])
def test_a_cloudevent_in_structured_mode_is_a_picture_or_json(headers: Headers) -> None:
    envelope = {"specversion": "1.0", "subject": "sku-9", "labels": "a,b", "view": "front"}
    picture = {**envelope, "datacontenttype": "image/png", "data_base64": ENCODED}
    expected = ImageEvent("sku-9", "front", picture=PIXEL, facts={"labels": ("a", "b")})
    assert image(picture, None, headers) == expected
    json = {**envelope, "data": {"picture": {"base64": ENCODED}, "title": "Shoe"}}
    expected = ImageEvent("sku-9", picture=PIXEL, facts={"title": "Shoe"})
    assert image(json, None, headers) == expected
    as_bytes = base64.b64encode(b'{"title": "Shoe"}').decode()
    expected = ImageEvent("sku-9", facts={"title": "Shoe"})
    assert image({**envelope, "data_base64": as_bytes}, None, headers) == expected


def test_a_cloudevent_that_cannot_be_read_is_refused() -> None:
    with refused(Reason.BAD_CLOUDEVENT):
        image(PIXEL, headers=(("ce_specversion", b"2.0"),))
    with refused(Reason.EMPTY_EVENT):
        image({"specversion": "1.0", "subject": "sku-1"})
    with refused(Reason.BAD_ID, "subject"):
        image({"specversion": "1.0", "subject": 1.5, "data": {"title": "a"}}, key=None)
