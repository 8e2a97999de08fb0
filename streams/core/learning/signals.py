r"""What is published of one item: its neighbours, counts and factors.

    magic "LS", version u8, e u8        little-endian throughout
    key u32, likes f32, year f32, year_at f32, hot f32, hot_at f64
    session_total f32, session_at f32, walk_total f32, sizes u16 u16
    inward f16 [FACTORS], outward f16 [FACTORS]
    session neighbours u32 [n], their weights f16 [n]
    walk neighbours u32 [m], their weights f16 [m]

A stored walk weight of 1 stands for 2**e. At most 2,000 bytes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.crowd import Crowd
from streams.core.learning.rules import FACTORS, SESSION_NEIGHBOURS, WALK_NEIGHBOURS

VERSION = 1
MAGIC = b"LS"
_HEAD = struct.Struct("<2sBBIffffdfffHH")
_KEYS = np.dtype("<u4")
_BITS = np.dtype("<u2")
_HALF = np.dtype("<f2")
_LARGEST_BITS = 0x7BFF
_MOST_FACTOR = 1_000.0
_MOST_EXPONENT = 64


class SignalsCorrupt(ValueError):
    """These bytes are no signals of this version. The message says what is wrong with them."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemSignals:
    """One item as the learner published it. Weights are the bits of float16s that are not negative.

    The times of the decays are in half-lives: see `crowd.Crowd`.
    """

    key: int
    likes: float
    year: float
    year_at: float
    hot: float
    hot_at: float
    session_total: float
    session_at: float
    walk_total: float
    walk_exponent: int
    inward: NDArray[np.float32]
    outward: NDArray[np.float32]
    session_keys: NDArray[np.uint32]
    session_weights: NDArray[np.uint16]
    walk_keys: NDArray[np.uint32]
    walk_weights: NDArray[np.uint16]

    def encode(self) -> bytes:
        """These signals as bytes."""
        head = _HEAD.pack(
            MAGIC,
            VERSION,
            self.walk_exponent,
            self.key,
            self.likes,
            self.year,
            self.year_at,
            self.hot,
            self.hot_at,
            self.session_total,
            self.session_at,
            self.walk_total,
            len(self.session_keys),
            len(self.walk_keys),
        )
        return b"".join(
            (
                head,
                self.inward.astype(_HALF).tobytes(),
                self.outward.astype(_HALF).tobytes(),
                self.session_keys.astype(_KEYS).tobytes(),
                self.session_weights.astype(_BITS).tobytes(),
                self.walk_keys.astype(_KEYS).tobytes(),
                self.walk_weights.astype(_BITS).tobytes(),
            )
        )


def signals_of(crowd: Crowd, row: int) -> ItemSignals:
    """What is published of the item in `row`."""
    c = crowd
    n, m = int(c.session_sizes[row]), int(c.walk_sizes[row])
    half = np.float16
    return ItemSignals(
        key=int(c.keys[row]),
        likes=float(c.likes[row]),
        year=float(c.year[row]),
        year_at=float(c.year_at[row]),
        hot=float(c.hot[row]),
        hot_at=float(c.hot_at[row]),
        session_total=float(c.session_totals[row]),
        session_at=float(c.session_at[row]),
        walk_total=float(c.walk_totals[row]),
        walk_exponent=int(np.log2(c.walk_scales[row])),
        inward=c.inward[row].astype(half).astype(np.float32),
        outward=c.outward[row].astype(half).astype(np.float32),
        session_keys=c.session_keys[row, :n].copy(),
        session_weights=c.session_weights[row, :n].copy(),
        walk_keys=c.walk_keys[row, :m].copy(),
        walk_weights=c.walk_weights[row, :m].copy(),
    )


def decode_signals(data: bytes) -> ItemSignals:
    """The signals in `data`. Raises SignalsCorrupt for anything `encode` didn't make."""
    if len(data) < _HEAD.size:
        raise SignalsCorrupt(f"signals of {len(data)} bytes are shorter than their head")
    magic, version, exponent, key, *numbers, sessions, walks = _HEAD.unpack_from(data)
    if magic != MAGIC or exponent > _MOST_EXPONENT:
        raise SignalsCorrupt("these bytes don't begin like signals")
    if version != VERSION:
        raise SignalsCorrupt(f"signals version {version} is not {VERSION}, which is read here")
    if sessions > SESSION_NEIGHBOURS or walks > WALK_NEIGHBOURS:
        raise SignalsCorrupt(f"signals name {sessions} and {walks} neighbours")
    size = _HEAD.size + 2 * _HALF.itemsize * FACTORS + 6 * (sessions + walks)
    if len(data) != size:
        raise SignalsCorrupt(f"signals of {len(data)} bytes should have {size}")
    if not all(math.isfinite(number) and number >= 0.0 for number in numbers):
        raise SignalsCorrupt("a count or a time is negative or no number")
    factors = np.frombuffer(data, _HALF, 2 * FACTORS, _HEAD.size).astype(np.float32)
    if not (np.abs(factors) <= _MOST_FACTOR).all():  # also refuses nan
        raise SignalsCorrupt("a factor is too large, or no number")
    at = _HEAD.size + 2 * _HALF.itemsize * FACTORS
    columns: list[NDArray[np.uint32]] = []
    weights: list[NDArray[np.uint16]] = []
    for n in (sessions, walks):
        columns.append(np.frombuffer(data, _KEYS, n, at).astype(np.uint32))
        weights.append(np.frombuffer(data, _BITS, n, at + 4 * n).astype(np.uint16))
        at += 6 * n
        if n and weights[-1].max() > _LARGEST_BITS:
            raise SignalsCorrupt("a weight is negative, infinite or no number")
    likes, year, year_at, hot, hot_at, session_total, session_at, walk_total = numbers
    return ItemSignals(
        key=key,
        likes=likes,
        year=year,
        year_at=year_at,
        hot=hot,
        hot_at=hot_at,
        session_total=session_total,
        session_at=session_at,
        walk_total=walk_total,
        walk_exponent=exponent,
        inward=factors[:FACTORS],
        outward=factors[FACTORS:],
        session_keys=columns[0],
        session_weights=weights[0],
        walk_keys=columns[1],
        walk_weights=weights[1],
    )
