"""Reads a PyTorch state dict (.pth) without PyTorch, and without running what is in it.

A .pth is a pickle, and a pickle can name any function to call. Here only four kinds of names are
known: OrderedDict, the two functions that describe a tensor, and the storage types; everything
else ends the reading. Both of PyTorch's formats are read: the old one (pickles one after another,
then the raw storages) and the zip archive written since 1.6.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import ModelError

StateDict = Mapping[str, NDArray[Any]]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
}
_MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(data: bytes) -> StateDict:
    """The tensors of a checkpoint by name, in its order.

    Raises ModelError when the bytes are no state dict, or hold more than tensors.
    """
    try:
        described, storages = (_read_zip if data[:2] == b"PK" else _read_legacy)(data)
        if not isinstance(described, dict):
            raise ModelError("it holds no state dict")
        return {
            str(name): _materialise(tensor, storages)
            for name, tensor in described.items()
            if isinstance(tensor, _Tensor)
        }
    except ModelError as error:
        raise ModelError(f"the checkpoint cannot be used: {error}") from error
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        struct.error,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        MemoryError,
    ) as error:
        raise ModelError(
            f"the checkpoint cannot be read ({type(error).__name__}): it is damaged, or no "
            "state dict saved by PyTorch"
        ) from error


class _Reader(pickle.Unpickler):
    """An unpickler that can build state dicts, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _describe_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _describe_parameter
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise ModelError(
            "it holds more than tensors; save it with torch.save(model.state_dict(), FILE)"
        )

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, count = pid[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise ModelError("it refers to something that is no tensor storage")
        return _Storage(str(key), dtype, int(count))


def _describe_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_rest: Any
) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))


def _describe_parameter(tensor: _Tensor, *_rest: Any) -> _Tensor:
    return tensor


def _read_legacy(data: bytes) -> tuple[Any, dict[str, memoryview]]:
    stream = io.BytesIO(data)
    magic, protocol, system = (_Reader(stream).load() for _ in range(3))
    if magic != _LEGACY_MAGIC or protocol != _LEGACY_PROTOCOL:
        raise ModelError("it does not begin like a PyTorch checkpoint")
    if not system["little_endian"]:
        raise ModelError("it was saved on a big-endian machine")
    described = _Reader(stream).load()
    keys = _Reader(stream).load()
    sizes = {
        t.storage.key: t.storage.dtype.itemsize
        for t in described.values()
        if isinstance(t, _Tensor)
    }
    storages: dict[str, memoryview] = {}
    view, position = memoryview(data), stream.tell()
    for key in keys:
        (count,) = struct.unpack_from("<q", view, position)
        start = position + 8
        position = start + count * sizes[str(key)]
        if count < 0 or position > len(data):
            raise ModelError("it ends before its last tensor")
        storages[str(key)] = view[start:position]
    return described, storages


def _read_zip(data: bytes) -> tuple[Any, dict[str, memoryview]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        inside = {info.filename: info for info in archive.infolist()}
        pickled = next((name for name in inside if name.endswith("/data.pkl")), None)
        if pickled is None:
            raise ModelError("it is a zip archive, but not one of PyTorch's")
        if sum(info.file_size for info in inside.values()) > 2 * len(data) + 1_000_000:
            raise ModelError("it is compressed, which PyTorch does not do")
        root = pickled.removesuffix("data.pkl")
        order = f"{root}byteorder"
        if order in inside and archive.read(order) != b"little":
            raise ModelError("it was saved on a big-endian machine")
        described = _Reader(io.BytesIO(archive.read(pickled))).load()
        folder = f"{root}data/"
        storages = {
            name.removeprefix(folder): memoryview(archive.read(name))
            for name in inside
            if name.startswith(folder)
        }
    return described, storages


def _materialise(tensor: _Tensor, storages: Mapping[str, memoryview]) -> NDArray[Any]:
    """Copy one tensor out of its storage, after checking that it lies inside."""
    values = np.frombuffer(storages[tensor.storage.key], tensor.storage.dtype)
    shape, strides = tensor.shape, tensor.strides
    whole = [tensor.offset, *shape, *strides]
    if len(shape) > _MOST_DIMENSIONS or len(strides) != len(shape) or min(whole) < 0:
        raise ModelError("it holds a tensor of impossible shape")
    if 0 in shape:
        return np.zeros(shape, values.dtype)
    last = tensor.offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if last >= len(values) or int(np.prod(shape, dtype=object)) > len(values):
        raise ModelError("it holds a tensor that is larger than its storage")
    item = values.dtype.itemsize
    view = np.lib.stride_tricks.as_strided(
        values[tensor.offset :], shape, [s * item for s in strides], writeable=False
    )
    return view.copy()
