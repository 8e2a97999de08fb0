"""A file of arrays is whole, or refused."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from threading import Event

import numpy as np
import orjson
import pytest

from streams.stores import array_file
from streams.stores.array_file import Abandoned, ArrayFileRefused, read_arrays, write_arrays

ARRAYS = {
    "keys": np.arange(7, dtype=np.uint32),
    "lists": np.arange(12, dtype=np.uint16).reshape(3, 4),
    "none": np.zeros((0, 5), np.float32),
    "flags": np.array([True, False]),
    "part": np.arange(100, dtype=np.float64)[:9],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arrays.bin"


def written(path: Path) -> bytes:
    write_arrays(path, {"of": "mine"}, ARRAYS, Event())
    return path.read_bytes()


def signed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def with_head(head: bytes) -> bytes:
    return signed(b"LSARRAY1" + struct.pack("<I", len(head)) + head)


def test_what_was_written_is_read(path: Path) -> None:
    size_bytes = write_arrays(path, {"of": "mine"}, ARRAYS, Event())
    assert size_bytes == path.stat().st_size
    found = read_arrays(path)
    assert found is not None
    meta, arrays = found
    assert meta == {"of": "mine"}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert (arrays[name] == array).all()


def test_where_nothing_was_written_there_is_nothing(path: Path) -> None:
    assert read_arrays(path) is None


def test_a_torn_file_is_refused_wherever_it_was_torn(path: Path) -> None:
    whole = written(path)
    for size in range(0, len(whole), 13):
        path.write_bytes(whole[:size])
        with pytest.raises(ArrayFileRefused):
            read_arrays(path)


def test_a_changed_byte_is_refused_wherever_it_is(path: Path) -> None:
    whole = bytearray(written(path))
    for at in range(0, len(whole), 17):
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ArrayFileRefused):
            read_arrays(path)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"{}",
        b'{"meta": 5, "arrays": []}',
        orjson.dumps({"meta": {}, "arrays": [["a", "O", [1]]]}),
        orjson.dumps({"meta": {}, "arrays": [["a", "<f8", [10**15]]]}),
        orjson.dumps({"meta": {}, "arrays": [["a", "<f8", [10**15, 10**15]]]}),
        orjson.dumps({"meta": {}, "arrays": [["a", "<f8", [-1, -1]]]}),
        orjson.dumps({"meta": {}, "arrays": [["a", "<f8"]]}),
    ],
)
def test_a_head_that_promises_what_is_not_there_is_refused_before_allocation(
    path: Path, head: bytes
) -> None:
    path.write_bytes(with_head(head))
    with pytest.raises(ArrayFileRefused):
        read_arrays(path)


def test_a_head_longer_than_the_file_and_another_format_are_refused(path: Path) -> None:
    for body in (b"LSARRAY1" + struct.pack("<I", 1 << 31), b"LSARRAY2" + bytes(100), b"LS"):
        path.write_bytes(signed(body))
        with pytest.raises(ArrayFileRefused):
            read_arrays(path)


def test_what_ends_the_writing_leaves_the_file_before_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written(path)
    abandon = Event()
    abandon.set()
    with pytest.raises(Abandoned):
        write_arrays(path, {}, {"other": np.zeros(5)}, abandon)

    def full(*_: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(array_file.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_arrays(path, {}, {"other": np.zeros(5)}, Event())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
