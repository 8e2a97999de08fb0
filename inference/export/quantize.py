"""Writes the int8 graph: quantise-dequantise pairs (QDQ) around the convolutions.

Scheme of Jacob et al. 2018 (arXiv 1712.05877) as ONNX Runtime executes it: activations uint8, one
range a tensor; weights int8, symmetric, one scale an output channel; biases int32. The ranges were
measured once and are read from a file, so writing the graph is arithmetic element by element and
gives the same bytes on every machine.

Processors without VNNI add the products of two neighbouring weights in 16 bits and saturate
silently. So each channel's scale is chosen so that no pair can (see `_limits`): most channels keep
all but a fraction of their 8 bits, and the vectors are the same on every processor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from inference.errors import ModelError
from inference.export.builder import finish
from inference.export.trunk import TRUNK_INPUT
from inference.export.whole import TRUNK_END

Ranges = Mapping[str, tuple[float, float]]

_WEIGHT_LIMIT = 127
_BIAS_LIMIT = 2**31 - 1
_BIASED = frozenset({"Conv"})
_PLAIN = frozenset({"Add", "MaxPool"})
_CLAMPS = frozenset({"Relu", "Clip"})


def tensors_to_measure(model: onnx.ModelProto) -> list[str]:
    """The activations whose ranges `quantize` needs, in the order of the graph."""
    return list(_Plan(model.graph).quantized)


def quantize(model: onnx.ModelProto, ranges: Ranges) -> onnx.ModelProto:
    """The int8 graph of a float graph made by whole.build_whole, opset 17.

    `ranges` gives (least, greatest) of every tensor in `tensors_to_measure(model)`.
    Raises ModelError when one is missing.
    """
    plan = _Plan(model.graph)
    missing = [name for name in plan.quantized if name not in ranges]
    if missing:
        raise ModelError(
            f"the file of int8 ranges lacks {len(missing)} tensors, {missing[0]} first: it belongs "
            "to another graph; fit it again (python -m inference.export.fit)"
        )
    return _Writer(model, plan, ranges).write()


class _Plan:
    """Which nodes get quantised, and which tensors stand between them."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.constants = {c.name: c for c in graph.initializer}
        self.readers = Counter(tensor for node in graph.node for tensor in node.input)
        self.trunk: list[onnx.NodeProto] = []
        for node in graph.node:
            self.trunk.append(node)
            if TRUNK_END in node.output:
                break
        by_input = {t: n for n in self.trunk for t in n.input if self.readers[t] == 1}
        # Pixels that the graph itself dequantises, by 1.0, need no pair of their own.
        fed = {n.output[0] for n in graph.node if n.op_type == "DequantizeLinear"}
        self.ready = TRUNK_INPUT if TRUNK_INPUT in fed else None
        self.quantized: dict[str, None] = {}
        self.dropped: dict[str, str] = {}  # a clamp's output -> the tensor that takes its place
        for node in self.trunk:
            if not self.suits(node):
                continue
            for tensor in self.activations(node):
                if tensor != self.ready:
                    self.quantized[tensor] = None
            clamp = by_input.get(node.output[0])
            if clamp is not None and clamp.op_type in _CLAMPS:
                self.dropped[clamp.output[0]] = node.output[0]
                self.quantized[clamp.output[0]] = None
            else:
                self.quantized[node.output[0]] = None

    def suits(self, node: onnx.NodeProto) -> bool:
        """True when the node has an int8 kernel and its weights are constants."""
        if node.op_type in _BIASED:
            return all(tensor in self.constants for tensor in node.input[1:])
        return node.op_type in _PLAIN and not any(t in self.constants for t in node.input)

    def activations(self, node: onnx.NodeProto) -> list[str]:
        """The node's inputs that depend on the picture."""
        return [tensor for tensor in node.input if tensor not in self.constants]


class _Writer:
    def __init__(self, model: onnx.ModelProto, plan: _Plan, ranges: Ranges) -> None:
        self._model, self._plan, self._ranges = model, plan, ranges
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._scales = {TRUNK_INPUT: 1.0}

    def write(self) -> onnx.ModelProto:
        graph, plan = self._model.graph, self._plan
        weighted = {id(node) for node in plan.trunk if plan.suits(node) and node.op_type == "Conv"}
        for name in plan.quantized:
            self._prepare(name)
        for name in (i.name for i in graph.input):
            if name in plan.quantized:
                self._pair(name, name)
        for node in graph.node:
            copy = onnx.NodeProto.FromString(node.SerializeToString())
            if copy.op_type in _CLAMPS and copy.output[0] in plan.dropped:
                # uint8 can't leave its range, so quantising does what the clamp did.
                self._pair(plan.dropped[copy.output[0]], copy.output[0])
                continue
            for i, tensor in enumerate(copy.input):
                copy.input[i] = f"{tensor}_dq" if tensor in plan.quantized else tensor
            if id(node) in weighted:
                self._weights(copy, node.input[0])
            self._nodes.append(copy)
            for output in copy.output:
                if output in plan.quantized:
                    self._pair(output, output)
        used = {tensor for node in self._nodes for tensor in node.input}
        kept = [c for c in graph.initializer if c.name in used]
        constants = [*kept, *self._constants.values()]
        return finish(
            helper.make_graph(self._nodes, graph.name, graph.input, graph.output, constants)
        )

    def _store(self, name: str, values: NDArray[np.generic]) -> str:
        self._constants[name] = numpy_helper.from_array(np.asarray(values, order="C"), name)
        return name

    def _prepare(self, name: str) -> None:
        """Scale and zero point of one activation. The range always holds 0 (padding is 0)."""
        least, greatest = self._ranges[name]
        least, greatest = min(least, 0.0), max(greatest, 0.0)
        scale = max((greatest - least) / 255, 1e-8)
        self._scales[name] = float(np.float32(scale))
        zero = int(np.clip(np.rint(-least / scale), 0, 255))
        self._store(f"{name}_scale", np.array(scale, np.float32))
        self._store(f"{name}_zero", np.array(zero, np.uint8))

    def _pair(self, source: str, name: str) -> None:
        rule = [f"{name}_scale", f"{name}_zero"]
        self._add("QuantizeLinear", [source, *rule], f"{name}_q")
        self._add("DequantizeLinear", [f"{name}_q", *rule], f"{name}_dq")

    def _weights(self, node: onnx.NodeProto, activation: str) -> None:
        """Replace a convolution's float weights by int8 ones, its bias by an int32 one."""
        name = node.input[1]
        weight = numpy_helper.to_array(self._plan.constants[name]).astype(np.float64)
        bias = np.zeros(len(weight))
        if len(node.input) > 2 and node.input[2]:
            bias = numpy_helper.to_array(self._plan.constants[node.input[2]]).astype(np.float64)
        x_scale = self._scales[activation]
        scale = np.abs(weight).reshape(len(weight), -1).max(axis=1) / _limits(weight)
        # A channel that is nearly dead has so small a scale that its bias would overflow.
        scale = np.maximum(scale, np.abs(bias) / (x_scale * _BIAS_LIMIT) * 1.0001)
        scale = np.maximum(scale, 1e-12).astype(np.float32)
        wide = scale.astype(np.float64)
        # ONNX Runtime multiplies the two scales in float32, so the bias is counted in that unit.
        unit = (scale * np.float32(x_scale)).astype(np.float32)
        levels = np.rint(weight / wide[:, None, None, None])
        levels = np.clip(levels, -_WEIGHT_LIMIT, _WEIGHT_LIMIT).astype(np.int8)
        counts = np.rint(bias / unit.astype(np.float64))
        counts = np.clip(counts, -_BIAS_LIMIT, _BIAS_LIMIT).astype(np.int32)
        del node.input[1:]
        node.input.append(self._constant_pair(f"{name}_w", levels, scale))
        node.input.append(self._constant_pair(f"{name}_b", counts, unit))

    def _constant_pair(
        self, name: str, levels: NDArray[np.generic], scale: NDArray[np.float32]
    ) -> str:
        inputs = [
            self._store(f"{name}_q", levels),
            self._store(f"{name}_scale", scale),
            self._store(f"{name}_zero", np.zeros(len(scale), levels.dtype)),
        ]
        return self._add("DequantizeLinear", inputs, f"{name}_dq", axis=0)

    def _add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        name = f"{output}_{op}"
        self._nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output


def _limits(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The greatest level that each channel of a weight [out, in, kh, kw] may use, 63.5 to 127.

    vpmaddubsw adds two products u8 * s8 and saturates at 2**15 - 1, which 255 * (a + b) reaches
    when a + b > 128. Neighbours are those along the inputs of one tap and along the taps of one
    input, because runtimes lay weights out in both ways. Rounding may add 0.5 to each of a pair,
    hence 127. Depthwise kernels multiply in 32 bits.
    """
    if weight.shape[1] == 1:
        return np.full(len(weight), float(_WEIGHT_LIMIT))
    greatest = np.maximum(np.abs(weight).reshape(len(weight), -1).max(axis=1), 1e-30)
    worst = greatest.copy()
    for order in ((0, 1, 2, 3), (0, 2, 3, 1)):
        row = weight.transpose(order).reshape(len(weight), -1)
        worst = np.maximum(worst, np.abs(row[:, :-1] + row[:, 1:]).max(axis=1, initial=0.0))
    limits: NDArray[np.float64] = _WEIGHT_LIMIT * greatest / worst
    return limits
