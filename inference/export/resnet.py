"""torchvision's ResNets: from a state dict to a trunk, without torch.

He et al. 2016 (arXiv 1512.03385); the stride lies in the 3x3 convolution of a bottleneck, as in
torchvision ("v1.5"). Depth, width, kind of block and groups follow from the tensors, so ResNet-18
to -152, the wide ones and ResNeXt all come out right.
"""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from inference.errors import ModelError, ModelFileChanged, ModelFileMissing
from inference.export.builder import GraphBuilder, fold_batch_norm
from inference.export.checkpoint import StateDict, read_state_dict
from inference.export.trunk import TRUNK_INPUT, InputRule, Trunk

# ResNet50_Weights.IMAGENET1K_V1; the name ends in the first 8 digits of the file's sha256.
RESNET50_URL = "https://download.pytorch.org/models/resnet50-0676ba61.pth"
RESNET50_SHA256_START = "0676ba61"
_MOST_BYTES = 400_000_000
_TIMEOUT_S = 60.0
_EPSILON = 1e-5
RULE = InputRule(
    "nchw",
    "rgb",
    (0.485 * 255, 0.456 * 255, 0.406 * 255),
    (1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)),
)


def build_trunk(checkpoint: bytes, size: int = 224) -> Trunk:
    """The CNN up to its last activation, [n, dim, h, w]. Raises ModelError."""
    state = read_state_dict(checkpoint)
    g = GraphBuilder()
    try:
        x = g.relu(_unit(g, state, TRUNK_INPUT, "conv1", "bn1", stride=2))
        x = g.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        for layer in range(1, 5):
            for block in range(_blocks(state, layer)):
                stride = 2 if layer > 1 and block == 0 else 1
                x = _block(g, state, x, f"layer{layer}.{block}", stride)
        last = f"layer4.{_blocks(state, 4) - 1}"
        kind = "conv3" if f"{last}.conv3.weight" in state else "conv2"
        dim = len(state[f"{last}.{kind}.weight"])
    except KeyError as error:
        raise ModelError(
            f"the checkpoint has no tensor {error}: it is no ResNet of torchvision"
        ) from error
    picture = helper.make_tensor_value_info(TRUNK_INPUT, TensorProto.FLOAT, ["n", 3, size, size])
    feature = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", dim, None, None])
    return Trunk(g.model("resnet", [picture], [feature]).graph, RULE, x, dim, spatial=True)


def read_weights(file: Path | None) -> tuple[bytes, str]:
    """The checkpoint's bytes and where they come from: `file`, or torchvision's download.

    Raises ModelFileMissing without the internet, ModelFileChanged for other bytes than torchvision
    published.
    """
    if file is not None:
        try:
            return file.read_bytes(), file.name
        except OSError as error:
            raise ModelFileMissing(f"{file} cannot be read ({error.strerror})") from error
    try:
        with urllib.request.urlopen(RESNET50_URL, timeout=_TIMEOUT_S) as answer:
            data: bytes = answer.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ModelFileMissing(
            f"torchvision's weights cannot be downloaded ({error!s:.120}): fetch {RESNET50_URL} "
            "where there is internet, and name the file with --weights"
        ) from error
    if not hashlib.sha256(data).hexdigest().startswith(RESNET50_SHA256_START):
        raise ModelFileChanged(
            f"what came from {RESNET50_URL} is not what torchvision published: try again, or name "
            "a file with --weights"
        )
    return data, RESNET50_URL


def _blocks(state: StateDict, layer: int) -> int:
    count = 0
    while f"layer{layer}.{count}.conv1.weight" in state:
        count += 1
    if count == 0:
        raise KeyError(f"layer{layer}.0.conv1.weight")
    return count


def _block(g: GraphBuilder, state: StateDict, x: str, name: str, stride: int) -> str:
    """A basic block (two convolutions) or a bottleneck (three), with its shortcut."""
    y = x
    if f"{name}.conv3.weight" in state:
        y = g.relu(_unit(g, state, y, f"{name}.conv1", f"{name}.bn1"))
        y = g.relu(_unit(g, state, y, f"{name}.conv2", f"{name}.bn2", stride=stride))
        y = _unit(g, state, y, f"{name}.conv3", f"{name}.bn3")
    else:
        y = g.relu(_unit(g, state, y, f"{name}.conv1", f"{name}.bn1", stride=stride))
        y = _unit(g, state, y, f"{name}.conv2", f"{name}.bn2")
    if f"{name}.downsample.0.weight" in state:
        x = _unit(g, state, x, f"{name}.downsample.0", f"{name}.downsample.1", stride=stride)
    return g.relu(g.node("Add", [y, x]))


def _unit(
    g: GraphBuilder, state: StateDict, x: str, conv: str, norm: str, *, stride: int = 1
) -> str:
    """Convolution and batch normalisation, folded."""
    weight: NDArray[np.float32] = state[f"{conv}.weight"]
    weight, bias = fold_batch_norm(
        weight,
        gamma=state[f"{norm}.weight"],
        beta=state[f"{norm}.bias"],
        mean=state[f"{norm}.running_mean"],
        variance=state[f"{norm}.running_var"],
        epsilon=_EPSILON,
    )
    padding = weight.shape[2] // 2
    groups = _groups(state, conv)
    return g.conv(x, conv, weight, bias, stride=stride, padding=padding, groups=groups)


def _groups(state: StateDict, conv: str) -> int:
    """The groups of a bottleneck's 3x3 convolution (ResNeXt): its inputs by those of one filter."""
    block, _, kind = conv.rpartition(".")
    if kind != "conv2" or f"{block}.conv3.weight" not in state:
        return 1
    return int(len(state[f"{block}.conv1.weight"]) // state[f"{conv}.weight"].shape[1])
