"""Writes ONNX graphs node by node, so that the same weights always give the same bytes.

Nothing here depends on the clock, on a library's version string or on the order of a set: tensors
are named by the caller or numbered in the order in which they are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from inference.errors import ModelError

OPSET = 17
_IR_VERSION = 8  # the one that belongs to opset 17, read by every ONNX Runtime since 1.14
_PRODUCER = "lookstream"


class GraphBuilder:
    """Collects nodes and constants of one graph; `model` closes it."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Store an array in the graph. Returns its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Add a node with one output. Returns the output's name."""
        number = f"{len(self.nodes):04d}_{op}"
        output = output or f"t{number}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=number, **attributes))
        return output

    def conv(
        self,
        x: str,
        name: str,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        *,
        stride: int = 1,
        padding: int | Sequence[int] = 0,
        groups: int = 1,
    ) -> str:
        """A convolution, NCHW. `weight` is [out, in / groups, kh, kw], `bias` [out].

        `padding` is one number for all sides, or (top, left, bottom, right).
        """
        pads = [padding] * 4 if isinstance(padding, int) else list(padding)
        inputs = [
            x,
            self.constant(f"{name}.weight", weight.astype(np.float32)),
            self.constant(f"{name}.bias", bias.astype(np.float32)),
        ]
        return self.node(
            "Conv",
            inputs,
            kernel_shape=list(weight.shape[2:]),
            strides=[stride, stride],
            pads=pads,
            group=groups,
        )

    def relu(self, x: str) -> str:
        """max(x, 0)."""
        return self.node("Relu", [x])

    def relu6(self, x: str) -> str:
        """min(max(x, 0), 6)."""
        names = {c.name for c in self.constants}
        for name, value in (("zero", 0.0), ("six", 6.0)):
            if name not in names:
                self.constant(name, np.array(value, np.float32))
        return self.node("Clip", [x, "zero", "six"])

    def model(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnx.ModelProto:
        """Close the graph. Raises ModelError when ONNX's own checker finds it wrong."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        return finish(graph)


def finish(graph: onnx.GraphProto) -> onnx.ModelProto:
    """Wrap a graph of opset 17 into a model, and check it."""
    model = helper.make_model(
        graph,
        producer_name=_PRODUCER,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"the exported graph {graph.name} is not valid ONNX: {error}") from error
    return model


def fold_batch_norm(
    weight: NDArray[np.float32],
    *,
    gamma: NDArray[np.float32],
    beta: NDArray[np.float32],
    mean: NDArray[np.float32],
    variance: NDArray[np.float32],
    epsilon: float,
    bias: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Move a batch normalisation into the convolution before it (Ioffe and Szegedy 2015, 3.1).

    y = gamma * (conv(x) - mean) / sqrt(variance + epsilon) + beta. Computed in float64, element
    by element (add, multiply, divide and sqrt are exactly rounded everywhere), so every machine
    gets the same bits. Returns (weight, bias), float32.
    """
    gain = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    before = np.zeros(len(mean)) if bias is None else bias.astype(np.float64)
    folded = weight.astype(np.float64) * gain[:, None, None, None]
    return (
        folded.astype(np.float32),
        (beta.astype(np.float64) + (before - mean.astype(np.float64)) * gain).astype(np.float32),
    )


def serialised(model: onnx.ModelProto) -> bytes:
    """The bytes of a model, the same for the same graph."""
    return bytes(model.SerializeToString(deterministic=True))
