"""Bytes from anywhere -> an upright RGB image, or one of the refusals of `inference.errors`.

The order is what makes it safe: bytes counted, format sniffed, container walked
(`containers.py`), header read and pixels counted, and only then a pixel decoded.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from inference import containers, tiff
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

# Imported by name so that the first picture does not make Pillow import all its seventy readers.
_READERS = {
    plugin.format: plugin
    for plugin in (
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        WebPImagePlugin.WebPImageFile,
        GifImagePlugin.GifImageFile,
        BmpImagePlugin.BmpImageFile,
        TiffImagePlugin.TiffImageFile,
    )
}
FORMATS = tuple(str(name) for name in _READERS)

# Pillow puts what it finds in broken metadata into warnings, and Python keeps every distinct
# warning for ever: with hostile input that is a leak, and text from outside on stderr.
warnings.filterwarnings("ignore", module=r"PIL\.")

# What Pillow 13 raises on bytes that are no good picture: seen in its source, and with some
# 200,000 mutated files. `MemoryError` is one of them: by then the picture is known to be small
# enough, so it is a part inside that asks for more. Any other exception is a bug, and is let out.
_REFUSALS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)

_PILLOW_MOST_PIXELS = 178_956_970  # above it Pillow refuses by itself, whatever the limit here
_MOST_SIDE = 65_535  # Pillow holds 8 bytes for each row as well; a JPEG can't be longer either
_MOST_RLE_PIXELS = 4_000_000  # Pillow unpacks run-length BMP in Python: 0.1 us a pixel
_EIGHT_OF_SIXTEEN = np.rint(np.arange(65536) * (255.0 / 65535.0)).astype(np.uint8)
_WHITE = (255, 255, 255)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class PictureLimits:
    """What is refused. Decoding takes up to 17 bytes of memory a pixel, in each thread.

    `max_pixels` counts width x height of the canvas, of which no side is longer than 65,535;
    `max_frames` counts frames or pages, of which only the first is decoded. Raises ValueError for
    limits that make no sense.
    """

    max_bytes: int = 10_000_000
    max_pixels: int = 25_000_000
    max_frames: int = 100
    formats: tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.max_frames) < 1:
            raise ValueError("limits of pictures are positive numbers")
        if self.max_pixels > _PILLOW_MOST_PIXELS:
            raise ValueError(
                f"max_pixels is at most {_PILLOW_MOST_PIXELS}, the decoder's own limit"
            )
        unknown = sorted(set(self.formats) - set(FORMATS))
        if unknown or not self.formats:
            raise ValueError(f"formats is one or more of {', '.join(FORMATS)}; not {unknown}")


def open_picture(data: bytes, limits: PictureLimits, *, shortest_side: int) -> Image.Image:
    """Decode a picture of any format in `limits.formats` into an upright RGB image.

    - The format is what the first bytes say. Of an animation or a multi-page file it is the first
      frame (of an APNG its default picture).
    - Turned as Exif says (browsers do the same, and look neither at XMP nor at raw profiles).
    - Transparent parts are composited on white. 16 bits become 8 by scaling. Integers of 32 bits
      and floats: see `flatten`.
    - Colour profiles are ignored: numbers are taken as sRGB, CMYK is converted naively.
      What a profile would shift is small beside what the model was trained to ignore (other light,
      other cameras), and each profile is a program from outside for one more parser.
    - A JPEG much larger than needed is decoded at 1/2, 1/4 or 1/8; both sides of the result stay
      at least `shortest_side` pixels (where the picture has them).

    Pure and thread-safe. Raises a `PictureError`, and nothing else, for whatever the bytes hold.
    """
    container, kind = _check_unopened(data, limits)
    try:
        return _decode(data, kind, limits, shortest_side)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"{kind} beyond the decoder's {_PILLOW_MOST_PIXELS} pixels") from error
    except _REFUSALS as error:
        raise _refusal(error, container, kind, len(data)) from error


def flatten(image: Image.Image) -> Image.Image:
    """Any Pillow mode -> RGB, transparency composited on white.

    16-bit grey is scaled by 255/65535. Modes I and F name no range: values within 0..65535 (I) or
    0..1 (F, then 0..255) are scaled from that range, anything else from its own least and
    greatest value; NaN counts as 0.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _grey_of_numbers(image)
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.has_transparency_data:
        coloured = image if image.mode == "RGBA" else image.convert("RGBA")
        on_white = Image.new("RGB", image.size, _WHITE)
        on_white.paste(coloured, mask=coloured.getchannel("A"))
        return on_white
    return image if image.mode == "RGB" else image.convert("RGB")


def _check_unopened(data: bytes, limits: PictureLimits) -> tuple[containers.Container, str]:
    if not data:
        raise EmptyPicture("0 bytes")
    if len(data) > limits.max_bytes:
        raise TooManyBytes(f"{len(data)} bytes, at most {limits.max_bytes} are read")
    kind = containers.sniff(data)
    if kind is None:
        raise NotAPicture(f"{len(data)} bytes that begin like no known picture format")
    if kind not in limits.formats:
        raise FormatNotAllowed(f"{kind} is not among {', '.join(limits.formats)}")
    container = containers.walk(
        data, kind, max_frames=limits.max_frames, max_pixels=limits.max_pixels
    )
    if container.frames > limits.max_frames:
        raise TooManyFrames(f"{kind} with more than {limits.max_frames} frames")
    if container.size is not None:
        _check_pixels(kind, container.size, limits.max_pixels)
    return container, kind


def _check_pixels(kind: str, size: tuple[int, int], most: int) -> None:
    width, height = size
    if width * height > most:
        raise TooManyPixels(f"{kind} of {width}x{height} pixels, at most {most} are decoded")
    if max(size) > _MOST_SIDE:
        raise TooManyPixels(f"{kind} of {width}x{height} pixels, at most {_MOST_SIDE} a side")


def _decode(data: bytes, kind: str, limits: PictureLimits, shortest_side: int) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=(kind,)) as image:
        _check_pixels(kind, image.size, limits.max_pixels)
        if kind == "BMP" and image.info.get("compression") in (1, 2):
            _check_pixels("run-length BMP", image.size, min(limits.max_pixels, _MOST_RLE_PIXELS))
        image.draft(None, (shortest_side, shortest_side))
        image.load()
        # a TIFF has no such block: Pillow has turned it while loading it
        turn = tiff.orientation(image.info.get("exif", b""))
        upright = flatten(image)
        if turn in _UPRIGHT:
            upright = upright.transpose(_UPRIGHT[turn])
        if upright is image:  # the caller gets no file object, and no metadata
            upright = image.copy()
        upright.info = {}
        return upright


def _refusal(
    error: BaseException, container: containers.Container, kind: str, n_bytes: int
) -> PictureError:
    """Which refusal a decoder's exception stands for; its text may quote the file, so it stays."""
    text = str(error).lower()
    if "truncated" in text or not container.complete:
        return TruncatedPicture(f"{kind} of {n_bytes} bytes ends before its picture does")
    if isinstance(error, MemoryError) or "too large" in text or "too much memory" in text:
        return DecompressionBomb(f"{kind} of {n_bytes} bytes with a part too large to unpack")
    return BrokenPicture(f"{kind} of {n_bytes} bytes cannot be decoded: {type(error).__name__}")


def _grey_of_numbers(image: Image.Image) -> Image.Image:
    clear = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        numbers = np.asarray(image)
        grey = Image.fromarray(_EIGHT_OF_SIXTEEN[numbers])
        if isinstance(clear, int):  # one grey value of a 16-bit PNG stands for transparent
            grey.putalpha(Image.fromarray(np.where(numbers == clear, 0, 255).astype(np.uint8)))
        return grey
    values = np.array(image, dtype=np.float32)
    np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)
    lowest, highest = float(values.min()), float(values.max())
    top = 65535.0
    if image.mode == "F":
        top = 1.0 if highest <= 1.0 else 255.0
    bottom = 0.0
    if lowest < 0.0 or highest > top:
        bottom, top = lowest, highest
    values /= max(abs(bottom), abs(top))  # so that no difference of two floats overflows
    bottom, top = bottom / max(abs(bottom), abs(top)), top / max(abs(bottom), abs(top))
    values -= bottom
    values *= 255.0 / (top - bottom) if top > bottom else 0.0
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))
