"""Records of `images`: pictures in every packing, facts around the rules, and URIs."""

from __future__ import annotations

import base64
import random

from tests.fuzz import bombs, pictures, segments
from tests.fuzz.case import IMAGES, MARK, NOW_MS, Case
from tests.fuzz.texts import (
    HEADER_NAMES,
    Pairs,
    bad_bytes,
    deep,
    envelope_headers,
    json_text,
    odd_text,
    odd_value,
    with_surrogates,
    with_twins,
    wrapped,
)
from tests.fuzz.uris import TRICKS, redirecting


def damaged(rng: random.Random) -> Case:
    """A real picture that was changed without knowing what it is."""
    form = rng.choice(pictures.FORMATS)
    data = pictures.bruised(rng, rng.choice(pictures.whole()[form]))
    return _packed(rng, f"{form}: changed anywhere", data)


def lying(rng: random.Random) -> Case:
    """A real picture of which a part was changed, and the rest put right again."""
    form = rng.choice(pictures.FORMATS)
    data = segments.wounded(rng, form, rng.choice(pictures.whole()[form]))
    return _packed(rng, f"{form}: a part changed", data)


def bomb(rng: random.Random) -> Case:
    """Small, and asks for much."""
    return _packed(rng, "bombs", bombs.bomb(rng))


def whole(rng: random.Random) -> Case:
    """A picture that is right, in any packing."""
    form = rng.choice(pictures.FORMATS)
    return _packed(rng, f"{form}: whole", rng.choice(pictures.whole()[form]))


def facts(rng: random.Random) -> Case:
    """Facts, ids, keys and headers around the rules, and JSON of every kind."""
    said = _facts(rng)
    key: bytes | None = _item(rng)
    headers: Pairs = ()
    body: bytes | None = json_text(said)
    match rng.randrange(13):
        case 0 | 1:
            name = rng.choice(
                ("labels", "group", "title", "available", "view", "picture", "item_id")
            )
            said[name] = odd_value(rng)
            kind, body = "wrong types", json_text(said)
        case 2:
            kind, key = "keys", rng.choice((None, b"", bad_bytes(rng)))
        case 3:
            kind, body = "null values", None
            key = rng.choice((key, None, b"", bad_bytes(rng)))
        case 4:
            kind, body = "deep JSON", deep(rng, "labels")
        case 5:
            said["title"] = MARK * rng.choice((100, 8000, 1_000_000))
            kind, body = "huge JSON", json_text(said)
        case 6:
            kind, body = "twice the same name", with_twins(rng, said)
        case 7:
            kind, body = "lone surrogates", with_surrogates(rng, json_text(said))
        case 8:
            kind, headers = "CloudEvents", envelope_headers(rng)
            body, headers = wrapped(rng, said, headers)
        case 9:
            said["labels"] = [odd_text(rng)[:600] for _ in range(rng.choice((0, 20, 21, 5000)))]
            kind, body = "labels", json_text(said)
        case 10:
            said["title"], said["group"] = odd_text(rng), odd_text(rng)
            kind, body = "texts", json_text(said)
        case 11:
            kind, body = "many values", b"[" + b"0," * rng.choice((9000, 40_000, 900_000)) + b"0]"
            body = rng.choice((body, b'{"labels":' + body + b"}", b'{"x":' + body + b"}"))
        case _:
            kind = "headers"
            headers = tuple(
                (
                    rng.choice((*HEADER_NAMES, bad_bytes(rng)[:2000])),
                    rng.choice((None, bad_bytes(rng))),
                )
                for _ in range(rng.choice((1, 4, 60)))
            )
            body = rng.choice((body, rng.choice(pictures.whole()["PNG"])))
    stamp = rng.choice((NOW_MS, NOW_MS, -1, 0, 2**63 - 1, -(2**63)))
    return Case(f"facts: {kind}", IMAGES, key, body, headers, stamp)


def uri(rng: random.Random) -> Case:
    """A picture to be fetched, from where it must not be."""
    trick = rng.choice(TRICKS)
    place = redirecting(rng, trick) if rng.random() < 0.4 else trick
    if rng.random() < 0.2:
        at = rng.randrange(len(place))
        place = (
            place[:at] + rng.choice(("\0", "@", "/", ":", "\\", "%", "#", "é", "\t")) + place[at:]
        )
    said: dict[str, object] = {"picture": {"uri": place}, "title": MARK}
    return Case("URIs", IMAGES, _item(rng), json_text(said))


def _packed(rng: random.Random, kind: str, data: bytes) -> Case:
    """The picture's bytes as the value, in JSON, or in a CloudEvent."""
    key = _item(rng)
    packing = rng.random()
    if packing < 0.75:
        headers: Pairs = ((b"title", MARK.encode()),) if rng.random() < 0.5 else ()
        return Case(kind, IMAGES, key, data, headers)
    text = base64.b64encode(data).decode()
    if packing < 0.8:
        text = rng.choice((text + "=", text[:-1], text + "\n", "data:image/png;base64," + text))
    if packing < 0.9:
        said: dict[str, object] = {"picture": {"base64": text}, **_facts(rng)}
        return Case(f"{kind}, in JSON", IMAGES, key, json_text(said))
    body, headers = wrapped(rng, data, envelope_headers(rng))
    return Case(f"{kind}, in a CloudEvent", IMAGES, key, body, headers)


def _facts(rng: random.Random) -> dict[str, object]:
    return {
        "labels": [MARK, "red"][: rng.randrange(3)],
        "group": rng.choice((MARK, None, "")),
        "title": rng.choice((MARK, None, odd_text(rng)[:40])),
        "available": rng.choice((True, True, None, False)),
    }


def _item(rng: random.Random) -> bytes:
    return f"{rng.choice(('item', MARK))}-{rng.randrange(60)}".encode()
