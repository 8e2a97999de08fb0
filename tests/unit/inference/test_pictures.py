"""Pictures of every format, colour mode and orientation come out as the eye sees them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from inference.pictures import FORMATS, PictureLimits, flatten, open_picture
from tests.support.pictures import saved

LIMITS = PictureLimits()
SIZE = (48, 32)
ORANGE = (200, 100, 50)
GREY_OF_ORANGE = (124, 124, 124)
LOSSY = 6  # how far a JPEG's, a WebP's or a 256-colour GIF's colour may be off
WHITE = (255, 255, 255)


def opened(data: bytes, shortest_side: int = 32) -> Image.Image:
    return open_picture(data, LIMITS, shortest_side=shortest_side)


def orange(mode: str) -> Image.Image:
    """A picture of one colour in the given mode; numbers where no colour is possible."""
    rgb = Image.new("RGB", SIZE, ORANGE)
    if mode.startswith("I;16"):
        order = ">u2" if mode == "I;16B" else "<u2"
        return Image.frombytes(mode, SIZE, np.full(SIZE, 0x8040, order).tobytes())
    if mode == "I":
        return Image.new("I", SIZE, 0x8040)
    if mode == "F":
        return Image.new("F", SIZE, 0.25)
    if mode == "LAB":
        srgb, lab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
        converted = ImageCms.applyTransform(
            rgb, ImageCms.buildTransform(srgb, lab, inMode="RGB", outMode="LAB")
        )
        assert converted is not None
        return converted
    if mode in ("P", "PA"):
        return rgb.quantize().convert(mode)
    by_way_of = {"La": "LA", "RGBa": "RGBA"}.get(mode)
    return rgb.convert(by_way_of).convert(mode) if by_way_of else rgb.convert(mode)


EXPECTED = {
    **dict.fromkeys(("L", "LA", "La"), GREY_OF_ORANGE),
    **dict.fromkeys(
        ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"), ORANGE
    ),
    **dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N", "I"), (128, 128, 128)),
    "F": (64, 64, 64),
}


def assert_colour(image: Image.Image, expected: tuple[int, int, int], within: int = 0) -> None:
    assert image.mode == "RGB"
    pixels = np.asarray(image).astype(int)
    assert np.abs(pixels - expected).max() <= within


@pytest.mark.parametrize("mode", sorted(EXPECTED))
def test_flatten_shows_the_colour_of_every_mode(mode: str) -> None:
    image = Image.new("I;16N", SIZE, 0x8040) if mode == "I;16N" else orange(mode)
    assert_colour(flatten(image), EXPECTED[mode], within=1)


def test_flatten_keeps_the_two_colours_of_a_bitmap() -> None:
    bitmap = Image.new("1", SIZE)
    bitmap.putpixel((3, 4), 1)
    assert flatten(bitmap).getpixel((3, 4)) == WHITE
    assert flatten(bitmap).getpixel((4, 3)) == (0, 0, 0)


FILES: list[tuple[str, str, dict[str, Any]]] = [
    *((mode, "PNG", {}) for mode in ("L", "LA", "P", "RGB", "RGBA", "I;16")),
    *((mode, "JPEG", {}) for mode in ("L", "RGB", "CMYK", "YCbCr")),
    *((mode, "JPEG", {"progressive": True}) for mode in ("L", "RGB", "CMYK")),
    *((mode, "WEBP", {}) for mode in ("L", "RGB", "RGBA")),
    *((mode, "WEBP", {"lossless": True}) for mode in ("L", "RGB", "RGBA")),
    *((mode, "GIF", {}) for mode in ("L", "P", "RGB")),
    *((mode, "BMP", {}) for mode in ("L", "P", "RGB", "RGBA")),
    *((mode, "TIFF", {}) for mode in ("L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")),
    *((mode, "TIFF", {}) for mode in ("LAB", "I;16", "I;16B", "I", "F")),
    *(
        (mode, "TIFF", {"compression": how})
        for mode in ("L", "RGB", "RGBA", "CMYK", "I;16")
        for how in ("tiff_lzw", "tiff_adobe_deflate", "packbits")
    ),
    ("RGB", "TIFF", {"compression": "jpeg"}),
    ("L", "TIFF", {"big_tiff": True}),
]


@pytest.mark.parametrize(("mode", "kind", "options"), FILES)
def test_every_format_shows_the_colour_that_was_saved(
    mode: str, kind: str, options: dict[str, Any]
) -> None:
    image = opened(saved(orange(mode), kind, **options))
    assert image.size == SIZE
    assert_colour(image, EXPECTED[mode], within=LOSSY)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF"])
def test_bitmaps_keep_black_and_white(kind: str) -> None:
    bitmap = Image.new("1", SIZE)
    bitmap.paste(1, (0, 0, 10, 10))
    image = opened(saved(bitmap, kind))
    assert (image.getpixel((5, 5)), image.getpixel((20, 20))) == (WHITE, (0, 0, 0))


def test_a_colour_profile_that_is_garbage_is_ignored() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        image = opened(saved(orange("RGB"), kind, icc_profile=b"not a profile at all"))
        assert_colour(image, ORANGE, within=LOSSY)


@pytest.mark.parametrize(
    ("image", "kind", "options"),
    [
        (Image.new("RGBA", SIZE, (0, 0, 0, 0)), "PNG", {}),
        (Image.new("LA", SIZE, (0, 0)), "PNG", {}),
        (Image.new("RGBA", SIZE, (0, 0, 0, 0)), "WEBP", {}),
        (Image.new("RGBA", SIZE, (0, 0, 0, 0)), "TIFF", {}),
        (Image.new("RGBA", SIZE, (0, 0, 0, 0)), "GIF", {}),
        (Image.new("P", SIZE), "PNG", {"transparency": 0}),
        (Image.new("P", SIZE), "PNG", {"transparency": b"\0\xff"}),
        (Image.new("P", SIZE), "GIF", {"transparency": 0}),
        (Image.new("L", SIZE, 7), "PNG", {"transparency": 7}),
        (Image.new("1", SIZE), "PNG", {"transparency": 0}),
        (Image.new("RGB", SIZE, ORANGE), "PNG", {"transparency": ORANGE}),
        (orange("I;16"), "PNG", {"transparency": 0x8040}),
    ],
)
def test_what_is_transparent_becomes_white(
    image: Image.Image, kind: str, options: dict[str, Any]
) -> None:
    assert_colour(opened(saved(image, kind, **options)), WHITE)


def test_what_is_half_transparent_is_mixed_with_white() -> None:
    image = opened(saved(Image.new("RGBA", SIZE, (200, 100, 50, 128)), "PNG"))
    assert_colour(image, (227, 177, 152), within=1)


def test_a_16_bit_ramp_is_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    for kind in ("PNG", "TIFF"):
        image = opened(saved(Image.fromarray(ramp), kind), shortest_side=4)
        assert np.abs(np.asarray(image)[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 128.0, 255.0], [0, 128, 255]),
        ([-10.0, 0.0, 10.0], [0, 128, 255]),
        ([-3e38, 0.0, 3e38], [0, 128, 255]),
        ([float("nan"), float("inf"), 1.0], [0, 0, 255]),
        ([5000.0, 5000.0, 5000.0], [0, 0, 0]),
    ],
)
def test_floats_are_scaled_from_the_range_they_use(
    values: list[float], expected: list[int]
) -> None:
    image = opened(saved(Image.fromarray(np.array([values], np.float32)), "TIFF"))
    assert [int(v) for v in np.asarray(image)[0, :, 0]] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 32768, 65535], [0, 128, 255]), ([-(2**31), 0, 2**31 - 1], [0, 128, 255])],
)
def test_integers_are_scaled_from_the_range_they_use(
    values: list[int], expected: list[int]
) -> None:
    image = opened(saved(Image.fromarray(np.array([values], np.int32)), "TIFF"))
    assert [int(v) for v in np.asarray(image)[0, :, 0]] == expected


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_several_is_used(kind: str) -> None:
    frames = [Image.new("RGB", SIZE, colour) for colour in (ORANGE, (0, 0, 255), (0, 255, 0))]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert_colour(opened(data), ORANGE, within=LOSSY)


@pytest.mark.parametrize(("shortest_side", "size"), [(100, (100, 150)), (101, (200, 300))])
def test_a_large_jpeg_is_decoded_no_larger_than_needed(
    shortest_side: int, size: tuple[int, int]
) -> None:
    data = saved(Image.new("RGB", (800, 1200), ORANGE), "JPEG")
    image = opened(data, shortest_side=shortest_side)
    assert image.size == size
    assert_colour(image, ORANGE, within=LOSSY)


def test_the_result_carries_no_metadata() -> None:
    exif = Image.Exif()
    exif[270] = "who took it"
    for kind in FORMATS:
        image = opened(saved(orange("RGB"), kind, **({} if kind in "GIF BMP" else {"exif": exif})))
        assert type(image) is Image.Image
        assert "exif" not in image.info


def test_many_threads_see_what_one_sees() -> None:
    files = [saved(orange(mode), kind, **options) for mode, kind, options in FILES]
    alone = [np.asarray(opened(data)) for data in files]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda data: np.asarray(opened(data)), files * 4))
    for i, pixels in enumerate(together):
        assert np.array_equal(pixels, alone[i % len(files)])
