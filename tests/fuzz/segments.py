"""Wounds that know the format: a part is changed, and what surrounds it is put right again.

Lengths and checksums fit afterwards, so that the damage reaches the decoder behind the container.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

Pieces = list[tuple[bytes, bytes]]
"""(kind, body) of a chunk or segment, in the order of the file."""

_SIDES = (0, 1, 2, 7, 255, 4095, 16383, 32767, 65500, 65535, 2**24 - 1, 2**31 - 1, 2**32 - 1)


def wounded(rng: random.Random, kind: str, data: bytes) -> bytes:
    """A whole file of `kind` with one to three parts changed."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        data = _BY_FORMAT[kind](rng, data)
    return data


def _shuffled(rng: random.Random, pieces: Pieces) -> Pieces:
    """One part changed inside, lost, twice there, moved, cut, or grown."""
    at = rng.randrange(len(pieces))
    kind, body = pieces[at]
    match rng.randrange(7):
        case 0:
            pieces[at] = (kind, body[: rng.randrange(len(body) + 1)])
        case 1:
            pieces[at] = (kind, body + rng.randbytes(rng.choice((1, 5, 300))))
        case 2:
            pieces.insert(rng.randrange(len(pieces) + 1), (kind, body))
        case 3:
            del pieces[at]
        case 4:
            pieces.insert(rng.randrange(len(pieces)), pieces.pop(at))
        case _:
            pieces[at] = (kind, _numbers(rng, body))
    return pieces


def _numbers(rng: random.Random, body: bytes) -> bytes:
    """Some bytes of `body` replaced by a side or a count that hurts."""
    if not body:
        return body
    changed = bytearray(body)
    width, order = rng.choice((1, 2, 4)), rng.choice(("little", "big"))
    number = rng.choice(_SIDES) & ((1 << 8 * width) - 1)
    at = rng.randrange(min(len(body), rng.choice((16, 40, len(body)))))
    changed[at : at + width] = number.to_bytes(width, order)
    return bytes(changed)


def _png(rng: random.Random, data: bytes) -> bytes:
    pieces, at = Pieces(), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        pieces.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not pieces:
        return data
    inside = rng.randrange(len(pieces))
    kind, body = pieces[inside]
    if kind in (b"IDAT", b"fdAT", b"zTXt", b"iCCP") and rng.random() < 0.5:
        pieces[inside] = (kind, _deflated_again(rng, body))
    else:
        pieces = _shuffled(rng, pieces)
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in pieces
    )


def _deflated_again(rng: random.Random, body: bytes) -> bytes:
    """The data behind a deflated part changed, cut or grown, and deflated again."""
    try:
        plain = zlib.decompressobj().decompress(body, 1_000_000)
    except zlib.error:
        return body
    match rng.randrange(3):
        case 0:
            plain = _numbers(rng, plain)
        case 1:
            plain = plain[: rng.randrange(len(plain) + 1)]
        case _:
            plain += bytes(rng.choice((1, 1000, 100_000)))
    return zlib.compress(plain)


def _jpeg(rng: random.Random, data: bytes) -> bytes:
    pieces, at = Pieces(), 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xD9:
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        if data[at + 1] == 0xDA:  # a scan: its coded data belongs to it
            end = data.find(b"\xff\xd9", end)
            end = len(data) if end < 0 else end
        pieces.append((data[at : at + 2], data[at + 4 : end]))
        at = max(end, at + 4)
    if not pieces:
        return data
    out = bytearray(b"\xff\xd8")
    for kind, body in _shuffled(rng, pieces):
        length = len(body) + 2
        if kind == b"\xff\xda":
            header = int.from_bytes(body[:1]) * 2 + 6
            length = header if rng.random() < 0.9 else length
        out += kind + struct.pack(">H", min(length, 65535)) + body
    return bytes(out) + b"\xff\xd9"


def _webp(rng: random.Random, data: bytes) -> bytes:
    pieces, at = Pieces(), 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        pieces.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + (length & 1)
    if not pieces:
        return data
    body = b"".join(
        kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)
        for kind, body in _shuffled(rng, pieces)
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _gif(rng: random.Random, data: bytes) -> bytes:
    """The screen, or where a frame lies, its code size or its blocks."""
    frame = data.find(b"\x2c", 13)
    at = rng.choice((6, 8, 10, 11, *(frame + n for n in (1, 3, 5, 7, 9, 10, 11))))
    if rng.random() < 0.3 and frame > 0 and len(data) < 50_000:  # the same frame many times
        return data[:frame] + data[frame:-1] * rng.choice((2, 30, 150)) + b";"
    number = rng.choice(_SIDES) & 0xFFFF
    return data[:at] + struct.pack("<H", number) + data[at + 2 :]


def _bmp(rng: random.Random, data: bytes) -> bytes:
    """A field of the header: offset, header size, sides, planes, bits, method, colours."""
    at, width = rng.choice(
        ((10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4), (34, 4), (46, 4), (50, 4))
    )
    small = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 24, 32))
    number = (small if rng.random() < 0.6 else rng.choice(_SIDES)) & ((1 << 8 * width) - 1)
    return data[:at] + number.to_bytes(width, "little") + data[at + width :]


def _tiff(rng: random.Random, data: bytes) -> bytes:
    """One entry of a directory: its tag, type, count or value; or where the next one is."""
    big = data[2:3] == b"+"
    start = int.from_bytes(data[8:16] if big else data[4:8], "little")
    head, step = (8, 20) if big else (2, 12)
    count = int.from_bytes(data[start : start + head], "little")
    if not 0 < count < 200:
        return data
    entry = start + head + step * rng.randrange(count + (rng.random() < 0.1))
    field, width = rng.choice(((0, 2), (2, 2), (4, 4), (4, 8), (step - 4, 4), (step - 8, 8)))
    if rng.random() < 0.1:  # a directory that leads to itself
        field, width, entry = 0, 4, start + head + step * count
        number = start
    elif field == 0:
        number = rng.choice((256, 257, 258, 259, 262, 273, 277, 278, 279, 322, 323, 324, 325, 347))
    elif field == 2:
        number = rng.randrange(20)
    else:
        number = rng.choice((*range(6), 7, 8, *_SIDES, start, len(data), rng.randrange(70000)))
    at = entry + field
    return data[:at] + (number % (1 << 8 * width)).to_bytes(width, "little") + data[at + width :]


_BY_FORMAT: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "WEBP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "TIFF": _tiff,
}
