"""What cannot or must not be shown is refused with its reason, at a bounded cost."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from inference.errors import (
    BrokenPicture,
    DecompressionBomb,
    EmptyPicture,
    FormatNotAllowed,
    NotAPicture,
    PictureError,
    TooManyBytes,
    TooManyFrames,
    TooManyPixels,
    TruncatedPicture,
)
from inference.pictures import FORMATS, PictureLimits, open_picture
from tests.support.pictures import (
    MULTIPLE,
    animation,
    chunk,
    jpeg_of_scans,
    jpeg_with,
    noise,
    png,
    run_length_bmp,
    saved,
    tiff,
    webp_of,
)

LIMITS = PictureLimits(max_pixels=1_000_000, max_frames=5)

BOMB = zlib.compress(bytes(20_000_000))
GIF = saved(Image.new("L", (8, 8)), "GIF")
GIF_FRAMES = GIF.index(b"\x2c", 13 + (6 << (GIF[10] & 7)))  # behind the palette
REFUSED: dict[str, tuple[type[PictureError], Callable[[], bytes]]] = {
    "no bytes": (EmptyPicture, lambda: b""),
    "text": (NotAPicture, lambda: b"<html>404</html>"),
    "text that begins like a bitmap": (NotAPicture, lambda: b"BMW is a car, and this is a text"),
    "one byte": (NotAPicture, lambda: b"\xff"),
    "too many bytes": (TooManyBytes, lambda: bytes(LIMITS.max_bytes + 1)),
    "AVIF": (FormatNotAllowed, lambda: saved(noise(), "AVIF")),
    "JPEG 2000": (FormatNotAllowed, lambda: saved(noise(), "JPEG2000")),
    "ICO": (FormatNotAllowed, lambda: saved(noise(), "ICO")),
    "PPM": (FormatNotAllowed, lambda: saved(noise(), "PPM")),
    "SVG": (FormatNotAllowed, lambda: b'<?xml version="1.0"?><svg xmlns="..."/>'),
    "TIFF in LZMA": (FormatNotAllowed, lambda: saved(noise(), "TIFF", compression="lzma")),
    "TIFF in Zstandard": (FormatNotAllowed, lambda: saved(noise(), "TIFF", compression="zstd")),
    "a PNG's first half": (TruncatedPicture, lambda: (d := saved(noise(), "PNG"))[: len(d) // 2]),
    "a PNG of no known depth": (
        BrokenPicture,
        lambda: png((8, 8)).replace(b"\x08\0\0\0\0", b"\x09\0\0\0\0"),
    ),
    "a PNG without data": (BrokenPicture, lambda: png((8, 8)).replace(b"IDAT", b"idAT")),
    "a TIFF that points at itself": (BrokenPicture, lambda: tiff((273, 1, 0))[:8] + bytes(6)),
    "a BMP of 3 bits": (
        BrokenPicture,
        lambda: saved(noise(), "BMP").replace(b"\x18\0", b"\3\0", 1),
    ),
    "PNG header of 60000": (TooManyPixels, lambda: png((60_000, 60_000))),
    "GIF screen of 65535": (TooManyPixels, lambda: GIF[:6] + b"\xff" * 4 + GIF[10:]),
    "WebP canvas of 65536": (TooManyPixels, lambda: webp_of(65_536, 65_536)),
    "GIF of 300,000 frames": (TooManyFrames, lambda: GIF[:-1] + GIF[GIF_FRAMES:-1] * 300_000),
    "PNG text": (DecompressionBomb, lambda: png((8, 8), chunk(b"zTXt", b"a\0\0" + BOMB))),
    "PNG text after the data": (
        DecompressionBomb,
        lambda: png((8, 8), after=chunk(b"zTXt", b"a\0\0" + BOMB)),
    ),
    "PNG international text": (
        DecompressionBomb,
        lambda: png((8, 8), chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)),
    ),
    "PNG colour profile": (DecompressionBomb, lambda: png((8, 8), chunk(b"iCCP", b"a\0\0" + BOMB))),
    "PNG of many texts": (
        DecompressionBomb,
        lambda: png((8, 8), *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000)))] * 70),
    ),
    "PNG of many chunks": (DecompressionBomb, lambda: png((8, 8), chunk(b"aaAa", b"") * 200_000)),
    "GIF comment of 1-byte blocks": (
        DecompressionBomb,
        lambda: GIF[:-1] + b"!\xfe" + b"\1a" * 200_000 + b"\0;",
    ),
    "JPEG of many scans": (DecompressionBomb, lambda: jpeg_of_scans(60)),
    "JPEG of many segments": (
        DecompressionBomb,
        lambda: jpeg_with(*[b"\xff\xfe\0\2"] * 3000),
    ),
    "JPEG of filler": (DecompressionBomb, lambda: b"\xff\xd8" + b"\xff" * 200_000),
    "TIFF of one enormous tile": (
        DecompressionBomb,
        lambda: tiff((322, 1, 30_000), (323, 1, 30_000), (324, 1, 8), (325, 1, 8), data=bytes(8)),
    ),
    "TIFF of many strips": (
        DecompressionBomb,
        lambda: tiff((273, 200_000, 8), (278, 1, 1), data=bytes(800_000)),
    ),
    "TIFF directory of many tags": (
        DecompressionBomb,
        lambda: struct.pack("<4sIH", b"II*\0", 8, 60_000) + bytes(60_000 * 12 + 4),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_or_must_not_be_shown_is_refused_with_its_reason(name: str) -> None:
    reason, make = REFUSED[name]
    data = make()
    started = time.process_time()
    with pytest.raises(PictureError) as refused:
        open_picture(data, LIMITS, shortest_side=16)
    assert type(refused.value) is reason
    assert refused.value.detail.isprintable()
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("kind", FORMATS)
def test_one_row_of_pixels_too_many_is_refused(kind: str) -> None:
    with pytest.raises(TooManyPixels, match="1001x1000"):
        open_picture(saved(Image.new("L", (1001, 1000)), kind), LIMITS, shortest_side=16)


@pytest.mark.parametrize("kind", MULTIPLE)
def test_one_frame_too_many_is_refused(kind: str) -> None:
    with pytest.raises(TooManyFrames, match="more than 5 frames"):
        open_picture(animation(kind, 6), LIMITS, shortest_side=16)


def test_a_run_length_bitmap_may_have_fewer_pixels_because_it_is_slow_to_unpack() -> None:
    assert open_picture(run_length_bmp(20, 30), LIMITS, shortest_side=16).size == (20, 30)
    with pytest.raises(TooManyPixels, match="run-length BMP of 2001x2000"):
        open_picture(run_length_bmp(2001, 2000), PictureLimits(), shortest_side=16)


@pytest.mark.parametrize("name", ["GIF screen of 65535", "WebP canvas of 65536"])
def test_a_canvas_is_refused_before_the_decoder_can_allocate_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("inference.pictures.Image.open")
    with pytest.raises(TooManyPixels):
        open_picture(REFUSED[name][1](), LIMITS, shortest_side=16)


@pytest.mark.parametrize("size", [(1, 65_536), (65_536, 1)])
def test_a_thread_of_a_picture_is_refused_because_a_row_takes_more_than_its_pixels(
    size: tuple[int, int],
) -> None:
    """Found by `make fuzz`: 134 bytes of 1x25,000,000 pixels held 700 MB, at the default limits."""
    with pytest.raises(
        TooManyPixels, match=f"PNG of {size[0]}x{size[1]} pixels, at most 65535 a side"
    ):
        open_picture(saved(Image.new("L", size), "PNG"), PictureLimits(), shortest_side=16)
    longest = Image.new("L", tuple(min(side, 65_535) for side in size))
    open_picture(saved(longest, "PNG"), PictureLimits(), shortest_side=16)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_at_the_limits_is_shown(kind: str) -> None:
    image = noise()
    data = animation(kind, 5) if kind in MULTIPLE else saved(image, kind)
    limits = PictureLimits(max_bytes=len(data), max_pixels=48 * 32, max_frames=5)
    assert open_picture(data, limits, shortest_side=16).mode == "RGB"


def test_only_the_formats_that_the_operator_allows_are_read() -> None:
    limits = PictureLimits(formats=("PNG",))
    assert open_picture(saved(noise(), "PNG"), limits, shortest_side=16).size == (48, 32)
    with pytest.raises(FormatNotAllowed):
        open_picture(saved(noise(), "JPEG"), limits, shortest_side=16)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_bytes": 0},
        {"max_pixels": 0},
        {"max_frames": 0},
        {"max_pixels": 200_000_000},
        {"formats": ()},
        {"formats": ("PNG", "PSD")},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"limits|max_pixels|formats"):
        PictureLimits(**wrong)
