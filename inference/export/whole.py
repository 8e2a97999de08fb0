"""Builds the whole graph around a trunk: uint8 pixels in, unit vectors out.

pixels [n, h, w, 3] -> mean, scale -> CNN -> pool -> signed root -> L2 norm -> minus mean -> PCA
-> L2 norm. The root (Perronnin et al. 2010, power normalisation) keeps a few strong channels from
drowning the rest; centring and a PCA with tempered whitening follow Jegou and Chum 2012.

The projection and the sums of squares are 1x1 convolutions rather than MatMul and ReduceSum: ONNX
Runtime convolves one picture at a time, so a vector has the same bits whatever else is in the
batch; the other two sum in another order for one row than for several.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from inference.export.builder import GraphBuilder
from inference.export.feed import PIXELS, fold_rule, write_feed
from inference.export.trunk import TRUNK_INPUT, Trunk

VECTORS = "vectors"
FEATURES = "features"
# The float part of an int8 graph begins after this tensor.
TRUNK_END = "trunk_end"


def build_whole(
    trunk: Trunk, size: int, mean: NDArray[np.float32], basis: NDArray[np.float32]
) -> onnx.ModelProto:
    """A graph [n, size, size, 3] uint8 -> [n, k] float32 with rows of norm 1.

    `mean` is float32 [dim], `basis` float32 [dim, k]: see fit.fit_pca.
    """
    g = GraphBuilder()
    features = _with_trunk(g, trunk, size)
    root = g.node("Mul", [g.node("Sign", [features]), g.node("Sqrt", [g.node("Abs", [features])])])
    centred = g.node(
        "Sub", [_normed(g, root, trunk.dim), g.constant("pca.mean", mean.reshape(1, -1, 1, 1))]
    )
    weight = np.ascontiguousarray(basis.T)[:, :, None, None]
    projected = g.node("Conv", [centred, g.constant("pca.basis", weight)], kernel_shape=[1, 1])
    # Features that equal the mean exactly have no direction: they come out as zeros, not as NaN.
    g.node("Flatten", [_normed(g, projected, basis.shape[1])], VECTORS, axis=1)
    output = helper.make_tensor_value_info(VECTORS, onnx.TensorProto.FLOAT, ["n", basis.shape[1]])
    return g.model("lookstream", [_pixels(size)], [output])


def build_features(trunk: Trunk, size: int) -> onnx.ModelProto:
    """The same up to the pooled features [n, dim, 1, 1]: what the PCA is fitted on."""
    g = GraphBuilder()
    g.node("Identity", [_with_trunk(g, trunk, size)], FEATURES)
    output = helper.make_tensor_value_info(FEATURES, onnx.TensorProto.FLOAT, ["n", trunk.dim, 1, 1])
    return g.model("lookstream-features", [_pixels(size)], [output])


def _with_trunk(g: GraphBuilder, trunk: Trunk, size: int) -> str:
    """Pixels, the trunk's nodes and the pooling. Returns the feature tensor, [n, dim, 1, 1]."""
    trunk = fold_rule(trunk)
    write_feed(g, trunk.rule, size)
    prefixed = onnx.compose.add_prefix_graph(trunk.graph, "cnn/")
    start = f"cnn/{TRUNK_INPUT}"
    for node in prefixed.node:
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        for i, tensor in enumerate(copy.input):
            copy.input[i] = TRUNK_INPUT if tensor == start else tensor
        for i, tensor in enumerate(copy.output):
            copy.output[i] = TRUNK_END if tensor == f"cnn/{trunk.feature}" else tensor
        g.nodes.append(copy)
    g.constants.extend(prefixed.initializer)
    if trunk.spatial:
        return g.node("GlobalAveragePool", [TRUNK_END])
    shape = g.constant("feature.shape", np.array([0, trunk.dim, 1, 1], np.int64))
    return g.node("Reshape", [TRUNK_END, shape])


def _normed(g: GraphBuilder, x: str, channels: int) -> str:
    """x [n, channels, 1, 1] divided by its length along the channels."""
    names = {c.name for c in g.constants}
    if "norm.least" not in names:
        g.constant("norm.least", np.array(1e-12, np.float32))
    ones = f"norm.ones{channels}"
    if ones not in names:
        g.constant(ones, np.ones((1, channels, 1, 1), np.float32))
    squares = g.node("Conv", [g.node("Mul", [x, x]), ones], kernel_shape=[1, 1])
    return g.node("Div", [x, g.node("Max", [g.node("Sqrt", [squares]), "norm.least"])])


def _pixels(size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(PIXELS, onnx.TensorProto.UINT8, ["n", size, size, 3])
