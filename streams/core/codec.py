r"""A profile as bytes: what lies in the store.

    magic "LP", version u8, floats of the residual u8        little-endian throughout
    counts u16: dim interests repelled recent seen hidden marks
    count u8: likes
    liked u32, events u32, clock_s f64
    short, long f64 [interests]         repelled weights f64 [repelled]      offsets i64 [marks]
    interest vectors i16 [interests, dim], in steps of 2**-14
    repelled codes i8 [repelled, dim]
    recent times u32 [recent], traits u8 [recent]
    seen u32 [seen], hidden u32 [hidden], likes u32 [likes]
    text: model id, sources, the interests' items, recent ids; UTF-8, joined by "\n"
    residual f16 [floats of the residual], to the end

All but the residual is a function of the user's events: see `without_residual`. Version 1 had
neither likes nor a residual; it is read, and becomes version 2 at her next click.

Every profile has exactly one form, so `encode(decode(b)) == b`. When everything is full at the
default rules, 5.8 kB with ids of 12 bytes, 6.1 kB with ids of 20.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streams.core.catalogue import Vectors
from streams.core.interests import Interests
from streams.core.profile import KEY_BYTES, KeyMemory, Profile
from streams.core.recent import RecentItems, valid_traits
from streams.core.repelled import Repelled
from streams.core.vectors import FIXED, STEP, STEPS

VERSION = 2
MAGIC = b"LP"
_HEAD = struct.Struct("<2sBB7HBIId")
_HEAD_1 = struct.Struct("<2sBx7HId")
_MOST_EVENTS = 2**32 - 1
_HALF = np.dtype("<f2")


class ProfileCorrupt(ValueError):
    """These bytes are no profile of this version. The message says what is wrong with them."""


def encode(profile: Profile) -> bytes:
    """`profile` as bytes."""
    interests, repelled, recent = profile.interests, profile.repelled, profile.recent
    n, r, m, marks = len(interests), len(repelled), len(recent), profile.marks
    dim = interests.vectors.shape[1] if n else repelled.codes.shape[1] if r else 0
    head = _HEAD.pack(
        MAGIC,
        VERSION,
        len(profile.residual) // _HALF.itemsize,
        dim,
        n,
        r,
        m,
        len(profile.seen),
        len(profile.hidden),
        len(marks),
        len(profile.likes),
        min(profile.liked, _MOST_EVENTS),
        min(profile.events, _MOST_EVENTS),
        profile.clock_s,
    )
    weights = struct.pack(
        f"<{2 * n + r}d{len(marks)}q",
        *interests.short,
        *interests.long,
        *repelled.weights,
        *marks.values(),
    )
    text = "\n".join([profile.model_id, *marks, *interests.items, *recent.ids])
    return b"".join(
        (
            head,
            weights,
            (interests.vectors * STEPS).astype(FIXED).tobytes(),
            repelled.codes.tobytes(),
            _little_endian(recent.times_s).tobytes(),
            recent.traits,
            profile.seen.data,
            profile.hidden.data,
            profile.likes.data,
            text.encode(),
            profile.residual,
        )
    )


def decode(data: bytes) -> Profile:
    """The profile in `data`. Raises ProfileCorrupt for anything `encode` didn't make."""
    head = _read_head(data)
    dim, n, r, m, seen, hidden, marks = head.counts
    likes, floats = head.likes, data[3]
    weights_at = head.size_bytes
    vectors_at = weights_at + 8 * (2 * n + r + marks)
    codes_at = vectors_at + 2 * n * dim
    times_at = codes_at + r * dim
    traits_at = times_at + 4 * m
    seen_at = traits_at + m
    hidden_at = seen_at + KEY_BYTES * seen
    likes_at = hidden_at + KEY_BYTES * hidden
    text_at = likes_at + KEY_BYTES * likes
    residual_at = len(data) - _HALF.itemsize * floats
    if text_at > residual_at:
        raise ProfileCorrupt(f"a profile of {len(data)} bytes ends before byte {text_at}")
    if (n + r > 0) != (dim > 0):
        raise ProfileCorrupt(f"a profile of {n + r} vectors can't have {dim} components each")

    numbers = struct.unpack_from(f"<{2 * n + r}d{marks}q", data, weights_at)
    weights, offsets = numbers[: 2 * n + r], numbers[2 * n + r :]
    # Written so that a nan is refused too, which min() may overlook but a sum can't.
    if not (
        min(weights, default=0.0) >= 0.0 <= head.clock_s and head.clock_s + sum(weights) < math.inf
    ):
        raise ProfileCorrupt("a weight or the clock of a profile is negative or not finite")
    vectors: Vectors = np.frombuffer(data, FIXED, n * dim, vectors_at) * STEP
    traits = bytearray(data[traits_at:seen_at])
    if not valid_traits(traits):
        raise ProfileCorrupt("a recent item has an unknown kind")
    try:
        text = data[text_at:residual_at].decode().split("\n")
    except UnicodeDecodeError as error:
        raise ProfileCorrupt("the ids in a profile are not UTF-8") from error
    if len(text) != 1 + marks + n + m:
        raise ProfileCorrupt(f"a profile has {len(text)} ids instead of {1 + marks + n + m}")
    sources, items = text[1 : 1 + marks], text[1 + marks : 1 + marks + n]
    applied = dict(zip(sources, offsets, strict=True))
    if len(applied) != marks:
        raise ProfileCorrupt("a profile names a source twice")
    times = array("I", data[times_at:traits_at])
    return Profile(
        model_id=text[0],
        clock_s=head.clock_s,
        events=head.events,
        marks=applied,
        interests=Interests(
            vectors.reshape(n, dim), list(weights[:n]), list(weights[n : 2 * n]), items
        ),
        repelled=Repelled() if r == 0 else _repelled(data[codes_at:times_at], weights[2 * n :]),
        recent=RecentItems(text[1 + marks + n :], _little_endian(times), traits),
        seen=KeyMemory(data[seen_at:hidden_at]),
        hidden=KeyMemory(data[hidden_at:likes_at]),
        likes=KeyMemory(data[likes_at:text_at]),
        liked=head.liked,
        residual=_read_residual(data[residual_at:]),
    )


def without_residual(data: bytes) -> bytes:
    """The stored form of the same profile without its residual: what follows from her events."""
    return data[:3] + b"\0" + data[4 : len(data) - _HALF.itemsize * data[3]]


class _Head(NamedTuple):
    size_bytes: int
    counts: Sequence[int]
    """dim interests repelled recent seen hidden marks"""
    likes: int
    liked: int
    events: int
    clock_s: float


def _read_head(data: bytes) -> _Head:
    if len(data) < _HEAD_1.size:
        raise ProfileCorrupt(f"a profile of {len(data)} bytes is shorter than its head")
    if data[:2] != MAGIC:
        raise ProfileCorrupt("these bytes don't begin like a profile")
    version = data[2]
    if version == 1 and data[3] == 0:
        _, _, *counts, events, clock_s = _HEAD_1.unpack_from(data)
        return _Head(_HEAD_1.size, counts, 0, 0, events, clock_s)
    if version != VERSION:
        raise ProfileCorrupt(f"profile version {version} is not {VERSION}, which this worker reads")
    if len(data) < _HEAD.size:
        raise ProfileCorrupt(f"a profile of {len(data)} bytes is shorter than its head")
    _, _, _, *counts, likes, liked, events, clock_s = _HEAD.unpack_from(data)
    return _Head(_HEAD.size, counts, likes, liked, events, clock_s)


def _read_residual(data: bytes) -> bytes:
    if not np.isfinite(np.frombuffer(data, _HALF)).all():
        raise ProfileCorrupt("the residual of a profile is not finite")
    return data


def _repelled(codes: bytes, weights: tuple[float, ...]) -> Repelled:
    rows = np.frombuffer(codes, np.int8).reshape(len(weights), -1)
    return Repelled(rows.copy(), list(weights))


def _little_endian(times: array[int]) -> array[int]:
    """`times` with its bytes as they are stored: itself, nearly everywhere."""
    if sys.byteorder == "little":
        return times
    swapped = times[:]
    swapped.byteswap()
    return swapped
