"""Other people's ONNX files: read, cut at the feature tensor, brought to opset 17."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper, numpy_helper, version_converter

from inference.errors import ModelError
from inference.export.builder import OPSET, fold_batch_norm
from inference.export.trunk import TRUNK_INPUT, InputRule, Trunk

_TO_NCHW = [0, 3, 1, 2]


def read_trunk(file: Path, rule: InputRule, *, size: int, feature: str | None = None) -> Trunk:
    """Cut the CNN in `file` at `feature` (default: its only output).

    Raises ModelError when the file is no ONNX graph with one float32 picture input that fits
    `rule`, or when it has no such tensor.
    """
    model = _load(file)
    graph = model.graph
    name = _picture_input(graph, rule, size, file)
    feature = feature or _only_output(graph, file)
    _cut(graph, name, feature, file)
    _fix_shapes(graph, rule, size, feature)
    model = _to_opset(model, file)
    graph = model.graph
    fold_batch_norms(graph)
    rule = _skip_transpose(graph, rule)
    shape = _feature_shape(model, feature, file)
    _rename(graph)
    return Trunk(graph, rule, graph.output[0].name, shape[1], spatial=len(shape) == 4)


def _load(file: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(file)
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {file}") from error
    except Exception as error:  # protobuf and onnx raise several unrelated types
        raise ModelError(
            f"{file} cannot be read as ONNX ({type(error).__name__}); export the CNN again, with "
            "its weights in the same file"
        ) from error
    return model


def _picture_input(graph: onnx.GraphProto, rule: InputRule, size: int, file: Path) -> str:
    constants = {c.name for c in graph.initializer}
    inputs = [i for i in graph.input if i.name not in constants]
    if len(inputs) != 1:
        raise ModelError(f"{file} has {len(inputs)} inputs; a CNN for pictures has one")
    if inputs[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise ModelError(f"the input {inputs[0].name} of {file} is not float32")
    found = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
    wanted = _sides(rule, size)
    fits = len(found) == 4 and all(a in (0, b) for a, b in zip(found[1:], wanted, strict=True))
    if found and not fits:  # 0 is a side that the file leaves open
        raise ModelError(
            f"the input of {file} has sides {found[1:]}, the options say {wanted}: see --layout "
            "and --size"
        )
    return str(inputs[0].name)


def _only_output(graph: onnx.GraphProto, file: Path) -> str:
    if len(graph.output) != 1:
        names = ", ".join(o.name for o in graph.output)
        raise ModelError(f"{file} has several outputs ({names}): name one with --feature")
    return str(graph.output[0].name)


def _cut(graph: onnx.GraphProto, source: str, feature: str, file: Path) -> None:
    """Keep what leads from the input to the feature tensor, and rename the input."""
    by_output = {output: node for node in graph.node for output in node.output}
    if feature not in by_output:
        some = ", ".join(list(by_output)[-5:])
        raise ModelError(f"{file} has no tensor named {feature}; its last ones are {some}")
    wanted: set[str] = set()
    todo = [feature]
    while todo:
        tensor = todo.pop()
        if tensor not in wanted:
            wanted.add(tensor)
            todo.extend(by_output[tensor].input if tensor in by_output else [])
    if source not in wanted:
        raise ModelError(f"the tensor {feature} of {file} does not depend on the picture")
    nodes = [node for node in graph.node if wanted.intersection(node.output)]
    for node in nodes:
        for i, tensor in enumerate(node.input):
            node.input[i] = TRUNK_INPUT if tensor == source else tensor
    constants = [c for c in graph.initializer if c.name in wanted]
    for field, kept in (("node", nodes), ("initializer", constants)):
        copies = [type(k).FromString(k.SerializeToString()) for k in kept]
        del getattr(graph, field)[:]
        getattr(graph, field).extend(copies)
    del graph.value_info[:]


def _fix_shapes(graph: onnx.GraphProto, rule: InputRule, size: int, feature: str) -> None:
    sides: list[str | int | None] = ["n", *_sides(rule, size)]
    del graph.input[:]
    del graph.output[:]
    graph.input.append(helper.make_tensor_value_info(TRUNK_INPUT, onnx.TensorProto.FLOAT, sides))
    graph.output.append(helper.make_tensor_value_info(feature, onnx.TensorProto.FLOAT, None))


def _sides(rule: InputRule, size: int) -> list[int]:
    return [3, size, size] if rule.layout == "nchw" else [size, size, 3]


def _to_opset(model: onnx.ModelProto, file: Path) -> onnx.ModelProto:
    found = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if any(node.domain not in ("", "ai.onnx") for node in model.graph.node):
        raise ModelError(f"{file} uses operators outside ONNX; export it without them")
    try:
        return version_converter.convert_version(model, OPSET) if found != OPSET else model
    except Exception as error:  # the converter raises RuntimeError and its own kinds
        raise ModelError(
            f"{file} is of opset {found} and cannot be brought to {OPSET}; export it with "
            f"opset {OPSET}"
        ) from error


def fold_batch_norms(graph: onnx.GraphProto) -> None:
    """Move every BatchNormalization that follows a convolution into it, in place."""
    arrays = {c.name: numpy_helper.to_array(c) for c in graph.initializer}
    uses = [tensor for node in graph.node for tensor in node.input]
    by_output = {node.output[0]: node for node in graph.node}
    for node in [n for n in graph.node if n.op_type == "BatchNormalization"]:
        conv = by_output.get(node.input[0])
        if conv is None or conv.op_type != "Conv" or uses.count(node.input[0]) != 1:
            continue
        if any(name not in arrays for name in [*conv.input[1:], *node.input[1:]]):
            continue
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        gamma, beta, mean, variance = (arrays[name] for name in node.input[1:5])
        weight, bias = fold_batch_norm(
            arrays[conv.input[1]],
            gamma=gamma,
            beta=beta,
            mean=mean,
            variance=variance,
            epsilon=epsilon,
            bias=arrays[conv.input[2]] if len(conv.input) > 2 else None,
        )
        names = [f"{conv.output[0]}.folded_weight", f"{conv.output[0]}.folded_bias"]
        for name, values in zip(names, (weight, bias), strict=True):
            graph.initializer.append(numpy_helper.from_array(values, name))
        del conv.input[1:]
        conv.input.extend(names)
        conv.output[0] = node.output[0]
        graph.node.remove(node)
    _drop_unused_constants(graph)


def _drop_unused_constants(graph: onnx.GraphProto) -> None:
    used = {tensor for node in graph.node for tensor in node.input}
    for constant in [c for c in graph.initializer if c.name not in used]:
        graph.initializer.remove(constant)


def _skip_transpose(graph: onnx.GraphProto, rule: InputRule) -> InputRule:
    """A trunk that begins by turning NHWC into NCHW is fed NCHW instead."""
    readers = [node for node in graph.node if TRUNK_INPUT in node.input]
    first = readers[0]
    perm = next((list(a.ints) for a in first.attribute if a.name == "perm"), None)
    if rule.layout != "nhwc" or len(readers) != 1 or first.op_type != "Transpose":
        return rule
    if perm != _TO_NCHW:
        return rule
    for node in graph.node:
        for i, tensor in enumerate(node.input):
            if tensor == first.output[0]:
                node.input[i] = TRUNK_INPUT
    graph.node.remove(first)
    shape = graph.input[0].type.tensor_type.shape
    sides = [shape.dim[i].dim_value for i in _TO_NCHW[1:]]
    graph.input[0].CopyFrom(
        helper.make_tensor_value_info(TRUNK_INPUT, onnx.TensorProto.FLOAT, ["n", *sides])
    )
    return InputRule("nchw", rule.channel_order, rule.mean, rule.scale)


def _feature_shape(model: onnx.ModelProto, feature: str, file: Path) -> list[int]:
    try:
        known = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(
            f"{file} does not take pictures of this layout and size; see --layout and --size"
        ) from error
    dims = [d.dim_value for d in known.graph.output[0].type.tensor_type.shape.dim]
    channels_last = len(dims) == 4 and dims[1] == dims[2] != dims[3]
    if len(dims) not in (2, 4) or dims[1] <= 0 or channels_last:
        raise ModelError(
            f"the tensor {feature} of {file} has shape {dims}; a feature is [n, channels] or "
            "[n, channels, height, width]: name another with --feature"
        )
    return dims


def _rename(graph: onnx.GraphProto) -> None:
    """Number the tensors and nodes: names that other tools chose are no part of the model."""
    names = {TRUNK_INPUT: TRUNK_INPUT, "": ""}
    for i, constant in enumerate(graph.initializer):
        names[constant.name] = constant.name = f"c{i:04d}"
    for i, node in enumerate(graph.node):
        node.name, node.doc_string = f"{i:04d}_{node.op_type}", ""
        for j, output in enumerate(node.output):
            names[output] = node.output[j] = f"t{i:04d}_{j}" if output else ""
        for j, tensor in enumerate(node.input):
            node.input[j] = names[tensor]
    graph.output[0].name = names[graph.output[0].name]
    graph.doc_string = ""
    del graph.value_info[:]
