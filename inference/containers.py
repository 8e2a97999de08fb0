"""What a picture's file says about itself, read without decoding a pixel.

Pillow trusts a file in places where a hostile one costs gigabytes or hours: it allocates the
canvas of an animation while opening it, walks all frames to count them, adds up metadata in
quadratic time, and decodes a JPEG of a hundred thousand scans. So the container is walked here
first, in time linear in its length, and the picture is refused before Pillow sees it.

Formats: ITU T.81 (JPEG), W3C PNG third edition, CompuServe GIF89a, Google's WebP container.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from inference import tiff
from inference.errors import DecompressionBomb

MAX_JPEG_SEGMENTS = 2_000  # cameras and editors write up to some 300, colour profiles included
MAX_JPEG_FILLER_BYTES = 100_000
MAX_JPEG_SCANS = 50  # progressive encoders write about 10; each scan is a pass over all pixels

_MAGIC: tuple[tuple[str, int, bytes], ...] = (
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("WEBP", 8, b"WEBP"),
    ("GIF", 0, b"GIF87a"),
    ("GIF", 0, b"GIF89a"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("TIFF", 0, b"II+\0"),
    # known, so that the refusal can say which; never decoded
    ("big-endian BigTIFF", 0, b"MM\0+"),  # Pillow takes its header for another one
    ("JPEG 2000", 0, b"\0\0\0\x0cjP  "),
    ("JPEG 2000", 0, b"\xff\x4f\xff\x51"),
    ("JPEG XL", 0, b"\0\0\0\x0cJXL "),
    ("JPEG XL", 0, b"\xff\x0a"),
    ("MNG", 0, b"\x8aMNG\r\n"),
    ("Photoshop", 0, b"8BPS"),
    ("ICO", 0, b"\0\0\1\0"),
    ("CUR", 0, b"\0\0\2\0"),
    ("OpenEXR", 0, b"v/1\1"),
    ("Radiance HDR", 0, b"#?RADIANCE"),
    ("QOI", 0, b"qoif"),
    ("DDS", 0, b"DDS "),
    ("XCF", 0, b"gimp xcf"),
    ("PostScript", 0, b"%!PS"),
    ("PDF", 0, b"%PDF-"),
    ("SVG", 0, b"<svg"),
)
_FTYP_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIF", b"heix": "HEIF", b"mif1": "HEIF"}
_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # "BM" alone could begin any text
_PNM = re.compile(rb"P[1-7][ \t\r\n]")
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!--|!DOCTYPE)")

# A marker that ends entropy-coded data: not a stuffed zero, not a restart, not a fill byte.
_JPEG_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_EOI, _SOS = 0xD9, 0xDA


@dataclass(frozen=True, slots=True)
class Container:
    """What a file promises. `frames` is counted only up to one beyond the limit.

    `size` (width, height) is what the header says, where it is read here (PNG, GIF, WebP); a
    decoder of the latter two allocates it while opening.
    `complete` is False where a part of the file reaches past its end.
    """

    frames: int = 1
    size: tuple[int, int] | None = None
    complete: bool = True


def sniff(data: bytes) -> str | None:
    """The picture format that `data` begins like, in Pillow's spelling; None: none is known."""
    for name, at, magic in _MAGIC:
        if data.startswith(magic, at) and (name != "WEBP" or data.startswith(b"RIFF")):
            return name
    if data[4:8] == b"ftyp":
        return _FTYP_BRANDS.get(data[8:12])
    if data.startswith(b"BM") and len(data) >= 18 and _u32le(data, 14) in _BMP_HEADERS:
        return "BMP"
    if _PNM.match(data):
        return "PNM"
    if _XML.match(data) and b"<svg" in data[:4096]:
        return "SVG"
    return None


def walk(data: bytes, kind: str, *, max_frames: int, max_pixels: int) -> Container:
    """Walk the container of a sniffed picture; `kind` is what `sniff` said.

    Raises `DecompressionBomb` or `FormatNotAllowed` for what no picture needs. A file that
    contradicts itself is walked as far as it goes: refusing it is the decoder's part.
    """
    if kind == "TIFF":
        return _tiff(data, max_frames, max_pixels)
    walker = _WALKERS.get(kind)
    return walker(data, max_frames) if walker else Container()


def _check_pieces(pieces: int, data: bytes) -> None:
    """Pieces of a few bytes each make a file slow and large in memory; real ones are not so."""
    most = max(100_000, len(data) // 100)
    if pieces > most:
        raise DecompressionBomb(f"{len(data)} bytes in more than {most} pieces")


def _jpeg(data: bytes, _max_frames: int) -> Container:
    at, segments, scans, filler = 2, 0, 0, 0
    while at < len(data):
        found = _JPEG_MARKER.search(data, at)
        if not scans:  # Pillow steps over what lies between two segments byte by byte
            filler += (found.start() if found else len(data)) - at
            if filler > MAX_JPEG_FILLER_BYTES:
                raise DecompressionBomb(f"JPEG with {filler} bytes between its segments")
        if found is None:
            break
        marker, at = data[found.end() - 1], found.end()
        if marker == _EOI:
            return Container()
        segments, scans = segments + 1, scans + (marker == _SOS)
        if segments > MAX_JPEG_SEGMENTS:
            raise DecompressionBomb(f"JPEG in more than {MAX_JPEG_SEGMENTS} segments")
        if scans > MAX_JPEG_SCANS:
            raise DecompressionBomb(f"JPEG in more than {MAX_JPEG_SCANS} scans")
        at += int.from_bytes(data[at : at + 2])
    return Container(complete=False)


def _png(data: bytes, _max_frames: int) -> Container:
    at, pieces, frames = 8, 0, 1
    size = struct.unpack_from(">II", data, 16) if len(data) >= 24 else None
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"acTL" and at + 12 <= len(data):
            # Pillow believes this count, and counts a default picture besides; so do we
            frames = max(frames, int.from_bytes(data[at + 8 : at + 12]))
        at += length + 12
        if kind == b"IEND":
            return Container(frames, size, complete=at <= len(data))
        pieces += 1
        _check_pieces(pieces, data)
    return Container(frames, size, complete=False)


def _webp(data: bytes, max_frames: int) -> Container:
    at, pieces, frames = 12, 0, 0
    size = _webp_canvas(data)
    complete = _u32le(data, 4) + 8 <= len(data)
    while at + 8 <= len(data) and frames <= max_frames:
        kind, length = data[at : at + 4], _u32le(data, at + 4)
        frames += kind == b"ANMF"
        at += 8 + length + (length & 1)
        pieces += 1
        _check_pieces(pieces, data)
    return Container(max(1, frames), size, complete)


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8L":
        bits = _u32le(data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _u32le(data, 26) & 0x3FFF, _u32le(data, 26) >> 16 & 0x3FFF


def _gif(data: bytes, max_frames: int) -> Container:
    frames, pieces, size = 0, 0, (0, 0)
    try:
        width, height, flags = struct.unpack_from("<HHB", data, 6)
        size = (width, height)
        at = 13 + _gif_palette(flags)
        while frames <= max_frames:
            kind = data[at]
            at += 1
            if kind == 0x3B:  # the end
                break
            pieces += 1
            _check_pieces(pieces, data)
            if kind == 0x21:  # an extension: its label, then blocks
                at += 1
            elif kind == 0x2C:  # a frame: where it lies, its palette, the code size, then blocks
                left, top, width, height, flags = struct.unpack_from("<4HB", data, at)
                if frames == 0:
                    size = (max(size[0], left + width), max(size[1], top + height))
                frames += 1
                at += 10 + _gif_palette(flags)
            else:  # Pillow steps over anything else, one byte at a time
                continue
            while length := data[at]:
                at += length + 1
                pieces += 1
            _check_pieces(pieces, data)
            at += 1
    except (IndexError, struct.error):
        return Container(max(1, frames), size, complete=False)
    return Container(max(1, frames), size)


def _gif_palette(flags: int) -> int:
    return 6 << (flags & 7) if flags & 0x80 else 0


def _tiff(data: bytes, max_frames: int, max_pixels: int) -> Container:
    frames = 0
    try:
        reader = tiff.Reader(data)
        at, seen, complete = reader.first, set[int](), True
        while at and at not in seen and frames <= max_frames:
            seen.add(at)
            entries, at = reader.directory(at)
            if frames == 0:
                tiff.check_first_page(reader, entries, max_pixels)
                complete = all(end <= len(data) for end in tiff.data_ends(reader, entries))
            frames += 1
    except EOFError:
        return Container(max(1, frames), complete=False)
    return Container(max(1, frames), complete=complete)


def _u32le(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


_WALKERS: dict[str, Callable[[bytes, int], Container]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
}
