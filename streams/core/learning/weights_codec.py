r"""The ranker's weights as bytes.

magic "LR", version u8, features u8        little-endian throughout
events u64, likes u64
weights f64 [features], means f64 [features], deviations f64 [features]
"""

from __future__ import annotations

import struct

import numpy as np

from streams.core.learning.features import FEATURES
from streams.core.learning.ranker import CONTEXTS, MOST_WEIGHT, RankerWeights

VERSION = 1
MAGIC = b"LR"
_HEAD = struct.Struct("<2sBBQQ")
_WIDE = np.dtype("<f8")
_MOST = 1e6
_LEAST_DEVIATION = 1e-6


class WeightsCorrupt(ValueError):
    """These bytes are no weights of this version. The message says what is wrong with them."""


def encode_weights(ranker: RankerWeights) -> bytes:
    """`ranker` as bytes."""
    head = _HEAD.pack(MAGIC, VERSION, len(FEATURES), ranker.events, ranker.likes)
    columns = (ranker.weights, ranker.means, ranker.deviations)
    return head + b"".join(column.astype(_WIDE).tobytes() for column in columns)


def decode_weights(data: bytes) -> RankerWeights:
    """The weights in `data`. Raises WeightsCorrupt for anything `encode_weights` didn't make."""
    n = len(FEATURES)
    if len(data) != _HEAD.size + (CONTEXTS + 2) * n * _WIDE.itemsize:
        raise WeightsCorrupt(f"ranker weights of {len(data)} bytes have another length")
    magic, version, features, events, likes = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise WeightsCorrupt("these bytes don't begin like ranker weights")
    if version != VERSION or features != n:
        raise WeightsCorrupt(
            f"ranker weights of version {version} and {features} features; "
            f"read here are version {VERSION} and {n}"
        )
    numbers = np.frombuffer(data, _WIDE, offset=_HEAD.size).astype(np.float64).reshape(-1, n)
    weights, means, deviations = numbers[:CONTEXTS], numbers[CONTEXTS], numbers[CONTEXTS + 1]
    # Written so that nan is refused too.
    if not (np.abs(weights) <= MOST_WEIGHT).all():
        raise WeightsCorrupt(f"a weight is beyond {MOST_WEIGHT:g}, or no number")
    if not ((np.abs(means) <= _MOST).all() and (deviations >= _LEAST_DEVIATION).all()):
        raise WeightsCorrupt("what a feature is standardised by can't be used")
    if not (deviations <= _MOST).all():
        raise WeightsCorrupt("what a feature is standardised by can't be used")
    return RankerWeights(weights, means, deviations, events, likes)
