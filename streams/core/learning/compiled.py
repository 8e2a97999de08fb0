"""Compiled loops: the decorator, and the few primitives that all of them use.

No fast maths: every result is the same to the bit wherever the same instructions run in the same
order. Compiled code is cached beside the source or, where that is read-only, in the user's cache
folder; where neither can be written it is compiled anew in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

_LOWER_BITS = np.uint32(20)
_BINS = 1 << 12

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """`function`, compiled at its first call for the types it is called with."""
    try:
        return cast(F, numba.njit(cache=True, error_model="numpy")(function))
    except RuntimeError:  # numba found no folder that it can write to
        return cast(F, numba.njit(error_model="numpy")(function))


@compiled
def widened(half: np.uint16) -> np.float32:
    """The value of a non-negative float16, given by its bits."""
    return np.uint32(np.uint32(half) << np.uint32(13)).view(np.float32) * np.float32(2.0**112)


@compiled
def narrowed(value: np.float32, chance: np.uint32) -> np.uint16:
    """The bits of a float16 near `value` (0 to 65,504), rounded up or down by `chance`.

    chance: 32 random bits. The mean over all of them is `value`, so that a sum of small steps keeps
    growing where rounding to the nearest would stop.
    """
    small = np.float32(
        min(max(value, np.float32(0.0)), np.float32(65504.0)) * np.float32(2.0**-112)
    )
    bits = np.uint32(np.float32(small).view(np.uint32) + np.uint32(chance & np.uint32(0x1FFF)))
    return np.uint16(min(bits >> np.uint32(13), np.uint32(0x7BFF)))


@compiled
def bits_set(x: np.uint64) -> int:
    """How many bits of 64 are set, summed side by side (H. Warren, "Hacker's Delight", ch. 5)."""
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56)))


@compiled
def mixed(x: np.uint64) -> np.uint64:
    """A bijective scramble of 64 bits: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    x = np.uint64(x + np.uint64(0x9E3779B97F4A7C15))
    x = np.uint64((x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9))
    x = np.uint64((x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB))
    return np.uint64(x ^ (x >> np.uint64(31)))


@compiled
def find(slots: NDArray[np.int32], keys: NDArray[np.uint32], key: np.uint32) -> int:
    """The row whose key is `key`, or -1. slots: a power of two of them, -1 where empty."""
    mask = np.uint64(slots.size - 1)
    at = mixed(np.uint64(key)) & mask
    while True:
        row: int = slots[at]
        if row < 0 or keys[row] == key:
            return row
        at = (at + np.uint64(1)) & mask


@compiled
def insert(slots: NDArray[np.int32], keys: NDArray[np.uint32], row: int) -> None:
    """Make row `row`, whose key is not in yet, findable."""
    mask = np.uint64(slots.size - 1)
    at = mixed(np.uint64(keys[row])) & mask
    while slots[at] >= 0:
        at = (at + np.uint64(1)) & mask
    slots[at] = row


@compiled
def insert_many(
    slots: NDArray[np.int32], keys: NDArray[np.uint32], size: int, wanted: NDArray[np.uint32]
) -> tuple[NDArray[np.int32], int]:
    """The row of each of `wanted`: the next one, from `size` on, where it has none and there is
    room, -1 where there is not; and how many rows are in use then."""
    rows = np.empty(wanted.size, np.int32)
    for at in range(wanted.size):
        rows[at] = find(slots, keys, wanted[at])
        if rows[at] < 0 and size < keys.size:
            rows[at] = size
            keys[size] = wanted[at]
            insert(slots, keys, size)
            size += 1
    return rows, size


@compiled
def remove(slots: NDArray[np.int32], keys: NDArray[np.uint32], row: int) -> None:
    """Make row `row` unfindable; what was displaced by it moves up (Knuth's algorithm 6.4 R)."""
    mask = np.uint64(slots.size - 1)
    at = mixed(np.uint64(keys[row])) & mask
    while slots[at] != row:
        at = (at + np.uint64(1)) & mask
    hole = at
    while True:
        slots[hole] = -1
        at = hole
        while True:
            at = (at + np.uint64(1)) & mask
            if slots[at] < 0:
                return
            home = mixed(np.uint64(keys[slots[at]])) & mask
            if ((at - home) & mask) >= ((at - hole) & mask):
                break
        slots[hole] = slots[at]
        hole = at


@compiled
def find_many(
    slots: NDArray[np.int32], keys: NDArray[np.uint32], wanted: NDArray[np.uint32]
) -> NDArray[np.int32]:
    """The row of each of `wanted`, -1 where there is none: int32 [n]."""
    rows = np.empty(wanted.size, np.int32)
    for at in range(wanted.size):
        rows[at] = find(slots, keys, wanted[at])
    return rows


@compiled
def highest(values: NDArray[np.float32], n: int) -> NDArray[np.int32]:
    """The places of the `n` highest positive `values`, in no order; the first of equals.

    values: float32, contiguous, none negative. Two passes without a branch: counted by their upper
    bits, which rise as the values do, and taken from the bin on in which the last of them lies. A
    heap takes five times as long: whether a value goes on it can't be foreseen.
    """
    bits = values.view(np.uint32)
    counts = np.zeros(_BINS, np.int32)
    for place in range(values.size):
        counts[bits[place] >> _LOWER_BITS] += 1
    left, last = n, _BINS - 1
    while last > 0 and counts[last] <= left:
        left -= int(counts[last])
        last -= 1
    chosen, edge = np.empty(values.size + 1, np.int32), np.empty(values.size + 1, np.int32)
    m = e = 0
    for place in range(values.size):
        high = np.int64(bits[place] >> _LOWER_BITS)
        chosen[m] = edge[e] = place
        m += int(high > last)
        e += int((high == last) & (bits[place] != 0))
    if left > 0:
        edge = edge[:e]
        ranked = edge[np.argsort(-values[edge], kind="mergesort")][:left]
        chosen[m : m + ranked.size] = ranked
        m += ranked.size
    return chosen[:m]
