"""The examples of docs/topics.md and the AsyncAPI document. A test puts each through its parser."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import orjson

from streams.core.picks import Pick
from streams.recommendations import Headers, Trigger, encode
from streams.records import RawRecord

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel: the shortest picture that can be shown in full."""

PUBLISHED_MS = 1_795_429_800_300
"""2026-11-23T10:30:00.300Z, the timestamp of the examples' records."""


@dataclass(frozen=True, slots=True)
class Example:
    """A record of a topic, as a producer would write it."""

    topic: str
    name: str
    says: str
    key: str | None
    value: bytes | None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def record(self) -> RawRecord:
        """The same as a record that was consumed."""
        key = None if self.key is None else self.key.encode()
        headers = [(name, text.encode()) for name, text in self.headers]
        return RawRecord(self.topic, 0, 0, PUBLISHED_MS, key, self.value, headers)


def _json(**fields: object) -> bytes:
    return orjson.dumps(fields)


_BASE64 = base64.b64encode(PIXEL).decode()

IMAGES = (
    Example(
        "images",
        "picture",
        "A picture, with facts in headers. All of them may be left out.",
        "sku-1",
        PIXEL,
        (
            ("view", "front"),
            ("labels", "shoes,red"),
            ("group", "Acme"),
            ("title", "Red running shoe"),
        ),
    ),
    Example(
        "images",
        "picture-in-json",
        "The same as JSON.",
        "sku-1",
        _json(
            item_id="sku-1",
            picture={"base64": _BASE64},
            view="front",
            labels=["shoes", "red"],
            group="Acme",
            title="Red running shoe",
        ),
    ),
    Example(
        "images",
        "picture-by-uri",
        "A picture to be fetched, where the operator allows the host.",
        "sku-1",
        _json(item_id="sku-1", picture={"uri": "https://pictures.example.com/sku-1.jpg"}),
    ),
    Example(
        "images",
        "facts",
        "Facts only: the pictures stay. Here: sold out, and no longer part of a group.",
        "sku-1",
        _json(available=False, group=None),
    ),
    Example(
        "images",
        "withdrawal",
        "Null: the item is withdrawn, with its pictures and facts.",
        "sku-1",
        None,
    ),
    Example(
        "images",
        "cloudevent-binary",
        "A CloudEvent in binary mode.",
        "sku-1",
        PIXEL,
        (
            ("ce_specversion", "1.0"),
            ("ce_id", "7f1c"),
            ("ce_source", "/shop/catalogue"),
            ("ce_type", "com.example.item.pictured"),
            ("ce_subject", "sku-1"),
            ("content-type", "image/png"),
            ("labels", '["shoes", "red"]'),
        ),
    ),
    Example(
        "images",
        "cloudevent-structured",
        "A CloudEvent in structured mode; the item is its subject, facts are extensions.",
        None,
        _json(
            specversion="1.0",
            id="7f1c",
            source="/shop/catalogue",
            type="com.example.item.pictured",
            subject="sku-1",
            datacontenttype="image/png",
            labels="shoes,red",
            data_base64=_BASE64,
        ),
        (("content-type", "application/cloudevents+json"),),
    ),
)

CLICKS = (
    Example("clicks", "short", "All that is needed.", "u-42", _json(item_id="sku-1")),
    Example(
        "clicks",
        "full",
        "All that can be said.",
        "u-42",
        _json(
            user_id="u-42",
            item_id="sku-1",
            kind="like",
            at="2026-11-23T10:30:00.250Z",
            id="click-9001",
            list_id="clicks-3-1041",
        ),
    ),
    Example(
        "clicks",
        "dwell",
        "A dwell, with its seconds, and the time in epoch milliseconds.",
        "u-42",
        _json(item_id="sku-1", kind="dwell", dwell_s=12.5, at=1_795_429_800_250),
    ),
    Example(
        "clicks",
        "cloudevent-structured",
        "A CloudEvent in structured mode. Its `time` and `id` stand in for `at` and `id`.",
        "u-42",
        _json(
            specversion="1.0",
            id="click-9001",
            source="/shop/web",
            type="com.example.clicked",
            time="2026-11-23T10:30:00.250Z",
            data={"item_id": "sku-1", "kind": "save"},
        ),
        (("content-type", "application/cloudevents+json"),),
    ),
)


@dataclass(frozen=True, slots=True)
class _Facts:
    labels: tuple[str, ...]
    group: str | None
    title: str | None


def a_list() -> tuple[bytes, bytes, Headers]:
    """The beginning of a published list, made by the code that makes them all."""
    picks = [
        Pick(0, "sku-12", 1.0, 1.0, "people-also-clicked", "sku-1", 0.6417),
        Pick(1, "sku-7", 0.2683, 1.0, "looks-like", "sku-1", 0.8841),
        Pick(2, "sku-9", 0.1204, 1.0, "popular"),
    ]
    facts = [
        _Facts(("socks",), "Acme", "Running socks"),
        _Facts(("shoes", "blue"), "Acme", "Blue running shoe"),
        _Facts((), None, None),
    ]
    return encode(
        user_id="u-42",
        trigger=Trigger("clicks", 3, 1042, "sku-1", "like", 1_795_429_800.25),
        made_at_s=1_795_429_800.312,
        model="resnet50-thin@0123456789ab",
        policy="greedy-1+explore",
        picks=picks,
        facts=facts,
    )
