"""Pictures a second of a model, by device and batch: python -m tests.bench.bench_encoder

Pixels lie ready in memory, so this is the model alone. The baseline of the same run is the fp32
graph on the CPU, with all cores; where onnxruntime has CUDA the GPU stands beside it, and the
cosine between the two devices' vectors. Best of several rounds: machines are shared.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.devices import CUDA_PROVIDER, onnx_runtime
from inference.encoder import Encoder
from inference.pictures import PictureLimits
from tests.bench.pictures import pictures

MODELS = Path(__file__).resolve().parents[2] / "exported_models"
BATCHES = (1, 8, 32, 128, 512)
LIMITS = PictureLimits()


def best_hz(encoder: Encoder, pixels: NDArray[np.uint8], seconds: float) -> float:
    """Pictures a second of `encode`, in the best round of about `seconds` in all."""
    encoder.encode(pixels)
    best, end_s = 0.0, time.perf_counter() + seconds
    while (start_s := time.perf_counter()) < end_s:
        encoder.encode(pixels)
        best = max(best, len(pixels) / (time.perf_counter() - start_s))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="resnet50-thin")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each figure")
    given = parser.parse_args()
    cores = os.cpu_count() or 1
    contenders = {
        "cpu fp32": Encoder(MODELS, given.model, device="cpu", threads=cores),
        "cpu int8": Encoder(MODELS, f"{given.model}:int8", device="cpu", threads=cores),
    }
    if CUDA_PROVIDER in onnx_runtime().available_providers():
        contenders["cuda fp32"] = Encoder(MODELS, given.model, device="cuda")
    baseline = contenders["cpu fp32"]
    some = [baseline.prepare(each, LIMITS).pixels for each in pictures(64)]
    pixels = np.stack([some[i % len(some)] for i in range(max(BATCHES))])
    wanted = baseline.encode(pixels[:64])
    print(f"{given.model}, onnxruntime {onnx_runtime().version}, {cores} CPU threads")
    base_hz: dict[int, float] = {}
    for name, encoder in contenders.items():
        cosines = (encoder.encode(pixels[:64]) * wanted).sum(axis=1)
        print(f"{name}: cosine with cpu fp32 at least {cosines.min():.5f}")
        for batch in BATCHES:
            hz = best_hz(encoder, pixels[:batch], given.seconds)
            base_hz.setdefault(batch, hz)
            ratio = hz / base_hz[batch]
            print(f"  {batch:4} at once  {hz:8.0f} pictures/s  {ratio:6.2f} x cpu fp32")


if __name__ == "__main__":
    main()
