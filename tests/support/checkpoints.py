"""Writes PyTorch checkpoints without PyTorch, in both of its formats, for tests."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

_NAMES = {"float32": "FloatStorage", "int64": "LongStorage", "float16": "HalfStorage"}


class _Described:
    """Pickles like a tensor: a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, key: str, array: NDArray) -> None:
        self.key, self.array = key, array

    def __reduce__(self):
        strides = tuple(s // self.array.itemsize for s in self.array.strides)
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        storage = _StorageRef(self.key, self.array)
        return rebuild, (storage, 0, self.array.shape, strides, False, OrderedDict())


class _StorageRef:
    def __init__(self, key: str, array: NDArray) -> None:
        self.key, self.array = key, array


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if not isinstance(obj, _StorageRef):
            return None
        kind = getattr(sys.modules["torch"], _NAMES[obj.array.dtype.name])
        key, count = obj.key, obj.array.size
        return ("storage", kind, key, "cpu", count)


@pytest.fixture
def torch_names(monkeypatch):
    """Modules named like PyTorch's, so that pickle finds the names it is to write."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in _NAMES.values():
        kind = type(name, (), {"__module__": "torch"})
        setattr(torch, name, kind)

    def _rebuild_tensor_v2():
        raise AssertionError("never called")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def _pickled(value: object) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def _described(state: Mapping[str, NDArray]) -> OrderedDict:
    return OrderedDict((n, _Described(str(i), a)) for i, (n, a) in enumerate(state.items()))


def legacy_checkpoint(state: Mapping[str, NDArray]) -> bytes:
    """As torch.save wrote before 1.6."""
    parts = [pickle.dumps(v, protocol=2) for v in (0x1950A86A20F9469CFC6C, 1001)]
    parts.append(pickle.dumps({"protocol_version": 1001, "little_endian": True}, protocol=2))
    parts.append(_pickled(_described(state)))
    parts.append(pickle.dumps([str(i) for i in range(len(state))], protocol=2))
    for array in state.values():
        parts.append(struct.pack("<q", array.size) + array.tobytes(order="A"))
    return b"".join(parts)


def zip_checkpoint(state: Mapping[str, NDArray]) -> bytes:
    """As torch.save writes since 1.6."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", _pickled(_described(state)))
        archive.writestr("archive/byteorder", b"little")
        for i, array in enumerate(state.values()):
            archive.writestr(f"archive/data/{i}", array.tobytes(order="A"))
    return stream.getvalue()


def random_resnet(kind: str, *, groups: int = 1, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """The state dict of a tiny ResNet with torchvision's names; kind "basic" or "bottleneck"."""
    rng = np.random.default_rng(seed)
    state: dict[str, NDArray[np.float32]] = {}

    def unit(conv: str, norm: str, out: int, inside: int, side: int) -> None:
        spread = np.sqrt(2 / (inside * side * side))
        state[f"{conv}.weight"] = (rng.normal(size=(out, inside, side, side)) * spread).astype("f4")
        state[f"{norm}.weight"] = rng.uniform(0.5, 1.5, out).astype("f4")
        state[f"{norm}.bias"] = rng.normal(size=out).astype("f4") * np.float32(0.1)
        state[f"{norm}.running_mean"] = rng.normal(size=out).astype("f4") * np.float32(0.1)
        state[f"{norm}.running_var"] = rng.uniform(0.5, 1.5, out).astype("f4")
        state[f"{norm}.num_batches_tracked"] = np.array(7, np.int64)

    unit("conv1", "bn1", 8, 3, 7)
    inside = 8
    for layer, (width, blocks) in enumerate(((4, 2), (8, 1), (8, 2), (12, 1)), start=1):
        out = width * (2 if kind == "bottleneck" else 1)
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            if kind == "bottleneck":
                unit(f"{name}.conv1", f"{name}.bn1", width, inside, 1)
                unit(f"{name}.conv2", f"{name}.bn2", width, width // groups, 3)
                unit(f"{name}.conv3", f"{name}.bn3", out, width, 1)
            else:
                unit(f"{name}.conv1", f"{name}.bn1", width, inside, 3)
                unit(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            if block == 0 and (inside != out or layer > 1):
                unit(f"{name}.downsample.0", f"{name}.downsample.1", out, inside, 1)
            inside = out
    state["fc.weight"] = rng.normal(size=(5, inside)).astype("f4")
    return state
