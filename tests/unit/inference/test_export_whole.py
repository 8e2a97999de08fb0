"""Whatever the input's rule, the graph around a trunk sees the same picture."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference.export.builder import GraphBuilder, fold_batch_norm, serialised
from inference.export.feed import PIXELS
from inference.export.fitting import fit_pca
from inference.export.trunk import TRUNK_INPUT, InputRule, Trunk
from inference.export.whole import build_features, build_whole
from tests.support.small_models import SIZE, random_pictures, small_trunk

MEAN, SCALE = (104.5, 117.25, 123.0), (0.02, 0.03, 0.015)


def _run(model, pixels):
    session = onnxruntime.InferenceSession(serialised(model))
    return session.run(None, {PIXELS: pixels})[0]


def _plain_trunk(rule, pooled=False):
    """A trunk that only shows what it was fed: its features are the mean of each channel."""
    g = GraphBuilder()
    nhwc = rule.layout == "nhwc"
    x = g.node("Transpose", [TRUNK_INPUT], perm=[0, 3, 1, 2]) if nhwc else TRUNK_INPUT
    x = g.node("Sigmoid", [x])
    if pooled:
        x = g.node("Flatten", [g.node("GlobalAveragePool", [x])])
    sides = ["n", SIZE, SIZE, 3] if nhwc else ["n", 3, SIZE, SIZE]
    picture = helper.make_tensor_value_info(TRUNK_INPUT, TensorProto.FLOAT, sides)
    shape = ["n", 3] if pooled else ["n", 3, SIZE, SIZE]
    feature = helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)
    return Trunk(g.model("plain", [picture], [feature]).graph, rule, x, 3, spatial=not pooled)


def _expected(pixels, rule):
    x = pixels.astype(np.float64)
    x = x[..., ::-1] if rule.channel_order == "bgr" else x
    return (x - np.array(rule.mean)) * np.array(rule.scale)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("numbers", [(MEAN, SCALE), ((127.0,) * 3, (1.0,) * 3)])
def test_pixels_reach_the_trunk_by_its_rule(layout, order, pooled, numbers):
    rule = InputRule(layout, order, *numbers)
    pixels = random_pictures(3)
    features = _run(build_features(_plain_trunk(rule, pooled), SIZE), pixels)
    fed = np.clip(_expected(pixels, rule), -60, 60)
    np.testing.assert_allclose(
        features[:, :, 0, 0], (1 / (1 + np.exp(-fed))).mean(axis=(1, 2)), atol=1e-5
    )


@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("numbers", [(MEAN, SCALE), ((127.0,) * 3, (1 / 128,) * 3)])
def test_folding_the_rule_into_the_first_convolution_changes_nothing(order, numbers):
    rule = InputRule("nchw", order, *numbers)
    trunk = small_trunk(rule)
    pixels = random_pictures(3)
    fed = _expected(pixels, rule).transpose(0, 3, 1, 2).astype(np.float32)
    model = helper.make_model(
        trunk.graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    (wanted,) = onnxruntime.InferenceSession(serialised(model)).run(None, {TRUNK_INPUT: fed})
    found = _run(build_features(trunk, SIZE), pixels)
    np.testing.assert_allclose(found[:, :, 0, 0], wanted.mean(axis=(2, 3)), rtol=1e-4, atol=1e-5)


def test_vectors_are_the_root_the_pca_and_the_norm_of_the_features():
    trunk = small_trunk()
    pixels = random_pictures(80)
    features = _run(build_features(trunk, SIZE), pixels)[:, :, 0, 0]
    mean, basis = fit_pca(features)
    vectors = _run(build_whole(trunk, SIZE, mean, basis), pixels)
    root = np.sqrt(features.astype(np.float64))
    root /= np.linalg.norm(root, axis=1, keepdims=True)
    wanted = (root - mean) @ basis
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, wanted, atol=1e-4)


def test_negative_features_keep_their_sign():
    features = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
    mean, _ = fit_pca(features - 10)
    assert mean.max() < 0


def test_a_picture_without_features_gives_zeros_and_no_nan():
    trunk = small_trunk()
    basis = np.eye(trunk.dim, dtype=np.float32)
    model = build_whole(trunk, SIZE, np.zeros(trunk.dim, np.float32), basis)
    for constant in model.graph.initializer:
        if constant.name == "cnn/c.weight":
            empty = np.zeros_like(numpy_helper.to_array(constant))
            constant.CopyFrom(numpy_helper.from_array(empty, constant.name))
    assert np.isfinite(_run(model, random_pictures(2))).all()


def test_the_same_trunk_gives_the_same_bytes_and_another_gives_others():
    def made(seed):
        mean, basis = np.zeros(12, np.float32), np.eye(12, dtype=np.float32)
        return serialised(build_whole(small_trunk(seed=seed), SIZE, mean, basis))

    assert made(0) == made(0)
    assert made(0) != made(1)


def test_a_folded_batch_norm_computes_the_same():
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(4, 3, 1, 1)).astype("f4"), rng.normal(size=4).astype("f4")
    gamma, beta, mean = (rng.normal(size=4).astype("f4") for _ in range(3))
    variance = rng.uniform(0.1, 2, 4).astype("f4")
    folded, shift = fold_batch_norm(
        weight, gamma=gamma, beta=beta, mean=mean, variance=variance, epsilon=1e-3, bias=bias
    )
    x = rng.normal(size=3)
    before = weight[:, :, 0, 0] @ x + bias
    wanted = gamma * (before - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(folded[:, :, 0, 0] @ x + shift, wanted, rtol=1e-5)


def test_a_graph_says_nothing_of_the_time_or_the_library_that_wrote_it():
    model = build_features(small_trunk(), SIZE)
    assert (model.producer_name, model.producer_version, model.doc_string) == ("lookstream", "", "")
    assert onnx.__version__.encode() not in serialised(model)
