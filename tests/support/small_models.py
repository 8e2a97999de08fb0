"""Small CNNs with random weights, for tests of the export and the encoder: no packages, no wait."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from inference.export.builder import GraphBuilder
from inference.export.exporting import About, make_graphs, write_new
from inference.export.fitting import fit
from inference.export.trunk import TRUNK_INPUT, InputRule, Trunk
from inference.manifest import Manifest, Source
from inference.preprocess import Preprocessing

SIZE = 16
RULE = InputRule("nchw", "rgb", (120.0, 110.0, 100.0), (0.02, 0.02, 0.02))


def small_trunk(rule: InputRule = RULE, dim: int = 12, seed: int = 0) -> Trunk:
    """Two convolutions, a residual sum and ReLUs on 16 x 16 pictures."""
    rng = np.random.default_rng(seed)

    def weight(*shape: int) -> NDArray[np.float32]:
        fan_in = np.prod(shape[1:])
        return (rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype(np.float32)

    g = GraphBuilder()
    x = g.relu(g.conv(TRUNK_INPUT, "a", weight(8, 3, 3, 3), np.zeros(8, np.float32), padding=1))
    y = g.conv(x, "b", weight(8, 8, 3, 3), rng.normal(size=8).astype(np.float32), padding=1)
    x = g.relu(g.node("Add", [y, x]))
    x = g.relu6(g.conv(x, "c", weight(dim, 8, 1, 1), np.zeros(dim, np.float32), stride=2))
    sides = ["n", 3, SIZE, SIZE]
    picture = helper.make_tensor_value_info(TRUNK_INPUT, TensorProto.FLOAT, sides)
    feature = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", dim, 8, 8])
    return Trunk(g.model("small", [picture], [feature]).graph, rule, x, dim, spatial=True)


def random_pictures(n: int, size: int = SIZE, seed: int = 1) -> NDArray[np.uint8]:
    """uint8 [n, size, size, 3]: blobs of colour rather than noise, so that they differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 4, 4, 3))
    return coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2).astype(np.uint8)


def export_small(models_dir: Path, name: str = "small", trunk: Trunk | None = None) -> Manifest:
    """A complete model folder: vectors of 12 numbers from 16 x 16 pictures."""
    trunk = trunk or small_trunk()
    pictures = random_pictures(64)
    fitted = fit(trunk, SIZE, pictures, pictures, threads=1)
    about = About(
        Source(weights="random", sha256="0" * 64, feature="c", licence="CC0-1.0"),
        Preprocessing(size=SIZE, resize=SIZE, interpolation="bilinear"),
        "64 random ones",
        "the same",
    )
    return write_new(models_dir / name, about, make_graphs(trunk, SIZE, fitted), fitted, {})


class FakeTensor:
    """What a session says of one of its inputs or outputs."""

    def __init__(self, name: str, kind: str, shape: list[Any]) -> None:
        self.name, self.type, self.shape = name, kind, shape


class FakeSession:
    """A session that gives the mean colour as a unit vector, and notes its batches."""

    def __init__(self, providers: list[str], dim: int = 12, side: int = SIZE) -> None:
        self._providers, self._dim, self._side = providers, dim, side
        self.batches: list[int] = []
        self.fallback = True

    def run(self, names: Any, feed: Mapping[str, NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        pixels = feed["pixels"]
        self.batches.append(len(pixels))
        vectors = np.zeros((len(pixels), self._dim), np.float32)
        vectors[:, :3] = pixels.reshape(len(pixels), -1, 3).mean(axis=1) + 1
        return [vectors / np.linalg.norm(vectors, axis=1, keepdims=True)]

    def get_inputs(self) -> list[FakeTensor]:
        return [FakeTensor("pixels", "tensor(uint8)", ["n", self._side, self._side, 3])]

    def get_outputs(self) -> list[FakeTensor]:
        return [FakeTensor("vectors", "tensor(float)", ["n", self._dim])]

    def get_providers(self) -> list[str]:
        return self._providers

    def disable_fallback(self) -> None:
        self.fallback = False


class FakeRuntime:
    """An inference library with or without CUDA, in the build and at run time."""

    def __init__(self, built: list[str], works: list[str] | None = None, **shape: int) -> None:
        self._built, self._works, self._shape = built, built if works is None else works, shape
        self.loaded = 0
        self.sessions: list[tuple[str, FakeSession]] = []

    def available_providers(self) -> list[str]:
        return self._built

    def load_cuda_libraries(self) -> None:
        self.loaded += 1

    def session(self, graph: bytes, device: str, threads: int) -> FakeSession:
        providers = self._works if device == "cuda" else ["CPUExecutionProvider"]
        session = FakeSession(providers, **self._shape)
        self.sessions.append((device, session))
        return session
