"""Pixels to unit vectors: an ONNX Runtime session around an exported model."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.devices import Runtime, onnx_runtime, open_session
from inference.errors import ModelShapeWrong
from inference.manifest import load_manifest
from inference.pictures import PictureLimits, open_picture
from inference.preprocess import Preprocessing, perceptual_hash, to_pixels

logger = logging.getLogger(__name__)

# CUDA picks its kernels by the shape of the batch, and looks for them anew for each shape. One
# shape for all batches is faster, and keeps a vector independent of how full its batch was.
_CUDA_BATCH = 32
_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Prepared:
    """One decoded picture. `pixels` is uint8 [size, size, 3], RGB; `picture_hash` has 64 bits."""

    pixels: NDArray[np.uint8]
    picture_hash: int


class Encoder:
    """An exported model, loaded, checked and warm.

    models_dir  the folder of exported models.
    model       "NAME" or "NAME:int8".
    device      "auto", "cpu" or "cuda"; never falls back silently.
    threads     CPU threads of one `encode` call.
    runtime     default the installed onnxruntime; tests bring their own.

    Raises ModelError: missing or changed file, unknown manifest, wrong shapes, no such device.
    """

    def __init__(
        self,
        models_dir: Path,
        model: str,
        *,
        device: str = "auto",
        threads: int = 1,
        runtime: Runtime | None = None,
    ) -> None:
        self._model = load_manifest(models_dir, model)
        graph = self._model.read_graph()
        runtime = onnx_runtime() if runtime is None else runtime
        self._session, self.device = open_session(graph, device, threads, runtime)
        self._check_shapes()
        self._input = str(self._session.get_inputs()[0].name)
        self._warm_up()
        logger.info(
            "model %s (%s) on %s, %d threads", self.model_id, self.variant, self.device, threads
        )

    @property
    def model_id(self) -> str:
        """Names the vector space; the same for fp32 and int8."""
        return self._model.model_id

    @property
    def variant(self) -> str:
        """ "fp32" or "int8"."""
        return self._model.variant

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._model.dim

    @property
    def preprocessing(self) -> Preprocessing:
        """What `prepare` does to a picture."""
        return self._model.preprocessing

    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        """Decode one picture. Pure and thread-safe. Raises PictureError."""
        wanted = self.preprocessing
        pixels = to_pixels(open_picture(data, limits, shortest_side=wanted.resize), wanted)
        return Prepared(pixels, perceptual_hash(pixels))

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 [n, size, size, 3] -> float32 [n, dim], rows of norm 1, in the same order.

        Blocks; releases the GIL while it computes. A row depends on its own picture alone, bit
        for bit: not on the other pictures, and not on n. Raises ValueError for other shapes.
        """
        side = self.preprocessing.size
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (side, side, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {pixels.shape}; the model takes uint8 "
                f"(n, {side}, {side}, 3)"
            )
        if len(pixels) == 0:
            return np.zeros((0, self.dim), np.float32)
        if self.device == "cpu":
            return self._run(pixels)
        return self._run_in_one_shape(pixels)

    def _run(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        (vectors,) = self._session.run(None, {self._input: np.ascontiguousarray(pixels)})
        result: NDArray[np.float32] = np.asarray(vectors, dtype=np.float32)
        return result

    def _run_in_one_shape(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors = np.empty((len(pixels), self.dim), np.float32)
        batch = np.zeros((_CUDA_BATCH, *pixels.shape[1:]), np.uint8)
        for start in range(0, len(pixels), _CUDA_BATCH):
            part = pixels[start : start + _CUDA_BATCH]
            batch[: len(part)] = part
            vectors[start : start + len(part)] = self._run(batch)[: len(part)]
        return vectors

    def _check_shapes(self) -> None:
        side = self.preprocessing.size
        wanted = (("tensor(uint8)", [side, side, 3]), ("tensor(float)", [self.dim]))
        found = (self._session.get_inputs(), self._session.get_outputs())
        for kind, (element, sides), tensors in zip(("input", "output"), wanted, found, strict=True):
            if len(tensors) != 1:
                raise ModelShapeWrong(
                    f"the graph of {self.model_id} has {len(tensors)} {kind}s instead of one: "
                    f"{self._remedy}"
                )
            tensor = tensors[0]
            if tensor.type != element or list(tensor.shape[1:]) != sides:
                raise ModelShapeWrong(
                    f"the {kind} of {self.model_id} is {tensor.type} {list(tensor.shape)}, its "
                    f"manifest says {element} ['n', {', '.join(map(str, sides))}]: {self._remedy}"
                )

    def _warm_up(self) -> None:
        """One picture through the whole graph: allocates, and proves that vectors come out."""
        side = self.preprocessing.size
        ramp = np.linspace(0, 255, side, dtype=np.uint8)
        picture = np.broadcast_to(ramp[None, :, None], (side, side, 3))
        vectors = self.encode(picture[None])
        if vectors.shape != (1, self.dim) or abs(np.linalg.norm(vectors[0]) - 1) > _NORM_TOLERANCE:
            raise ModelShapeWrong(
                f"{self.model_id} gives no unit vectors of {self.dim} numbers: {self._remedy}"
            )

    @property
    def _remedy(self) -> str:
        return f"make it again with `lookstream export {self._model.manifest.name}`"
