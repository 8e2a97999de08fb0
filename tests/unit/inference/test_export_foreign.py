"""Other people's ONNX files come out computing what they computed, or are refused in words."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference.errors import ModelError
from inference.export.builder import serialised
from inference.export.feed import PIXELS
from inference.export.foreign import read_trunk
from inference.export.trunk import InputRule
from inference.export.whole import build_features
from tests.support.small_models import random_pictures

SIZE = 16


def _foreign(layout="nchw", opset=9, **changes):
    """A CNN as other tools write it: batch norm left in, old opset, a classifier at the end."""
    rng = np.random.default_rng(0)

    def c(name, *shape, low=None):
        values = rng.normal(size=shape) if low is None else rng.uniform(low, 2, shape)
        return numpy_helper.from_array(values.astype(np.float32), name)

    nodes = []
    if layout == "nhwc":
        nodes.append(helper.make_node("Transpose", ["image:0"], ["x"], perm=[0, 3, 1, 2]))
    start = "x" if layout == "nhwc" else "image:0"
    nodes += [
        helper.make_node("Conv", [start, "w"], ["conv/out"], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("BatchNormalization", ["conv/out", "g", "b", "m", "v"], ["bn/out"]),
        helper.make_node("Relu", ["bn/out"], ["features:0"]),
        helper.make_node("GlobalAveragePool", ["features:0"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc", "fb"], ["logits"]),
    ]
    sides = ["b", SIZE, SIZE, 3] if layout == "nhwc" else ["b", 3, SIZE, SIZE]
    kind = changes.get("kind", TensorProto.FLOAT)
    inputs = [helper.make_tensor_value_info("image:0", kind, changes.get("sides", sides))]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 5])]
    if changes.get("second_output"):
        outputs.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["b", 8]))
    constants = [c("w", 8, 3, 3, 3), c("g", 8), c("b", 8), c("m", 8), c("v", 8, low=0.5)]
    constants += [c("fc", 8, 5), c("fb", 5)]
    graph = helper.make_graph(nodes, "theirs", inputs, outputs, constants)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=4, producer_name="theirs"
    )


def _save(tmp_path, model):
    file = tmp_path / "theirs.onnx"
    onnx.save(model, file)
    return file


def _their_features(model, fed, name):
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    if name not in [o.name for o in copy.graph.output]:
        copy.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(copy.SerializeToString()).run([name], {"image:0": fed})[0]


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("opset", [9, 13, 17])
@pytest.mark.parametrize("feature", ["features:0", "flat", "pool", None])
def test_features_are_those_of_the_file(tmp_path, layout, order, opset, feature):
    model = _foreign(layout, opset)
    rule = InputRule(layout, order, (100.0, 110.0, 120.0), (0.02, 0.01, 0.03))
    trunk = read_trunk(_save(tmp_path, model), rule, size=SIZE, feature=feature)
    pixels = random_pictures(3)
    session = onnxruntime.InferenceSession(serialised(build_features(trunk, SIZE)))
    (found,) = session.run(None, {PIXELS: pixels})
    x = pixels[..., ::-1] if order == "bgr" else pixels
    fed = ((x - np.array(rule.mean)) * np.array(rule.scale)).astype(np.float32)
    fed = fed if layout == "nhwc" else fed.transpose(0, 3, 1, 2)
    wanted = _their_features(model, np.ascontiguousarray(fed), feature or "logits")
    wanted = wanted.mean(axis=(2, 3)) if wanted.ndim == 4 else wanted
    np.testing.assert_allclose(found[:, :, 0, 0], wanted, rtol=1e-3, atol=1e-4)


def test_batch_norms_are_folded_and_the_rest_is_cut_off(tmp_path):
    rule = InputRule("nhwc", "rgb", (0.0,) * 3, (1.0,) * 3)
    trunk = read_trunk(_save(tmp_path, _foreign("nhwc")), rule, size=SIZE, feature="features:0")
    assert [node.op_type for node in trunk.graph.node] == ["Conv", "Relu"]
    assert (trunk.dim, trunk.spatial, trunk.rule.layout) == (8, True, "nchw")


RULE = InputRule("nchw", "rgb", (0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize(
    ("model", "feature", "message"),
    [
        (_foreign(), "nothing", r"no tensor named nothing; its last ones are .*logits"),
        (_foreign(second_output=True), None, r"several outputs \(logits, flat\).*--feature"),
        (_foreign(kind=TensorProto.DOUBLE), None, "not float32"),
        (_foreign("nhwc"), None, "--layout"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(tmp_path, model, feature, message):
    with pytest.raises(ModelError, match=message):
        read_trunk(_save(tmp_path, model), RULE, size=SIZE, feature=feature)


def test_an_operator_outside_onnx_is_refused(tmp_path):
    model = _foreign()
    model.graph.node[2].op_type, model.graph.node[2].domain = "Theirs", "theirs.example"
    model.opset_import.append(helper.make_opsetid("theirs.example", 1))
    with pytest.raises(ModelError, match="operators outside ONNX"):
        read_trunk(_save(tmp_path, model), RULE, size=SIZE, feature="features:0")


@pytest.mark.parametrize("data", [b"", b"not onnx at all", b"\x08\x07" * 1000])
def test_what_is_no_onnx_is_refused(tmp_path, data):
    file = tmp_path / "theirs.onnx"
    file.write_bytes(data)
    with pytest.raises(ModelError, match=r"theirs\.onnx"):
        read_trunk(file, RULE, size=SIZE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no file .*none\.onnx"):
        read_trunk(tmp_path / "none.onnx", RULE, size=SIZE)
