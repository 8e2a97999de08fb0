"""What is fitted once for a model, and kept in git beside its manifest: PCA and int8 ranges.

Both run the network and sum floating-point numbers, so other processors give other last bits.
Exporting only reads the results; that is why it gives the same bytes everywhere.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from inference.devices import onnx_runtime, open_session
from inference.errors import ModelError
from inference.export.builder import serialised
from inference.export.feed import PIXELS
from inference.export.quantize import Ranges, tensors_to_measure
from inference.export.trunk import Trunk
from inference.export.whole import build_features, build_whole

DIM = 256
_BATCH = 8
# Full whitening (1) blows up the noise of the weak directions, none (0) lets two or three strong
# ones decide; the root was better than either on both catalogues (docs/decisions).
_WHITENING = 0.5

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Fitted:
    """mean float32 [dim], basis float32 [dim, k]; (least, greatest) of each int8 activation."""

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    ranges: Ranges


def fit(
    trunk: Trunk, size: int, pictures: Iterable[Pixels], calibration: Iterable[Pixels], threads: int
) -> Fitted:
    """Fit the PCA on `pictures`, then the ranges on `calibration`, each uint8 [size, size, 3]."""
    session, _ = open_session(
        serialised(build_features(trunk, size)), "cpu", threads, onnx_runtime()
    )
    features = [
        session.run(None, {PIXELS: batch})[0].reshape(len(batch), -1) for batch in batches(pictures)
    ]
    if not features:
        raise ModelError("there is no picture to fit the PCA on: see --pictures")
    mean, basis = fit_pca(np.concatenate(features))
    whole = build_whole(trunk, size, mean, basis)
    return Fitted(mean, basis, measure_ranges(whole, calibration, threads))


def fit_pca(features: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pooled features [n, dim] -> mean [dim], basis [dim, k], k = min(256, dim).

    The PCA of the features after the signed root and the L2 norm; each column is divided by the
    root of its standard deviation. Values are rounded to float16, in which they are kept.
    """
    root = np.sign(features) * np.sqrt(np.abs(features.astype(np.float64)))
    unit = root / np.maximum(np.linalg.norm(root, axis=1, keepdims=True), 1e-12)
    k = min(DIM, unit.shape[1])
    if len(unit) < 2 * k:
        raise ModelError(
            f"{len(unit)} pictures are too few for a PCA to {k} numbers: give at least {2 * k}"
        )
    mean = unit.mean(axis=0)
    _, strengths, directions = np.linalg.svd(unit - mean, full_matrices=False)
    deviations = np.maximum(strengths[:k] / np.sqrt(len(unit)), 1e-9)
    basis = directions[:k].T * (deviations[0] / deviations) ** _WHITENING
    return mean.astype(np.float32), basis.astype(np.float16).astype(np.float32)


def measure_ranges(model: onnx.ModelProto, pictures: Iterable[Pixels], threads: int) -> Ranges:
    """Run the float graph over the pictures and keep each activation's least and greatest value."""
    names = tensors_to_measure(model)
    watched = onnx.ModelProto.FromString(model.SerializeToString())
    for name in names:
        watched.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session, _ = open_session(serialised(watched), "cpu", threads, onnx_runtime())
    least, greatest = np.zeros(len(names)), np.zeros(len(names))
    for batch in batches(pictures):
        values = session.run(names, {PIXELS: batch})
        least = np.minimum(least, [v.min() for v in values])
        greatest = np.maximum(greatest, [v.max() for v in values])
    return {
        name: (float(low), float(high))
        for name, low, high in zip(names, least, greatest, strict=True)
    }


def pca_bytes(fitted: Fitted) -> bytes:
    """The .npz kept in git: mean float32, basis float16."""
    stream = io.BytesIO()
    np.savez(stream, mean=fitted.mean, basis=fitted.basis.astype(np.float16))
    return stream.getvalue()


def ranges_bytes(fitted: Fitted) -> bytes:
    """The .json kept in git: {tensor: [least, greatest]}."""
    lines = [f"  {json.dumps(n)}: [{low!r}, {high!r}]" for n, (low, high) in fitted.ranges.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def read_fitted(pca: bytes, ranges: bytes) -> Fitted:
    """Read both files back. Raises ModelError."""
    try:
        with np.load(io.BytesIO(pca), allow_pickle=False) as arrays:
            mean = arrays["mean"].astype(np.float32)
            basis = arrays["basis"].astype(np.float32)
        pairs = {str(n): (float(p[0]), float(p[1])) for n, p in json.loads(ranges).items()}
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
    ) as error:
        raise ModelError(f"the fitted files cannot be read ({type(error).__name__})") from error
    if mean.ndim != 1 or basis.ndim != 2 or basis.shape[0] != len(mean):
        raise ModelError("the PCA's mean and basis do not fit together")
    return Fitted(mean, basis, pairs)


def batches(pictures: Iterable[Pixels], size: int = _BATCH) -> Iterator[Pixels]:
    """Stack pictures, `size` at a time."""
    waiting: list[Pixels] = []
    for picture in pictures:
        waiting.append(picture)
        if len(waiting) == size:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)
