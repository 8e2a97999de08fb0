"""A picture's file is understood, as far as it goes, without decoding it."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from inference.containers import Container, sniff, walk
from inference.errors import DecompressionBomb
from tests.support.pictures import MULTIPLE, animation, jpeg_of_scans, jpeg_with, noise, png, saved


def walked(data: bytes, *, max_frames: int = 100) -> Container:
    kind = sniff(data)
    assert kind is not None
    return walk(data, kind, max_frames=max_frames, max_pixels=1_000_000)


@pytest.mark.parametrize(
    "kind",
    ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "ICO", "DDS", "PDF"],
)
def test_the_format_is_what_the_first_bytes_say(kind: str) -> None:
    assert sniff(saved(noise(), kind)) == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", None),
        (b"\0\0\0\x18ftypmp42", None),
        (b"\0\0\0\x18ftypheic", "HEIF"),
        (b"MM\0+\0\x08\0\0", "big-endian BigTIFF"),
        (b"P6\n3 2\n255\n", "PNM"),
        (b"P9 is no bitmap", None),
        (b"BM" + bytes(30), None),
        (b"<svg xmlns=", "SVG"),
        (b"<!-- drawn by hand --><svg>", "SVG"),
        (b"<?xml version='1.0'?><rss>", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_what_is_no_picture_is_told_from_one_that_is_not_read(data: bytes, kind: str) -> None:
    assert sniff(data) == kind


@pytest.mark.parametrize("kind", MULTIPLE)
def test_frames_are_counted(kind: str) -> None:
    assert walked(animation(kind, 4)).frames == 4
    assert walked(saved(noise(), kind)).frames == 1


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_counting_stops_one_beyond_the_limit(kind: str) -> None:
    assert walked(animation(kind, 6), max_frames=2).frames == 3


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("GIF", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"x"}),
    ],
)
def test_the_size_is_read_from_the_header(kind: str, options: dict[str, object]) -> None:
    assert walked(saved(noise((48, 32)), kind, **options)).size == (48, 32)


def test_webp_chunks_of_odd_length_are_padded() -> None:
    frames = [Image.new("RGB", (8, 8), (90 * i, 0, 0)) for i in range(3)]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], icc_profile=b"odd")
    assert walked(data).frames == 3


def test_a_gif_frame_that_reaches_over_the_screen_enlarges_it() -> None:
    data = saved(noise((48, 32)), "GIF")
    assert walked(data[:6] + struct.pack("<HH", 8, 64) + data[10:]).size == (48, 64)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_file_that_ends_early_is_not_complete(kind: str) -> None:
    data = saved(noise(), kind)
    assert walked(data).complete
    assert not walked(data[:-1]).complete
    assert not walked(data[:60]).complete


def test_a_jpeg_is_over_at_its_end_marker_whatever_a_phone_appends() -> None:
    data = saved(noise(), "JPEG") + b"\xff\xda" * 1000
    assert walked(data) == Container()


def test_a_jpeg_may_have_as_many_scans_as_encoders_write() -> None:
    assert walked(jpeg_of_scans(30)).complete
    with pytest.raises(DecompressionBomb, match="more than 50 scans"):
        walked(jpeg_of_scans(50))


def test_scans_in_an_embedded_preview_do_not_count() -> None:
    preview = b"Exif\0\0" + b"\xff\xda" * 1000
    segment = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview
    assert walked(jpeg_with(segment)).complete


def test_a_png_chunk_that_promises_more_than_the_file_holds_ends_the_walk() -> None:
    broken = png((8, 8)).replace(b"IEND", b"aaAa")
    assert walked(broken[:-12] + b"\xff\xff\xff\xffaaAa") == Container(1, (8, 8), complete=False)


def test_tiff_pages_that_point_at_each_other_are_counted_once() -> None:
    page = struct.pack("<HHHIIHHI", 1, 259, 4, 1, 1, 0, 0, 0)[:14]
    data = b"II*\0" + struct.pack("<I", 8) + page + struct.pack("<I", 26) + page
    assert walked(data + struct.pack("<I", 8)).frames == 2
