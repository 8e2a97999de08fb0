r"""Named arrays in one file that is either whole or refused.

    magic "LSARRAY1", length of the head u32            little-endian throughout
    head: JSON {"meta": {…}, "arrays": [[name, dtype, shape], …]}
    the arrays' bytes, one after the other, each from a multiple of 64 on
    SHA-256 of all that stands before

Nothing in here is ever unpickled, and nothing is allocated before the sizes are known to fit.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

_MAGIC = b"LSARRAY1"
_LENGTH = struct.Struct("<I")
_MOST_HEAD_BYTES = 1 << 20
_ALIGN = 64
_PIECE_BYTES = 8 << 20
_DTYPES = frozenset(("<u2", "<u4", "<u8", "<i4", "<i8", "<f4", "<f8", "|b1", "|u1"))

Arrays = dict[str, NDArray[Any]]


class ArrayFileRefused(Exception):
    """The file can't be used; the message says why."""


class Abandoned(Exception):
    """There was no time to write it. What was there before still is."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        return prod(self.shape) * np.dtype(self.dtype).itemsize


class _Hashing:
    """Writes, and hashes what it writes."""

    def __init__(self, file: BinaryIO, abandon: Event) -> None:
        self._file = file
        self._abandon = abandon
        self.digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: memoryview | bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            if self._abandon.is_set():
                raise Abandoned
            piece = data[start : start + _PIECE_BYTES]
            self.digest.update(piece)
            self._file.write(piece)
        self.size_bytes += len(data)

    def align(self) -> None:
        self.write(bytes(-self.size_bytes % _ALIGN))


def write_arrays(
    path: Path, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], abandon: Event
) -> int:
    """Put `arrays` in place of what is at `path`; the bytes written. Raises OSError.

    Blocking. Whatever ends it early, the file that was there stays whole. Raises Abandoned soon
    after `abandon` is set.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    listed = [[name, array.dtype.str, array.shape] for name, array in plain.items()]
    head = orjson.dumps({"meta": dict(meta), "arrays": listed})
    try:
        with fresh.open("wb") as file:
            out = _Hashing(file, abandon)
            out.write(_MAGIC + _LENGTH.pack(len(head)) + head)
            for array in plain.values():
                out.align()
                out.write(array.reshape(-1).view(np.uint8).data)
            file.write(out.digest.digest())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return out.size_bytes + out.digest.digest_size


def read_arrays(path: Path) -> tuple[dict[str, Any], Arrays] | None:
    """What was written to `path`; None if there is nothing. Raises ArrayFileRefused.

    Blocking. The arrays are the file itself: read-only, and in memory only where they are looked
    at, so copy what is to be kept.
    """
    try:
        with path.open("rb") as file:
            whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # ValueError: nothing in it
        raise ArrayFileRefused(f"it can't be read ({type(error).__name__})") from error
    size_bytes = len(whole) - hashlib.sha256().digest_size
    view = memoryview(whole)
    digest = hashlib.sha256(view[: max(size_bytes, 0)]).digest()
    if size_bytes < 0 or digest != view[size_bytes:]:
        raise ArrayFileRefused("it is torn or was changed")
    meta, entries, at = _head(view, size_bytes)
    arrays: Arrays = {}
    for entry in entries:
        at += -at % _ALIGN
        if at + entry.size_bytes > size_bytes:
            raise ArrayFileRefused(f"{entry.name} does not fit into it")
        flat = np.frombuffer(view, entry.dtype, prod(entry.shape), at)
        arrays[entry.name] = flat.reshape(entry.shape)
        at += entry.size_bytes
    if at != size_bytes:
        raise ArrayFileRefused("it holds more than it says")
    return meta, arrays


def _head(view: memoryview, size_bytes: int) -> tuple[dict[str, Any], list[_Entry], int]:
    start = len(_MAGIC) + _LENGTH.size
    if size_bytes < start or view[: len(_MAGIC)] != _MAGIC:
        raise ArrayFileRefused("it is of another format")
    (length,) = _LENGTH.unpack_from(view, len(_MAGIC))
    if length > min(_MOST_HEAD_BYTES, size_bytes - start):
        raise ArrayFileRefused("its head does not fit into it")
    try:
        head = orjson.loads(view[start : start + length])
        meta = dict(head["meta"])
        entries = [_Entry(str(n), str(d), tuple(map(int, s))) for n, d, s in head["arrays"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ArrayFileRefused("its head can't be read") from error
    for entry in entries:
        if entry.dtype not in _DTYPES or min(entry.shape, default=0) < 0:
            raise ArrayFileRefused(f"{entry.name} is of a kind that is not read here")
    return meta, entries, start + length
