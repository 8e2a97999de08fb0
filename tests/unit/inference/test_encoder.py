from __future__ import annotations

import io
import json
import shutil

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from inference.devices import (
    CPU_PROVIDER,
    CUDA_PROVIDER,
    OnnxRuntime,
    onnx_runtime,
    open_session,
)
from inference.encoder import Encoder
from inference.errors import (
    DeviceUnavailable,
    ModelError,
    ModelFileChanged,
    ModelShapeWrong,
    NotAPicture,
)
from inference.pictures import PictureLimits
from tests.support.small_models import SIZE, FakeRuntime, export_small, random_pictures


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    export_small(folder)
    return folder


@pytest.fixture(scope="module", params=["small", "small:int8"])
def encoder(request, models):
    return Encoder(models, request.param, device="cpu", threads=2)


def test_vectors_are_unit_rows_in_the_order_of_the_pictures(encoder):
    pictures = random_pictures(5)
    vectors = encoder.encode(pictures)
    assert vectors.shape == (5, encoder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(pictures[::-1]), vectors[::-1])


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 17, 33])
def test_a_vector_does_not_depend_on_its_batch(encoder, n):
    pictures = random_pictures(n, seed=n)
    together = encoder.encode(pictures)
    for picture, row in zip(pictures, together, strict=True):
        assert encoder.encode(picture[None])[0].tobytes() == row.tobytes()


def test_no_pictures_give_no_vectors(encoder):
    assert encoder.encode(np.zeros((0, SIZE, SIZE, 3), np.uint8)).shape == (0, encoder.dim)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 3, SIZE, SIZE), np.uint8),
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.zeros((1, SIZE, SIZE, 4), np.uint8),
        np.zeros((1, SIZE, SIZE, 3), np.float32),
    ],
)
def test_other_shapes_are_refused(encoder, pixels):
    with pytest.raises(ValueError, match="the model takes uint8"):
        encoder.encode(pixels)


def test_pixels_that_are_a_view_of_others_come_out_the_same(encoder):
    wide = np.repeat(random_pictures(4), 2, axis=0)
    np.testing.assert_array_equal(encoder.encode(wide[::2]), encoder.encode(random_pictures(4)))


def test_both_variants_live_in_one_space(models):
    pictures = random_pictures(8, seed=5)
    full = Encoder(models, "small", device="cpu", threads=1)
    small = Encoder(models, "small:int8", device="cpu", threads=1)
    assert full.model_id == small.model_id
    assert np.einsum("nd,nd->n", full.encode(pictures), small.encode(pictures)).min() > 0.97


def test_prepare_makes_what_encode_takes(encoder):
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 10, 10)).save(file, "PNG")
    prepared = encoder.prepare(file.getvalue(), PictureLimits())
    assert prepared.pixels.shape == (SIZE, SIZE, 3)
    assert prepared.pixels.dtype == np.uint8
    assert 0 <= prepared.picture_hash < 2**64
    assert encoder.encode(prepared.pixels[None]).shape == (1, encoder.dim)


def test_prepare_refuses_what_is_no_picture(encoder):
    with pytest.raises(NotAPicture):
        encoder.prepare(b"hello, I am text", PictureLimits())


def test_a_changed_graph_ends_the_start(models, tmp_path):
    shutil.copytree(models / "small", tmp_path / "small")
    (tmp_path / "small" / "fp32.onnx").write_bytes(b"something else")
    with pytest.raises(ModelFileChanged):
        Encoder(tmp_path, "small", device="cpu", threads=1)


def test_a_graph_of_another_shape_ends_the_start(models, tmp_path):
    shutil.copytree(models / "small", tmp_path / "small")
    file = tmp_path / "small" / "manifest.json"
    content = json.loads(file.read_text())
    content["dim"] = 13
    file.write_text(json.dumps(content))
    with pytest.raises(ModelShapeWrong, match="lookstream export small"):
        Encoder(tmp_path, "small", device="cpu", threads=1)


def test_a_graph_for_another_size_of_picture_ends_the_start(models):
    runtime = FakeRuntime([CPU_PROVIDER], side=SIZE * 2)
    with pytest.raises(ModelShapeWrong, match="input"):
        Encoder(models, "small", device="cpu", threads=1, runtime=runtime)


def test_cuda_without_cuda_in_the_build_refuses_to_start(models):
    runtime = FakeRuntime([CPU_PROVIDER])
    with pytest.raises(DeviceUnavailable, match=r"lookstream\[gpu\]"):
        Encoder(models, "small", device="cuda", threads=1, runtime=runtime)


def test_cuda_that_onnxruntime_drops_silently_refuses_to_start(models):
    runtime = FakeRuntime([CUDA_PROVIDER, CPU_PROVIDER], works=[CPU_PROVIDER])
    with pytest.raises(DeviceUnavailable, match="could not set up CUDA"):
        Encoder(models, "small", device="cuda", threads=1, runtime=runtime)
    assert runtime.loaded == 1


def test_auto_without_working_cuda_uses_the_cpu_and_says_so(models, caplog):
    runtime = FakeRuntime([CUDA_PROVIDER, CPU_PROVIDER], works=[CPU_PROVIDER])
    encoder = Encoder(models, "small", device="auto", threads=1, runtime=runtime)
    assert encoder.device == "cpu"
    assert [r.levelname for r in caplog.records if "device auto: cpu" in r.message] == ["WARNING"]


def test_auto_takes_cuda_where_it_works(models):
    runtime = FakeRuntime([CUDA_PROVIDER, CPU_PROVIDER])
    encoder = Encoder(models, "small", device="auto", threads=1, runtime=runtime)
    assert encoder.device == "cuda"
    assert not runtime.sessions[-1][1].fallback


def test_cpu_never_asks_for_cuda(models):
    runtime = FakeRuntime([CUDA_PROVIDER, CPU_PROVIDER])
    encoder = Encoder(models, "small", device="cpu", threads=1, runtime=runtime)
    assert encoder.device == "cpu"
    assert [device for device, _ in runtime.sessions] == ["cpu"]
    assert runtime.loaded == 0


def test_an_unknown_device_is_refused(models):
    with pytest.raises(DeviceUnavailable, match="auto, cpu, cuda"):
        Encoder(models, "small", device="tpu", threads=1, runtime=FakeRuntime([CPU_PROVIDER]))


def test_on_cuda_every_call_has_the_same_shape(models):
    runtime = FakeRuntime([CUDA_PROVIDER, CPU_PROVIDER])
    encoder = Encoder(models, "small", device="cuda", threads=1, runtime=runtime)
    pictures = random_pictures(70)
    vectors = encoder.encode(pictures)
    assert set(runtime.sessions[-1][1].batches) == {32}
    for picture, row in zip(pictures, vectors, strict=True):
        np.testing.assert_array_equal(encoder.encode(picture[None])[0], row)


def test_the_installed_onnxruntime_without_cuda_refuses_cuda(models):
    if CUDA_PROVIDER in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime was built with CUDA")
    with pytest.raises(DeviceUnavailable, match="built without CUDA"):
        Encoder(models, "small", device="cuda", threads=1)


def test_bytes_that_are_no_graph_are_refused_in_a_sentence():
    with pytest.raises(ModelError, match="cannot load the graph"):
        open_session(b"no graph at all", "cpu", 1, onnx_runtime())


def test_what_onnxruntime_prints_goes_to_the_log_and_not_to_stdout(capsys, caplog):
    class Library:
        def preload_dlls(self):
            print("Failed to load libcudnn.so")

    OnnxRuntime(Library()).load_cuda_libraries()
    assert capsys.readouterr().out == ""
    assert "libcudnn" in caplog.text
