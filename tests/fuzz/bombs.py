"""Small files that ask for much: pixels, frames, text, profiles, scans, pieces, strips."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

from tests.fuzz.case import MARK
from tests.support import pictures as made

_TEXT = MARK.encode()


def bomb(rng: random.Random) -> bytes:
    """One of them, with its numbers drawn anew."""
    return rng.choice(_BOMBS)(rng)


def _sides(rng: random.Random) -> tuple[int, int]:
    return rng.choice(
        ((5000, 5000), (5001, 5000), (65535, 65535), (1, 25_000_000), (30_000, 800), (8000, 3000))
    )


def _png_pixels(rng: random.Random) -> bytes:
    return made.png(_sides(rng), made.chunk(b"tEXt", b"a\0" + _TEXT))


def _png_that_is_true(rng: random.Random) -> bytes:
    """Every promised pixel is there, deflated a thousandfold."""
    width, height, depth, colour = rng.choice(
        ((5000, 5000, 8, 2), (4000, 6000, 8, 6), (5000, 4900, 1, 0), (3000, 2000, 16, 6))
    )
    channels = {0: 1, 2: 3, 6: 4}[colour]
    row = 1 + (width * channels * depth + 7) // 8
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(bytes(row * height), 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        made.chunk(kind, body)
        for kind, body in (
            (b"IHDR", head),
            (b"tEXt", b"a\0" + _TEXT),
            (b"IDAT", data),
            (b"IEND", b""),
        )
    )


def _deflated(rng: random.Random) -> bytes:
    """A text, a profile or Exif of 50 MB behind 50 kB."""
    long = zlib.compress(bytes(rng.choice((2_000_000, 50_000_000))), 9)
    kind, body = rng.choice(
        (
            (b"zTXt", b"a\0\0" + long),
            (b"iTXt", b"a\0\1\0\0\0" + long),
            (b"iCCP", _TEXT + b"\0\0" + long),
            (b"eXIf", b"II*\0\x08\0\0\0" + bytes(500_000)),
        )
    )
    chunks = [made.chunk(kind, body)] * rng.choice((1, 3, 40))
    return made.png((10, 10), made.chunk(b"tEXt", b"a\0" + _TEXT), *chunks)


def _many_texts(rng: random.Random) -> bytes:
    chunks = [made.chunk(b"tEXt", b"k%d\0" % n + _TEXT) for n in range(rng.choice((500, 60_000)))]
    return made.png((10, 10), *chunks, after=b"" if rng.random() < 0.5 else chunks[0] * 1000)


def _many_pieces(rng: random.Random) -> bytes:
    return made.png((10, 10), made.chunk(b"x" + _TEXT[:3], b"") * rng.choice((1000, 120_000)))


def _apng_frames(rng: random.Random) -> bytes:
    count = rng.choice((2, 100, 101, 2**31 - 1, 2**32 - 1))
    control = made.chunk(b"acTL", struct.pack(">II", count, 0))
    return made.png((10, 10), control, made.chunk(b"tEXt", b"a\0" + _TEXT))


def _gif_frames(rng: random.Random) -> bytes:
    file = made.animation("GIF", 3)
    at = file.rindex(b"\x2c")
    return file[:at] + file[at:-1] * rng.choice((90, 99, 20_000)) + b"\x21\xfe\x09" + _TEXT + b"\0;"


def _gif_canvas(rng: random.Random) -> bytes:
    file = bytearray(made.animation("GIF", 2))
    width, height = _sides(rng)
    struct.pack_into("<HH", file, 6, width & 0xFFFF, height & 0xFFFF)
    return bytes(file) + _TEXT


def _webp_canvas(rng: random.Random) -> bytes:
    width, height = (min(side, 2**24) for side in _sides(rng))
    return made.webp_of(width, height) + _TEXT


def _webp_frames(rng: random.Random) -> bytes:
    file = made.animation("WEBP", 2)
    at = file.index(b"ANMF")
    body = file[12:at] + file[at:] * rng.choice((2, 49, 60, 20_000))
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _jpeg_segments(rng: random.Random) -> bytes:
    body = _TEXT * rng.choice((1, 7000))
    marker = rng.choice((b"\xff\xe1", b"\xff\xe2", b"\xff\xed", b"\xff\xfe"))
    head = {
        b"\xff\xe1": b"Exif\0\0MM\0*\0\0\0\x08",
        b"\xff\xe2": b"ICC_PROFILE\0\1\xff",
        b"\xff\xed": b"Photoshop 3.0\x008BIM\4\4\0\0\xff\xff\xff\xff",
    }.get(marker, b"")
    piece = head + body[: 65533 - len(head)]
    segment = marker + struct.pack(">H", len(piece) + 2) + piece
    return made.jpeg_with(
        *[segment] * min(rng.choice((1, 150, 1900, 2001)), 9_500_000 // len(segment))
    )


def _jpeg_scans(rng: random.Random) -> bytes:
    return made.jpeg_of_scans(rng.choice((5, 40, 51, 3000))) + _TEXT


def _jpeg_sides(rng: random.Random) -> bytes:
    file = bytearray(made.jpeg_with(b"\xff\xfe\0\x0b" + _TEXT))
    at = file.index(b"\xff\xc0")
    width, height = _sides(rng)
    struct.pack_into(">HH", file, at + 5, height & 0xFFFF, width & 0xFFFF)
    return bytes(file)


def _jpeg_filler(rng: random.Random) -> bytes:
    return made.jpeg_with(
        b"\xff" * rng.choice((1000, 99_000, 3_000_000)), b"\xff\xfe\0\x0b" + _TEXT
    )


def _tiff_tiles(rng: random.Random) -> bytes:
    side = rng.choice((16, 1 << 14, 1 << 16, 2**31, 2**32 - 1))
    tags = [(322, 1, side), (323, 1, side), (324, 1, 8), (325, 1, 64)]
    sides = rng.choice(((8, 8), (5000, 5000), (65535, 65535), (2**32 - 1, 2**32 - 1)))
    return made.tiff((256, 1, sides[0]), (257, 1, sides[1]), *tags, data=bytes(64) + _TEXT)


def _tiff_strips(rng: random.Random) -> bytes:
    count = rng.choice((1, 1000, 99_999, 100_001, 2**32 - 1))
    data = bytes(4 * min(count, 100_001)) + _TEXT
    rows = rng.choice((1, 8, 2**32 - 1))
    tags = [(273, count, 8), (278, 1, rows), (279, count, 8)]
    return made.tiff((257, 1, rng.choice((8, 99_999))), *tags, data=data)


def _tiff_pages(rng: random.Random) -> bytes:
    """Pages behind pages, or one that leads back to the first."""
    page = made.tiff((273, 1, 8), (278, 1, 8), (279, 1, 64), data=bytes(64))
    start = int.from_bytes(page[4:8], "little")
    folder, body = page[start:-4], page[:start]
    pages = rng.choice((2, 99, 102, 5000))
    out = bytearray(body)
    for number in range(pages):
        last = number == pages - 1
        after = rng.choice((0, start)) if last else len(out) + len(folder) + 4
        out += folder + struct.pack("<I", after)
    return bytes(out) + _TEXT


def _bmp_run_length(rng: random.Random) -> bytes:
    return made.run_length_bmp(*rng.choice(((1000, 1000), (2000, 2001), (1, 2_000_000)))) + _TEXT


_BOMBS: tuple[Callable[[random.Random], bytes], ...] = (
    _png_pixels,
    _png_that_is_true,
    _deflated,
    _many_texts,
    _many_pieces,
    _apng_frames,
    _gif_frames,
    _gif_canvas,
    _webp_canvas,
    _webp_frames,
    _jpeg_segments,
    _jpeg_scans,
    _jpeg_sides,
    _jpeg_filler,
    _tiff_tiles,
    _tiff_strips,
    _tiff_pages,
    _bmp_run_length,
)
