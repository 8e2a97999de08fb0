"""What a model sees of a picture, and how near pictures are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.preprocess import INTERPOLATIONS, Preprocessing, perceptual_hash, to_pixels


def squares(width: int, height: int) -> Image.Image:
    """Red left, green middle, blue right (or top to bottom), in thirds of the longer side."""
    pixels = np.zeros((height, width, 3), np.uint8)
    along = np.arange(max(width, height)) * 3 // max(width, height)
    colours = np.eye(3, dtype=np.uint8)[along] * 255
    pixels[:] = colours[None] if width >= height else colours[:, None]
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (30, 10), (3000, 1000), (3, 1)])
def test_the_middle_of_the_longer_side_is_kept(size: tuple[int, int]) -> None:
    pixels = to_pixels(squares(*size), Preprocessing(size=32, resize=32, interpolation="nearest"))
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert (pixels == (0, 255, 0)).all()


def test_the_margins_of_a_square_are_cut_on_all_sides() -> None:
    framed = np.full((64, 64, 3), 255, np.uint8)
    framed[8:-8, 8:-8] = 10
    pixels = to_pixels(Image.fromarray(framed), Preprocessing(size=48, resize=64))
    assert (pixels == 10).all()


def test_a_picture_of_the_wanted_size_is_not_touched() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(
        to_pixels(Image.fromarray(noise), Preprocessing(size=32, resize=32)), noise
    )


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_each_interpolation_is_the_one_that_pillow_has_of_that_name(interpolation: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    expected = image.resize((32, 32), getattr(Image.Resampling, interpolation.upper()))
    pixels = to_pixels(image, Preprocessing(32, 32, interpolation=interpolation))
    assert np.array_equal(pixels, np.asarray(expected))


@pytest.mark.parametrize("size", [(80, 50), (50, 83), (64, 64)])
def test_the_whole_is_resized_before_it_is_cut(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    width, height = (40 * side // min(size) for side in size)
    left, top = round((width - 32) / 2), round((height - 32) / 2)
    expected = image.resize((width, height), Image.Resampling.BICUBIC)
    pixels = to_pixels(image, Preprocessing(size=32, resize=40))
    assert np.array_equal(pixels, np.asarray(expected)[top : top + 32, left : left + 32])


def test_grayscale_is_luma_three_times() -> None:
    image = Image.new("RGB", (40, 40), (200, 100, 50))
    pixels = to_pixels(image, Preprocessing(32, 32, grayscale=True))
    assert (pixels == 124).all()


@pytest.mark.parametrize("size", [(25_000, 10), (10, 25_000), (1_000_000, 1)])
def test_a_ribbon_is_cut_before_it_is_enlarged(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size)
    middle = (size[0] // 2, size[1] // 2)
    image.paste((9, 9, 9), (middle[0] - 30, middle[1] - 30, middle[0] + 30, middle[1] + 30))
    pixels = to_pixels(image, Preprocessing(size=224, resize=256))
    assert (pixels == 9).all()


def test_a_ribbon_shows_the_same_as_a_picture_just_short_of_one() -> None:
    shades = np.repeat(np.arange(20, dtype=np.uint8) * 12, 1)[:, None, None]
    crops = []
    for length in (401, 399):  # 20 times the shorter side, and a little less
        pixels = np.zeros((length, 20, 3), np.uint8)
        pixels[length // 2 - 10 : length // 2 + 10] = shades
        crops.append(to_pixels(Image.fromarray(pixels), Preprocessing(32, 32)))
    difference = np.abs(crops[0][4:-4].astype(int) - crops[1][4:-4].astype(int))
    assert difference.max() <= 12


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": 300},
        {"resize": 5000},
        {"crop": "random"},
        {"interpolation": "cubic"},
    ],
)
def test_preprocessing_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"size|crop|interpolation"):
        Preprocessing(**{"size": 224, "resize": 256, **wrong})


def ramp(falling: bool) -> np.ndarray:
    row = np.linspace(0, 255, 90).astype(np.uint8)
    return np.repeat(np.tile(row[::-1] if falling else row, (80, 1))[:, :, None], 3, axis=2)


def test_the_hash_has_a_bit_for_each_pair_whose_left_one_is_brighter() -> None:
    assert perceptual_hash(ramp(falling=True)) == 2**64 - 1
    assert perceptual_hash(ramp(falling=False)) == 0
    upper_half = np.concatenate([ramp(falling=True)[:40], ramp(falling=False)[40:]])
    assert perceptual_hash(upper_half) == 0xFFFFFFFF_00000000
    left_pair = np.concatenate([ramp(falling=True)[:, :20], np.full((80, 70, 3), 255, np.uint8)], 1)
    assert perceptual_hash(left_pair) == 0x8080808080808080


def test_near_pictures_differ_in_few_bits_and_others_in_many() -> None:
    rng = np.random.default_rng(0)
    coarse = [Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)) for _ in range(2)]
    one, other = (image.resize((224, 224), Image.Resampling.BICUBIC) for image in coarse)
    darker = one.point(lambda value: value * 0.8).resize((180, 180))

    def distance(a: Image.Image, b: Image.Image) -> int:
        hashes = [perceptual_hash(np.asarray(image)) for image in (a, b)]
        return (hashes[0] ^ hashes[1]).bit_count()

    assert distance(one, darker) <= 3
    assert distance(one, other) >= 16
