"""The first nodes of a graph: uint8 pixels [n, h, w, 3], RGB, to the float input of the trunk.

Scale and channel order cost nothing once they are folded into the first convolution. What is left,
the subtraction of the mean, is done in the cheapest of two exact ways.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
from onnx import numpy_helper

from inference.export.builder import GraphBuilder
from inference.export.trunk import TRUNK_INPUT, InputRule, Trunk

PIXELS = "pixels"
_ONES = (1.0, 1.0, 1.0)


def fold_rule(trunk: Trunk) -> Trunk:
    """Move scale and channel order into the weights of the first convolution, where there is one.

    conv(scale * (pixels - mean)) = folded_conv(pixels - mean); element by element, in float64.
    """
    rule = trunk.rule
    graph = onnx.GraphProto.FromString(trunk.graph.SerializeToString())
    readers = [node for node in graph.node if TRUNK_INPUT in node.input]
    constants = {c.name: c for c in graph.initializer}
    first = readers[0]
    weight = constants.get(first.input[1]) if first.op_type == "Conv" else None
    grouped = any(a.name == "group" and a.i != 1 for a in first.attribute)
    if rule.layout != "nchw" or len(readers) != 1 or weight is None or grouped:
        return trunk
    if sum(weight.name in node.input for node in graph.node) != 1:
        return trunk
    values = numpy_helper.to_array(weight).astype(np.float64)
    values = values * np.array(rule.scale)[None, :, None, None]
    mean = rule.mean
    if rule.channel_order == "bgr":
        values, mean = values[:, ::-1], (mean[2], mean[1], mean[0])
    folded = np.ascontiguousarray(values.astype(np.float32))
    weight.CopyFrom(numpy_helper.from_array(folded, weight.name))
    return replace(trunk, graph=graph, rule=InputRule("nchw", "rgb", mean, _ONES))


def write_feed(g: GraphBuilder, rule: InputRule, size: int) -> str:
    """Write the nodes from PIXELS to TRUNK_INPUT. What moves bytes comes before the cast."""
    x = PIXELS
    if rule.layout == "nchw":
        x = g.node("Transpose", [x], perm=[0, 3, 1, 2])
    if rule.channel_order == "bgr":
        order = g.constant("input.order", np.array([2, 1, 0], np.int64))
        x = g.node("Gather", [x, order], axis=1 if rule.layout == "nchw" else 3)
    grey = rule.mean[0]
    if set(rule.mean) == {grey} and grey in range(256) and rule.scale == _ONES:
        # One whole number for all channels: the pixels already are quantised activations.
        scale = g.constant("input.scale", np.array(1.0, np.float32))
        zero = g.constant("input.zero", np.array(int(grey), np.uint8))
        return g.node("DequantizeLinear", [x, scale, zero], TRUNK_INPUT)
    x = g.node("Cast", [x], to=onnx.TensorProto.FLOAT)
    # A whole picture of means: ONNX Runtime broadcasts along the batch ten times as fast as
    # along the channels of NHWC, the layout into which it brings the int8 graph.
    shape = (1, 3, 1, 1) if rule.layout == "nchw" else (1, 1, 1, 3)
    whole = (1, 3, size, size) if rule.layout == "nchw" else (1, size, size, 3)
    mean = np.broadcast_to(np.array(rule.mean, np.float32).reshape(shape), whole)
    name = g.constant("input.mean", mean)
    if rule.scale == _ONES:
        return g.node("Sub", [x, name], TRUNK_INPUT)
    scale = g.constant("input.scale", np.array(rule.scale, np.float32).reshape(shape))
    return g.node("Mul", [g.node("Sub", [x, name]), scale], TRUNK_INPUT)
