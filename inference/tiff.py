"""TIFF directories, read without decoding anything: pages, tiles, compression, orientation.

The format is Adobe's TIFF 6.0 (1992) and BigTIFF; an Exif block is a small TIFF file too. Pillow
and libtiff believe a directory: they allocate one tile of the size it names, and one record for
each strip offset. So it is read here first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from inference.errors import BrokenPicture, DecompressionBomb, FormatNotAllowed

COMPRESSION, STRIP_OFFSETS, ORIENTATION, STRIP_BYTES = 259, 273, 274, 279
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325

# none, CCITT (2, 3, 4), LZW, JPEG, Deflate (both codes), PackBits. The rest (LZMA, Zstandard, old
# JPEG, ...) is seldom seen, and each is one more decoder with its own appetite for memory.
COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946})
_PLACES = frozenset({STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES})
MAX_STRIPS = 100_000  # each costs Pillow about 400 bytes and some microseconds
MAX_TAGS = 4_096  # real directories have fewer than 200

# bytes of one value of each type, BYTE to IFD8
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_NUMBER_TYPES = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}  # BYTE, SHORT, LONG, LONG8


class Entry(NamedTuple):
    """One tag of a directory: its values lie from `at` to before `end` in the file."""

    tag: int
    kind: int
    values: int
    at: int
    end: int


class Reader:
    """Directories of one TIFF block; every read past its end is an `EOFError`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = ">" if data[:2] == b"MM" else "<"
        self.big = self._number("H", 2) == 43
        self.first = self._number("Q", 8) if self.big else self._number("I", 4)

    def _number(self, code: str, at: int) -> int:
        try:
            value: int = struct.unpack_from(self.order + code, self.data, at)[0]
        except struct.error as error:
            raise EOFError(at) from error
        return value

    def directory(self, at: int) -> tuple[list[Entry], int]:
        """The entries of the directory at `at`, and where the next one is (0: nowhere)."""
        if at >= len(self.data):
            raise EOFError(at)
        count = self._number("Q" if self.big else "H", at)
        at += 8 if self.big else 2
        step, inline, code = (20, 8, "Q") if self.big else (12, 4, "I")
        if count > MAX_TAGS:
            raise DecompressionBomb(f"TIFF directory of {count} tags, at most {MAX_TAGS} are read")
        if at + count * step > len(self.data):
            raise EOFError(at)
        entries = []
        for here in range(at, at + count * step, step):
            tag, kind = self._number("H", here), self._number("H", here + 2)
            n, value_at = self._number(code, here + 4), here + step - inline
            length = n * _SIZES.get(kind, 0)
            if length > inline:
                value_at = self._number(code, value_at)
            entries.append(Entry(tag, kind, n, value_at, value_at + length))
        return entries, self._number(code, at + count * step)

    def numbers(self, entry: Entry) -> list[int]:
        """The values of an entry of whole numbers; empty for every other type."""
        if entry.kind not in _NUMBER_TYPES:
            return []
        dtype = np.dtype(self.order + _NUMBER_TYPES[entry.kind])
        if entry.end > len(self.data):
            raise EOFError(entry.at)
        return [int(n) for n in np.frombuffer(self.data[entry.at : entry.end], dtype=dtype)]


def orientation(exif: bytes) -> int:
    """The Exif orientation, 1 to 8; 1 where there is none or the block cannot be read.

    A picture whose pixels are whole is worth more than its metadata, so nothing is refused here.
    """
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    if exif[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    try:
        reader = Reader(exif)
        entries, _ = reader.directory(reader.first)
        for entry in entries:
            if entry.tag == ORIENTATION and entry.values == 1:
                found = reader.numbers(entry)
                return found[0] if found and 1 <= found[0] <= 8 else 1
    except (EOFError, DecompressionBomb):
        return 1
    return 1


def check_first_page(reader: Reader, entries: list[Entry], max_pixels: int) -> None:
    """Refuse what a decoder would have to believe. Raises a `PictureError`, or `EOFError`.

    A tag may be there twice, and readers differ in which one they take: each one is checked.
    """
    tiles = {TILE_WIDTH: 1, TILE_LENGTH: 1}
    for entry in entries:
        if entry.tag in _PLACES:
            if entry.values > MAX_STRIPS:
                raise DecompressionBomb(
                    f"TIFF in {entry.values} strips or tiles, at most {MAX_STRIPS} are read"
                )
        elif entry.tag in (TILE_WIDTH, TILE_LENGTH, COMPRESSION):
            if entry.values != 1:
                raise BrokenPicture(f"TIFF tag {entry.tag} with {entry.values} values instead of 1")
            for value in reader.numbers(entry):
                if entry.tag == COMPRESSION and value not in COMPRESSIONS:
                    raise FormatNotAllowed(f"TIFF with compression {value} is not read here")
                if entry.tag in tiles:
                    tiles[entry.tag] = max(tiles[entry.tag], value)
    if tiles[TILE_WIDTH] * tiles[TILE_LENGTH] > max_pixels:
        raise DecompressionBomb(
            f"TIFF with tiles of {tiles[TILE_WIDTH]}x{tiles[TILE_LENGTH]} pixels, "
            f"at most {max_pixels} pixels are decoded"
        )


def data_ends(reader: Reader, entries: list[Entry]) -> Iterator[int]:
    """Where everything that a page consists of ends in the file, as its directory says."""
    yield from (entry.end for entry in entries)
    values = {entry.tag: reader.numbers(entry) for entry in entries if entry.tag in _PLACES}
    for offsets, lengths in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        for at, length in zip(values.get(offsets, []), values.get(lengths, []), strict=False):
            yield at + length
