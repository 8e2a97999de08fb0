"""A trunk: a CNN cut off at its feature tensor, and what its input wants to be fed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import onnx

Layout = Literal["nchw", "nhwc"]
ChannelOrder = Literal["rgb", "bgr"]


@dataclass(frozen=True)
class InputRule:
    """How uint8 RGB pixels become the trunk's float32 input: (pixels - mean) * scale.

    `mean` and `scale` hold one number for each channel, in the trunk's channel order.
    """

    layout: Layout
    channel_order: ChannelOrder
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]


@dataclass(frozen=True)
class Trunk:
    """A graph of opset 17 with the input `trunk` and one feature tensor.

    graph     its only input is float32, [n, 3, h, w] or [n, h, w, 3] after `rule.layout`.
    feature   the name of the feature tensor, [n, dim] or [n, dim, h, w] (then it gets pooled).
    spatial   True when the feature tensor still has height and width.
    """

    graph: onnx.GraphProto
    rule: InputRule
    feature: str
    dim: int
    spatial: bool


TRUNK_INPUT = "trunk"
