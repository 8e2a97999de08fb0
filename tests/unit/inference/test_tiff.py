"""Orientation and directories of TIFF blocks, believed only as far as they reach."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inference.errors import BrokenPicture, DecompressionBomb, FormatNotAllowed
from inference.tiff import Reader, check_first_page, data_ends, orientation
from tests.support.pictures import noise, saved, tiff


def exif(order: str, kind: int, count: int, value: int) -> bytes:
    packed = struct.pack(order + ("H2x" if kind == 3 else "I"), value)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHI", 274, kind, count) + packed
    return magic + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_orientation_is_read_in_both_byte_orders(order: str, kind: int, value: int) -> None:
    assert orientation(exif(order, kind, 1, value)) == value
    assert orientation(b"Exif\0\0" + exif(order, kind, 1, value)) == value


def test_the_orientation_that_pillow_writes_is_read() -> None:
    written = Image.Exif()
    written[271], written[274], written[305] = "a camera", 7, "a program"
    assert orientation(written.tobytes()) == 7


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        exif("<", 3, 1, 0),
        exif("<", 3, 1, 9),
        exif("<", 3, 2, 6),
        exif("<", 2, 1, 6),
        exif("<", 3, 1, 6)[:-10],
        b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65535),
    ],
)
def test_an_orientation_that_makes_no_sense_leaves_the_picture_upright(block: bytes) -> None:
    assert orientation(block) == 1


@given(st.binary(max_size=200))
def test_reading_an_orientation_never_fails(block: bytes) -> None:
    assert 1 <= orientation(b"MM\0*\0\0\0\x08" + block) <= 8
    assert 1 <= orientation(block) <= 8


@pytest.mark.parametrize(
    "options",
    [{}, {"big_tiff": True}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}],
)
def test_everything_in_a_real_file_lies_within_it(options: dict[str, Any]) -> None:
    data = saved(noise(), "TIFF", **options)
    reader = Reader(data)
    entries, following = reader.directory(reader.first)
    check_first_page(reader, entries, max_pixels=1)
    assert following == 0
    assert max(data_ends(reader, entries)) <= len(data)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (tiff((259, 1, 34925)), FormatNotAllowed),
        (tiff((259, 2, 0)), BrokenPicture),
        (tiff((322, 1, 1001), (323, 1, 1000)), DecompressionBomb),
        (tiff((273, 100_001, 8)), DecompressionBomb),
        (tiff((279, 100_001, 8)), DecompressionBomb),
    ],
)
def test_what_a_decoder_would_have_to_believe_is_refused(
    data: bytes, refusal: type[Exception]
) -> None:
    reader = Reader(data)
    entries, _ = reader.directory(reader.first)
    with pytest.raises(refusal):
        check_first_page(reader, entries, max_pixels=1_000_000)


def test_the_larger_of_two_contradicting_tags_counts() -> None:
    for widths in ((8, 1_000_000), (1_000_000, 8)):
        entries = [(322, width) for width in widths] + [(323, 8)]
        body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
        data = struct.pack("<4sIH", b"II*\0", 8, 3) + body + bytes(4)
        reader = Reader(data)
        with pytest.raises(DecompressionBomb, match="1000000x8"):
            check_first_page(reader, reader.directory(8)[0], max_pixels=1_000_000)
