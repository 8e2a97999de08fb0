"""The exported models on a real GPU: the vectors of the CPU, and never the CPU by accident."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pytest

from inference.devices import CUDA_PROVIDER, onnx_runtime
from inference.encoder import Encoder
from inference.errors import DeviceUnavailable
from tests.golden.models import NAMES, golden_file, models_dir_with
from tests.golden.pictures import golden_pictures

# cuDNN sums in another order than the CPU, and in TF32, whose products keep 10 bits.
LEAST_COSINE = 0.999


@pytest.fixture(scope="module")
def on_cuda() -> Callable[[str], Encoder]:
    def encoder(name: str) -> Encoder:
        return Encoder(models_dir_with(name), name, device="cuda")

    return encoder


@pytest.fixture(autouse=True)
def _a_gpu(not_tested: Callable[[str, str], None]) -> None:
    why = "this onnxruntime was built without CUDA"
    if CUDA_PROVIDER in onnx_runtime().available_providers():
        try:
            Encoder(models_dir_with(NAMES[0]), NAMES[0], device="cuda")
        except DeviceUnavailable as error:
            why = str(error)
        else:
            return
    not_tested("what needs a GPU", why)
    pytest.skip(why)


@pytest.mark.parametrize("name", NAMES)
def test_vectors_on_the_gpu_are_those_of_the_cpu(name, on_cuda):
    with np.load(golden_file(name), allow_pickle=False) as expected:
        wanted = expected["fp32"].astype(np.float32)
    vectors = on_cuda(name).encode(golden_pictures())
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = (vectors * wanted).sum(axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosines.min() >= LEAST_COSINE, cosines


@pytest.mark.parametrize("name", NAMES)
def test_a_vector_is_the_same_bit_for_bit_whatever_else_is_in_the_batch(name, on_cuda):
    encoder = on_cuda(name)
    pictures = golden_pictures()
    alone = [encoder.encode(picture[None])[0] for picture in pictures]
    for order in ([0, 1, 2, 3, 4], [4, 2, 0], [3, 3, 3, 1], [1, 4, 0, 3] * 20):
        together = encoder.encode(pictures[order])
        for row, number in zip(together, order, strict=True):
            assert row.tobytes() == alone[number].tobytes()


def test_auto_takes_the_gpu_and_says_so(caplog):
    caplog.set_level(logging.INFO, "inference")
    encoder = Encoder(models_dir_with(NAMES[0]), NAMES[0], device="auto")
    assert encoder.device == "cuda"
    assert "device auto: cuda" in caplog.text
