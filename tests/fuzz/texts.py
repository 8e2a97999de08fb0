"""Texts, bytes, numbers and JSON of the kinds that parsers stumble over."""

from __future__ import annotations

import base64
import json
import random

from tests.fuzz.case import MARK

Pairs = tuple[tuple[bytes, bytes | None], ...]

_CONTROL = "".join(map(chr, range(32))) + "\x7f\x80\x9b"
TEXTS = (
    *("", " ", "*", "0", "null", "true", "-1", MARK, MARK + "\0", "\x1b[2J" + MARK),
    *("\x1b]0;" + MARK + "\x07", "\r\n" + MARK, MARK + "\u2028", "\u202e" + MARK, "\ufeff" + MARK),
    *("\x9b31m" + MARK, MARK + "\u0000", _CONTROL, "e\u0301" * 40, "\U0001f600" * 64, "ſ" * 128),
    *("ａ" + MARK, "\ufffe", "a" * 255, "a" * 256, "a" * 257, "é" * 128, "é" * 129, "../" + MARK),
    *("%00" + MARK, "{{" + MARK + "}}", "[bold]" + MARK, "'\"`" + MARK, "\\u0000", "a=b " + MARK),
)
"""Each can be written as UTF-8. Lone surrogates are added as escapes, in JSON."""

HEADER_NAMES = (
    *(b"content-type", b"Content-Type", b"ce_specversion", b"ce_subject", b"ce_time", b"ce_id"),
    *(b"CE_ID", b"labels", b"title", b"group", b"available", b"view", b"reason", b"detail"),
    *(b"", b"\xff\xfe", b"\x1b[2J", b"ce_", b"a" * 3000, b"\xc3\x28", "é".encode(), b"topic"),
)


def odd_text(rng: random.Random, *, long: bool = True) -> str:
    """Text, now and then a megabyte of it."""
    if long and rng.random() < 0.04:
        return MARK + "x" * 1_000_000
    if rng.random() < 0.2:
        return MARK + "".join(
            chr(
                rng.choice(
                    (
                        rng.randrange(0x20),
                        0x7F + rng.randrange(0x30),
                        0x2000 + rng.randrange(0x70),
                        0xE000,
                        0x1F600,
                    )
                )
            )
            for _ in range(rng.randrange(12))
        )
    return rng.choice(TEXTS)


def bad_bytes(rng: random.Random) -> bytes:
    """What keys and header values may be: any bytes, text or not."""
    match rng.randrange(8):
        case 0:
            return rng.randbytes(rng.randrange(40))
        case 1:
            return rng.choice((b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"))
        case 2:
            return MARK.encode() + b"\xff" + rng.randbytes(4)
        case 3:
            return rng.randrange(2**64).to_bytes(8)
        case 4 if rng.random() < 0.3:
            return MARK.encode() * rng.choice((30, 100_000))
        case _:
            return odd_text(rng).encode()


def odd_value(rng: random.Random, depth: int = 2) -> object:  # noqa: PLR0911 - a list of values
    """A JSON value of the wrong type, or the right one with something wrong in it."""
    match rng.randrange(9):
        case 0:
            return rng.choice((None, True, False))
        case 1:
            return rng.choice((0, -1, 1, 2**31, 2**63, 2**64 - 1, -(2**63), 10**18, 10**400))
        case 2:
            return rng.choice((0.0, -0.0, 1e308, 5e-324, 1.5, float("nan"), float("inf"), -1e9))
        case 3 if depth:
            return [odd_value(rng, depth - 1) for _ in range(rng.choice((0, 1, 3, 21, 300)))]
        case 4 if depth:
            return {odd_text(rng)[:300]: odd_value(rng, depth - 1) for _ in range(3)}
        case 5:
            return {"base64": odd_text(rng), "uri": rng.choice((None, odd_text(rng)))}
        case _:
            return odd_text(rng, long=depth == 2)


def json_text(value: object) -> bytes:
    """As Python writes it: NaN and Infinity too, which are no JSON."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def huge_number(rng: random.Random) -> bytes:
    """A number as a text that JSON allows, or nearly does."""
    return rng.choice(
        (
            *(b"1e999", b"-1e999", b"1e-999", b"9" * 400, b"9" * 60_000, b"0" * 50, b"-0"),
            *(b"1.", b".5", b"+1", b"0x10", b"1e", b"NaN", b"Infinity", b"-Infinity", b"1_000"),
            *(b"18446744073709551615", b"18446744073709551616", b"1e308", b"1" + b"0" * 308),
            *(b"1." + b"0" * 30_000 + b"1", b"12345678901234567890.5", b"4e-324"),
        )
    )


def deep(rng: random.Random, name: str) -> bytes:
    """JSON inside JSON inside JSON, closed or not."""
    levels = rng.choice((100, 1000, 1025, 20_000, 32_000, 400_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    levels = min(levels, 1_000_000 // len(opening))
    end = closing * levels if rng.random() < 0.6 else b""
    head = f'{{"{MARK}":1,"{name}":'.encode()
    return head + opening * levels + b"1" + end + b"}"


def with_twins(rng: random.Random, said: dict[str, object]) -> bytes:
    """The same object, with names that are there twice, in one spelling or two."""
    pairs = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in said.items()]
    for name in rng.choices(list(said), k=rng.choice((1, 2, 400))):
        spelled = json.dumps(name)
        if rng.random() < 0.3:
            spelled = spelled.replace("i", "\\u0069").replace("k", "\\u006B")
        pairs.insert(rng.randrange(len(pairs) + 1), f"{spelled}:{json.dumps(odd_value(rng, 1))}")
    return ("{" + ",".join(pairs) + "}").encode("utf-8", "surrogatepass")


def with_surrogates(rng: random.Random, body: bytes) -> bytes:
    """MARK's text with a lone surrogate beside it: escaped, or as the bytes of CESU-8."""
    lone = rng.choice((b"\\ud800", b"\\udfff", b"\\udc00\\ud800", b"\xed\xa0\x80", b"\xed\xbf\xbf"))
    return body.replace(MARK.encode(), MARK.encode() + lone, rng.choice((1, -1)))


def envelope_headers(rng: random.Random) -> Pairs:
    """Headers of a CloudEvent in binary mode, mostly with something wrong."""
    pairs: list[tuple[bytes, bytes | None]] = [
        (b"ce_specversion", rng.choice((b"1.0", b"1.0", b"0.3", b"1.1", b"", b"\xff", None))),
        (b"ce_subject", bad_bytes(rng)),
        (b"ce_id", rng.choice((MARK.encode(), bad_bytes(rng)))),
        (b"ce_time", rng.choice((b"2027-01-15T08:00:00Z", b"9" * 16, b"", bad_bytes(rng)))),
        (b"ce_" + MARK.encode(), b"x" * rng.choice((0, 9, 65_537))),
        (
            b"content-type",
            rng.choice(
                (
                    *(b"application/json", b"application/cloudevents+json", b"image/png", b""),
                    *(b"application/cloudevents+avro", b"application/cloudevents-batch+json"),
                    *(b"APPLICATION/JSON; charset=utf-16", b"\xff", b"a" * 70_000, b"text/+json"),
                )
            ),
        ),
    ]
    rng.shuffle(pairs)
    return tuple(pairs[: rng.randrange(1, 7)])


def wrapped(
    rng: random.Random, data: dict[str, object] | bytes, headers: Pairs
) -> tuple[bytes, Pairs]:
    """`data` as a CloudEvent: structured, binary, both at once, or one inside another."""
    body = data if isinstance(data, bytes) else json_text(data)
    if rng.random() < 0.4:
        return body, headers
    envelope: dict[str, object] = {
        "specversion": rng.choice(("1.0", "1.0", "1.0", "0.3", "2.0", 1.0, None, [], "1.0\0")),
        "id": MARK,
        "source": "/" + MARK,
        "type": "fuzz",
        "subject": odd_value(rng, 1),
        "time": rng.choice(("2027-01-15T08:00:00Z", NOWHERE, odd_value(rng, 1))),
        "datacontenttype": rng.choice(("application/json", "image/png", 7, None, odd_text(rng))),
    }
    match rng.randrange(5):
        case 0 if isinstance(data, dict):
            envelope["data"] = data
        case 1:
            envelope["data"] = odd_value(rng)
        case 2:
            envelope |= {"data": {}, "data_base64": ""}
        case 3:
            envelope["data_base64"] = odd_value(rng)
        case _:
            envelope["data_base64"] = base64.b64encode(body).decode()
    for name in rng.sample(list(envelope), rng.choice((0, 0, 1, 3))):
        del envelope[name]
    text = json_text(envelope)
    if rng.random() < 0.1:
        text = json_text({"specversion": "1.0", "data": envelope})
    return text, headers if rng.random() < 0.3 else ()


NOWHERE = "9999-99-99T99:99:99Z"
