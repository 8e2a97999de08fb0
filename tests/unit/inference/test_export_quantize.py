from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from inference.errors import ModelError
from inference.export.builder import serialised
from inference.export.feed import PIXELS
from inference.export.fitting import fit
from inference.export.quantize import quantize, tensors_to_measure
from inference.export.trunk import InputRule
from inference.export.whole import build_whole
from tests.support.small_models import RULE, SIZE, random_pictures, small_trunk

GREY = InputRule("nchw", "rgb", (127.0,) * 3, (1 / 128,) * 3)


def _pair(rule, seed=0):
    trunk = small_trunk(rule, seed=seed)
    pictures = random_pictures(64)
    fitted = fit(trunk, SIZE, pictures, pictures, threads=1)
    whole = build_whole(trunk, SIZE, fitted.mean, fitted.basis)
    return whole, fitted.ranges


@pytest.fixture(scope="module", params=[RULE, GREY], ids=["means", "grey"])
def pair(request):
    return _pair(request.param)


def _run(model, pixels):
    return onnxruntime.InferenceSession(serialised(model)).run(None, {PIXELS: pixels})[0]


def test_int8_vectors_stay_near_the_float_ones(pair):
    whole, ranges = pair
    pixels = random_pictures(20, seed=9)
    cosines = np.einsum("nd,nd->n", _run(whole, pixels), _run(quantize(whole, ranges), pixels))
    assert cosines.min() > 0.97


def test_every_convolution_of_the_cnn_runs_in_int8(pair, tmp_path):
    whole, ranges = pair
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(serialised(quantize(whole, ranges)), options)
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3
    assert kinds.count("QLinearAdd") == 1
    # One for the pixels unless they are used as they are; one back to float before the pooling.
    assert kinds.count("QuantizeLinear") + kinds.count("DequantizeLinear") <= 2


def test_weights_are_symmetric_and_no_pair_can_saturate_16_bits(pair):
    whole, ranges = pair
    model = quantize(whole, ranges)
    levels = [
        numpy_helper.to_array(c).astype(int)
        for c in model.graph.initializer
        if c.name.endswith("_w_q")
    ]
    assert len(levels) == 3
    for weight in levels:
        assert np.abs(weight).max() > 63
        for order in ((0, 1, 2, 3), (0, 2, 3, 1)):
            row = weight.transpose(order).reshape(len(weight), -1)
            assert 255 * np.abs(row[:, :-1] + row[:, 1:]).max() < 2**15


def test_the_range_of_an_activation_always_holds_zero(pair):
    whole, ranges = pair
    shifted = {name: (0.5, 0.5 + high) for name, (_low, high) in ranges.items()}
    model = quantize(whole, shifted)
    for constant in model.graph.initializer:
        if constant.name.endswith("_zero"):
            assert numpy_helper.to_array(constant).max() == 0


def test_writing_twice_gives_the_same_bytes(pair):
    whole, ranges = pair
    assert serialised(quantize(whole, ranges)) == serialised(quantize(whole, ranges))


def test_a_missing_range_is_refused(pair):
    whole, ranges = pair
    name = tensors_to_measure(whole)[0]
    with pytest.raises(ModelError, match="lacks 1 tensors"):
        quantize(whole, {n: r for n, r in ranges.items() if n != name})


def test_a_dead_channel_with_a_bias_does_not_overflow():
    whole, ranges = _pair(RULE, seed=3)
    for constant in whole.graph.initializer:
        if constant.name in ("cnn/b.weight", "cnn/b.bias"):
            values = numpy_helper.to_array(constant).copy()
            values[0] = 0 if constant.name.endswith("weight") else 5
            constant.CopyFrom(numpy_helper.from_array(values, constant.name))
    model = quantize(whole, ranges)
    constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
    count, unit = (
        constants["cnn/b.bias_b_q" if "cnn/b.bias_b_q" in constants else "cnn/b.weight_b_q"],
        None,
    )
    unit = constants["cnn/b.weight_b_scale"]
    assert count[0] * float(unit[0]) == pytest.approx(5, rel=1e-3)
