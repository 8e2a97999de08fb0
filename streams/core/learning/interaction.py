r"""What is learned from: one applied click, with what she had done before it.

    magic "LI", version u8, flags u8 (1 liked, 2 first)        little-endian throughout
    partition u32, offset u64: of the click that caused it
    item u32, at_s f64, since_s f32, liked_before u32, touched_before u32, sizes u8 u8 u16
    lately u32 [n], likes u32 [m], barred u32 [b], residual f16 [FACTORS]

Two kilobytes with all lists full. Items are given by `core.profile.item_key`.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.rules import BARRED, FACTORS, LATELY, LIKES

VERSION = 1
MAGIC = b"LI"
_HEAD = struct.Struct("<2sBBIQIdfIIBBH")
_KEYS = np.dtype("<u4")
_HALF = np.dtype("<f2")
_LIKED, _FIRST = 1, 2


class InteractionCorrupt(ValueError):
    """These bytes are no interaction of this version. The message says what is wrong with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Interaction:
    """A click as the learner needs it."""

    partition: int
    """Of the click's record; 0 to 2**32 - 1."""
    offset: int
    item: int
    """The key of the clicked item."""
    at_s: float
    """Event time, seconds since the epoch, 0 or more."""
    liked: bool
    """Whether it is the first of hers that says, by its kind, that she likes the item."""
    first: bool
    """Whether it is her first with this item. Neither teaches nothing: a user counts once."""
    since_s: float
    """Seconds since her click before, 0 or more; infinite for her first click."""
    liked_before: int
    """How many items she had liked before."""
    touched_before: int
    """How many different items she had done anything with before, as far as is remembered."""
    lately: NDArray[np.uint32]
    """Keys of what she did before, latest first, each once: at most `LATELY`."""
    likes: NDArray[np.uint32]
    """Keys of what she liked before, latest first, each once: at most `LIKES`."""
    barred: NDArray[np.uint32]
    """Keys of what was not to be listed for her, in any order, each once: at most `BARRED`. The
    ranker learns from choices among what could have been listed. Empty where she liked nothing."""
    residual: NDArray[np.float32]
    """float32 [FACTORS]: her residual from before this click."""

    def encode(self) -> bytes:
        """This interaction as bytes."""
        head = _HEAD.pack(
            MAGIC,
            VERSION,
            _LIKED * self.liked | _FIRST * self.first,
            self.partition,
            self.offset,
            self.item,
            self.at_s,
            self.since_s,
            min(self.liked_before, 2**32 - 1),
            min(self.touched_before, 2**32 - 1),
            len(self.lately),
            len(self.likes),
            len(self.barred),
        )
        lists = np.concatenate((self.lately, self.likes, self.barred)).astype(_KEYS).tobytes()
        return head + lists + self.residual.astype(_HALF).tobytes()


def decode_interaction(data: bytes) -> Interaction:
    """The interaction in `data`. Raises InteractionCorrupt for anything `encode` didn't make."""
    if len(data) < _HEAD.size:
        raise InteractionCorrupt(f"an interaction of {len(data)} bytes is shorter than its head")
    magic, version, flags, partition, offset, item, *others = _HEAD.unpack_from(data)
    at_s, since_s, liked, touched, lately, likes, barred = others
    if magic != MAGIC or flags > _LIKED | _FIRST:
        raise InteractionCorrupt("these bytes don't begin like an interaction")
    if version != VERSION:
        raise InteractionCorrupt(f"interaction version {version} is not {VERSION}")
    if lately > LATELY or likes > LIKES or barred > BARRED:
        raise InteractionCorrupt(
            f"an interaction names {lately}, {likes} and {barred} items before it"
        )
    likes_at = _HEAD.size + _KEYS.itemsize * lately
    barred_at = likes_at + _KEYS.itemsize * likes
    residual_at = barred_at + _KEYS.itemsize * barred
    if len(data) != residual_at + _HALF.itemsize * FACTORS:
        raise InteractionCorrupt(f"an interaction of {len(data)} bytes has another length")
    residual = np.frombuffer(data, _HALF, FACTORS, residual_at).astype(np.float32)
    times_hold = math.isfinite(at_s) and at_s >= 0.0 and since_s >= 0.0  # nan is not
    if not (times_hold and np.isfinite(residual).all()):
        raise InteractionCorrupt("the time or the residual of an interaction is no number")
    return Interaction(
        partition=partition,
        offset=offset,
        item=item,
        at_s=at_s,
        liked=bool(flags & _LIKED),
        first=bool(flags & _FIRST),
        since_s=since_s,
        liked_before=liked,
        touched_before=touched,
        lately=np.frombuffer(data, _KEYS, lately, _HEAD.size).astype(np.uint32),
        likes=np.frombuffer(data, _KEYS, likes, likes_at).astype(np.uint32),
        barred=np.frombuffer(data, _KEYS, barred, barred_at).astype(np.uint32),
        residual=residual,
    )
