"""Picture files made on the spot: real ones, and ones that no encoder would write."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

MULTIPLE = ("GIF", "PNG", "WEBP", "TIFF")  # formats that hold several frames or pages


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(size: tuple[int, int] = (48, 32)) -> Image.Image:
    shape = (size[1], size[0], 3)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


def animation(kind: str, n: int) -> bytes:
    frames = [Image.new("RGB", (8, 8), (40 * i, 255 - 40 * i, 0)) for i in range(n)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(size: tuple[int, int], *before: bytes, after: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + data + after + chunk(b"IEND", b"")


def tiff(*tags: tuple[int, int, int], data: bytes = b"") -> bytes:
    """A grey TIFF of 8x8 pixels; `tags` are (tag, count, value), `data` lies at offset 8."""
    first = {256: (1, 8), 257: (1, 8), 258: (1, 8), 259: (1, 1), 262: (1, 1), 277: (1, 1)}
    entries = first | {tag: (count, value) for tag, count, value in tags}
    body = b"".join(struct.pack("<HHII", tag, 4, *entries[tag]) for tag in sorted(entries))
    start = struct.pack("<4sI", b"II*\0", 8 + len(data))
    return start + data + struct.pack("<H", len(entries)) + body + bytes(4)


def jpeg_with(*segments: bytes) -> bytes:
    data = saved(noise(), "JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def jpeg_of_scans(n: int) -> bytes:
    data = saved(noise(), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * n + data[-2:]


def webp_of(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return struct.pack("<4sI8sI4x6s", b"RIFF", 60, b"WEBPVP8X", 10, sides) + bytes(38)


def run_length_bmp(width: int, height: int) -> bytes:
    header = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + 1024)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 0, 0)
    return header + info + b"\1\2\3\0" * 256 + b"\1\1\0\0" * height + b"\0\1"
