"""EfficientNet-Lite0: from its state dict to a trunk.

Tan and Le 2019 (arXiv 1905.11946), in the Lite variant for edge devices: no squeeze-and-excite,
ReLU6 for swish, and a stem and a head that don't scale. The weights were trained in TensorFlow,
whose SAME padding puts the odd pixel at the bottom and right.
"""

from __future__ import annotations

from onnx import TensorProto, helper

from inference.errors import ModelError
from inference.export.builder import GraphBuilder, fold_batch_norm
from inference.export.checkpoint import StateDict, read_state_dict
from inference.export.trunk import TRUNK_INPUT, InputRule, Trunk

# The stride of each of the 16 blocks (Table 1 of the paper: the first block of stages 3, 4, 5, 7).
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
_EPSILON = 1e-3
_DIM = 1280
RULE = InputRule("nchw", "rgb", (127.0,) * 3, (1 / 128,) * 3)


def build_trunk(checkpoint: bytes) -> Trunk:
    """The CNN up to its last activation, [n, 1280, h, w]. Raises ModelError."""
    state = read_state_dict(checkpoint)
    g = GraphBuilder()
    try:
        x = _unit(g, state, TRUNK_INPUT, "_conv_stem", "_bn0", stride=2)
        for i, stride in enumerate(_STRIDES):
            x = _block(g, state, x, f"_blocks.{i}", stride)
        x = _unit(g, state, x, "_conv_head", "_bn1")
    except KeyError as error:
        raise ModelError(
            f"the checkpoint has no tensor {error}: it is no EfficientNet-Lite0"
        ) from error
    picture = helper.make_tensor_value_info(TRUNK_INPUT, TensorProto.FLOAT, ["n", 3, 224, 224])
    feature = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["n", _DIM, 7, 7])
    graph = g.model("efficientnet-lite0", [picture], [feature]).graph
    return Trunk(graph, RULE, x, _DIM, spatial=True)


def _block(g: GraphBuilder, state: StateDict, x: str, name: str, stride: int) -> str:
    """An inverted bottleneck: widen, filter each channel, narrow; add the input where it fits."""
    start = x
    if f"{name}._expand_conv.weight" in state:
        x = _unit(g, state, x, f"{name}._expand_conv", f"{name}._bn0")
    x = _unit(g, state, x, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
    wide = state[f"{name}._project_conv.weight"]
    x = _unit(g, state, x, f"{name}._project_conv", f"{name}._bn2", activation=False)
    first = f"{name}._expand_conv.weight"
    channels_in = state[first].shape[1] if first in state else wide.shape[1]
    if stride == 1 and channels_in == wide.shape[0]:
        x = g.node("Add", [x, start])
    return x


def _unit(
    g: GraphBuilder,
    state: StateDict,
    x: str,
    conv: str,
    norm: str,
    *,
    stride: int = 1,
    activation: bool = True,
) -> str:
    """Convolution, batch normalisation (folded), ReLU6."""
    weight, bias = fold_batch_norm(
        state[f"{conv}.weight"],
        gamma=state[f"{norm}.weight"],
        beta=state[f"{norm}.bias"],
        mean=state[f"{norm}.running_mean"],
        variance=state[f"{norm}.running_var"],
        epsilon=_EPSILON,
    )
    # Every side is even where the stride is 2, so SAME pads kernel - stride pixels in all.
    total = weight.shape[2] - stride
    before = total // 2
    padding = (before, before, total - before, total - before)
    groups = weight.shape[0] if weight.shape[1] == 1 else 1
    x = g.conv(x, conv, weight, bias, stride=stride, padding=padding, groups=groups)
    return g.relu6(x) if activation else x
