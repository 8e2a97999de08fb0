"""Clicks around the rules: ids, times, kinds, types, JSON that is none, envelopes."""

from __future__ import annotations

import random

from tests.fuzz.case import CLICKS, MARK, NOW_MS, Case
from tests.fuzz.texts import (
    HEADER_NAMES,
    bad_bytes,
    deep,
    envelope_headers,
    huge_number,
    json_text,
    odd_text,
    odd_value,
    with_twins,
    wrapped,
)

TIMES = (
    *(-(2**63), -1, 0, 1, 31_535_999_999, 31_536_000_000, NOW_MS, NOW_MS + 299_000),
    *(NOW_MS + 301_000, 4_102_444_799_999, 4_102_444_800_000, 2**53, 2**63 - 1, 2**64),
    *(1e308, -1e308, 0.5, float("nan"), float("inf"), "1970-12-31T23:59:59Z"),
    *("1971-01-01T00:00:00Z", "2099-12-31T23:59:60Z", "2100-01-01T00:00:00Z"),
    *("0000-00-00T00:00:00Z", "9999-12-31T23:59:59+23:59", "2027-01-15T08:00:00+99:99"),
    *("2027-01-15T08:00:00", "2027-02-30T08:00:00Z", "0001-01-01T00:00:00+23:59"),
    *("2027-01-15t08:00:00.123456789012z", "٢٠٢٧-01-15T08:00:00Z", "1800000000000", "9" * 16),
)
_STAMPS = (-(2**63), -1, 0, 1, 31_536_000_000, NOW_MS, 4_102_444_800_000, 2**53, 2**63 - 1)
_KINDS = ("view", "click", "like", "save", "purchase", "dwell", "dislike", "hide")


def fields(rng: random.Random) -> dict[str, object]:
    """A click that is right."""
    said: dict[str, object] = {
        "item_id": f"{rng.choice(('item', MARK))}-{rng.randrange(60)}",
        "kind": rng.choice(_KINDS),
        "dwell_s": rng.choice((0, 3.5, 86_400, 1e9)),
    }
    if rng.random() < 0.3:
        said["at"] = NOW_MS - rng.randrange(10**9)
    if rng.random() < 0.3:
        said |= {"id": f"{MARK}-{rng.randrange(9)}", "list_id": "clicks-0-1"}
    return said


def click(rng: random.Random) -> Case:
    """A click with something strange about it."""
    kind, strange = rng.choice(_WAYS)
    said = fields(rng)
    user: bytes | None = f"user-{MARK}-{rng.randrange(40)}".encode()
    made: Case = strange(rng, said, user)
    return Case(f"click: {kind}", CLICKS, made.key, made.value, made.headers, made.timestamp_ms)


def _case(
    key: bytes | None,
    value: bytes | None,
    headers: tuple[tuple[bytes, bytes | None], ...] = (),
    timestamp_ms: int = NOW_MS,
) -> Case:
    return Case("", CLICKS, key, value, headers, timestamp_ms)


def _right(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    return _case(user, json_text(said))


def _wrong_type(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    name = rng.choice(("item_id", "user_id", "kind", "at", "id", "dwell_s", "list_id"))
    said[name] = odd_value(rng)
    return _case(user, json_text(said))


def _time(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    if rng.random() < 0.6:
        said["at"] = rng.choice(TIMES)
    return _case(user, json_text(said), timestamp_ms=rng.choice(_STAMPS))


def _id(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    name = rng.choice(("item_id", "user_id", "id", "list_id"))
    said[name] = odd_text(rng)
    if rng.random() < 0.3:
        said.pop("item_id", None)
    return _case(rng.choice((user, None, b"")), json_text(said))


def _key(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    if rng.random() < 0.3:
        said["user_id"] = f"{MARK}-{rng.randrange(9)}"
    return _case(bad_bytes(rng), json_text(said))


def _nothing(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    key = rng.choice((user, None, b"", b"*"))
    return _case(key, rng.choice((None, b"", b" ", b"null", b"{}", b"[]", b"\xef\xbb\xbf")))


def _no_json(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    body = bytearray(json_text(said))
    for _ in range(rng.choice((1, 2, 8))):
        at = rng.randrange(len(body))
        body[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
        body = body or bytearray(b"{")
    return _case(user, bytes(body))


def _deep(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    return _case(user, deep(rng, "item_id"))


def _huge(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    said[rng.choice(("item_id", "note"))] = MARK * rng.choice((7000, 8000, 120_000))
    return _case(user, json_text(said))


def _twins(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    return _case(user, with_twins(rng, said))


def _number(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    name = rng.choice(("item_id", "at", "dwell_s", "user_id"))
    said[name] = "NUMBER"
    return _case(user, json_text(said).replace(b'"NUMBER"', huge_number(rng)))


def _unknown_kind(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    said["kind"] = rng.choice((MARK, "", " LIKE ", "lıke", "click\0", "\x1b[2J", "purchase" * 999))
    return _case(user, json_text(said))


def _headers(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    pairs = [
        (rng.choice((*HEADER_NAMES, bad_bytes(rng)[:2000])), rng.choice((None, bad_bytes(rng))))
        for _ in range(rng.choice((1, 3, 40)))
    ]
    return _case(user, json_text(said), tuple(pairs))


def _envelope(rng: random.Random, said: dict[str, object], user: bytes | None) -> Case:
    body, headers = wrapped(rng, said, envelope_headers(rng))
    return _case(rng.choice((user, user, None)), body, headers)


_WAYS = (
    ("right", _right),
    ("wrong types", _wrong_type),
    ("wrong types", _wrong_type),
    ("times at the ends of the world", _time),
    ("ids", _id),
    ("keys", _key),
    ("nothing", _nothing),
    ("broken JSON", _no_json),
    ("deep JSON", _deep),
    ("huge JSON", _huge),
    ("twice the same name", _twins),
    ("numbers", _number),
    ("unknown kinds", _unknown_kind),
    ("headers", _headers),
    ("CloudEvents", _envelope),
)
