"""The ResNet that is built from a state dict computes what a plain numpy ResNet computes."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import pytest

from inference.errors import ModelError, ModelFileMissing
from inference.export import resnet
from inference.export.builder import serialised
from inference.export.feed import PIXELS
from inference.export.whole import build_features
from tests.support.checkpoints import legacy_checkpoint, random_resnet, torch_names, zip_checkpoint

__all__ = ["torch_names"]
SIZE = 64


def _conv(x, weight, stride, groups=1):
    side = weight.shape[2]
    pad = side // 2
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    inside, out = weight.shape[1], weight.shape[0] // groups
    parts = [
        np.einsum(
            "nchwij,ocij->nohw",
            windows[:, g * inside : (g + 1) * inside],
            weight[g * out : (g + 1) * out],
        )
        for g in range(groups)
    ]
    return np.concatenate(parts, axis=1)


def _unit(state, x, conv, norm, stride=1, groups=1):  # noqa: PLR0917
    y = _conv(x, state[f"{conv}.weight"].astype(np.float64), stride, groups)
    part = {
        k: state[f"{norm}.{k}"][:, None, None]
        for k in ("weight", "bias", "running_mean", "running_var")
    }
    scaled = (y - part["running_mean"]) / np.sqrt(part["running_var"] + 1e-5)
    return scaled * part["weight"] + part["bias"]


def _reference(state, pixels, groups):
    """torchvision's ResNet.forward up to avgpool, in float64."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((pixels / 255 - mean) / std).transpose(0, 3, 1, 2)
    x = np.maximum(_unit(state, x, "conv1", "bn1", 2), 0)
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    x = x.max(axis=(4, 5))
    for layer in range(1, 5):
        for block in range(9):
            name = f"layer{layer}.{block}"
            if f"{name}.conv1.weight" not in state:
                break
            stride = 2 if layer > 1 and block == 0 else 1
            y = x
            if f"{name}.conv3.weight" in state:
                y = np.maximum(_unit(state, y, f"{name}.conv1", f"{name}.bn1"), 0)
                y = np.maximum(_unit(state, y, f"{name}.conv2", f"{name}.bn2", stride, groups), 0)
                y = _unit(state, y, f"{name}.conv3", f"{name}.bn3")
            else:
                y = np.maximum(_unit(state, y, f"{name}.conv1", f"{name}.bn1", stride), 0)
                y = _unit(state, y, f"{name}.conv2", f"{name}.bn2")
            if f"{name}.downsample.0.weight" in state:
                x = _unit(state, x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
            x = np.maximum(x + y, 0)
    return x.mean(axis=(2, 3))


@pytest.mark.parametrize(
    ("kind", "groups", "write"),
    [
        ("basic", 1, legacy_checkpoint),
        ("bottleneck", 1, zip_checkpoint),
        ("bottleneck", 2, zip_checkpoint),
    ],
)
def test_features_are_those_of_a_plain_resnet(kind, groups, write, torch_names):
    state = random_resnet(kind, groups=groups)
    trunk = resnet.build_trunk(write(state), SIZE)
    pixels = np.random.default_rng(3).integers(0, 256, (3, SIZE, SIZE, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(serialised(build_features(trunk, SIZE)))
    (features,) = session.run(None, {PIXELS: pixels})
    wanted = _reference(state, pixels, groups)
    assert features.shape == (3, trunk.dim, 1, 1)
    np.testing.assert_allclose(features[:, :, 0, 0], wanted, rtol=1e-4, atol=1e-4)


def test_another_network_is_refused_by_the_tensor_it_lacks(torch_names):
    state = random_resnet("basic")
    del state["layer3.0.bn2.running_var"]
    with pytest.raises(ModelError, match=r"layer3\.0\.bn2\.running_var"):
        resnet.build_trunk(zip_checkpoint(state), SIZE)


def test_a_missing_file_of_weights_is_named(tmp_path):
    with pytest.raises(ModelFileMissing, match=r"none\.pth"):
        resnet.read_weights(tmp_path / "none.pth")


def test_a_download_without_internet_says_what_to_do(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError("network is unreachable")

    monkeypatch.setattr(resnet.urllib.request, "urlopen", refuse)
    with pytest.raises(ModelFileMissing, match="--weights"):
        resnet.read_weights(None)


def test_a_download_of_other_bytes_is_refused(monkeypatch):
    monkeypatch.setattr(
        resnet.urllib.request, "urlopen", lambda *_a, **_k: io.BytesIO(b"login page")
    )
    with pytest.raises(ModelError, match="not what torchvision published"):
        resnet.read_weights(None)
