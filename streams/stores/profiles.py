"""What a store of profiles can do, whichever it is.

A profile is the core's bytes; the store never looks inside. Beside each lies a *version*: eight
opaque bytes, chosen at random by whoever writes. A write names the version it was computed from and
is applied only while that version still stands (compare-and-set, one user at a time).

Why random and not a counter: a counter starts again when a profile expires or the store loses its
data, and a worker that slept through it could then overwrite a stranger's past (the ABA problem).

Why the writer chooses it: a reply can get lost after the store has applied the write. The same
`Write` sent again finds its own version in the store, and is answered True without being applied
twice. Computed again, or by somebody else, it has another version, and is answered False: load the
profile again, its mark says which events it holds already.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

VERSION_BYTES = 8
ABSENT = bytes(VERSION_BYTES)
"""The version of a profile that is not there; `expected` of a user's first write."""


def new_version() -> bytes:
    """Eight random bytes: two writes share them once in 2**64."""
    return os.urandom(VERSION_BYTES)


@dataclass(slots=True)
class Stored:
    """One user's profile as it lies in the store; `value` is None if there is none."""

    version: bytes
    value: bytes | None


@dataclass(slots=True)
class Write:
    """One user's new profile, and what it adds to the items' popularity.

    expected    the version that `load` gave.
    value       the core's bytes.
    increments  (item id, log2 of a forward-decayed weight); counted only if the write is applied.
    version     of this write. Keep the object for a retry: it makes the retry recognisable.
    """

    user_id: str
    expected: bytes
    value: bytes
    increments: Sequence[tuple[str, float]] = ()
    version: bytes = field(default_factory=new_version)


class Mark(NamedTuple):
    """How far the events of one source are part of the store. See `ProfileStore.save`.

    source  "topic-partition".
    known   the mark that the store is known to hold, -1 for none: a lower one means that it has
            lost what it held.
    new     the offset that is done once the whole call is.
    """

    source: str
    known: int
    new: int


NO_MARK = -1


class ProfileStore(Protocol):
    """Profiles by user, and the decayed popularity of items.

    Every method raises `DependencyDown("redis", …)` while the store can't be reached or can't
    serve: the same call may succeed later, and repeating it does no harm. Anything else raised is
    a bug.
    """

    async def start(self) -> None:
        """Check that the store can be used as it is set up. Raises StartRefused if it can't."""

    async def load(self, user_ids: Sequence[str]) -> list[Stored]:
        """The users' profiles, in the order asked for, in one round trip."""

    async def save(self, writes: Sequence[Write], marks: Sequence[Mark] = ()) -> list[bool]:
        """Apply each write whose `expected` still stands, in order, in one round trip.

        True: the store now holds this write, with its increments counted once. False: somebody
        else wrote this user's profile since it was loaded, and nothing of the write was applied.

        Raises StoreBehind, having applied nothing, if a source's stored mark is below `known`.
        Where every write was applied, and only then, the sources' marks become `new` (never lower
        than they are): so a mark never runs ahead of the profiles, and the log can be applied
        again from it.
        """

    async def marks(self) -> dict[str, int]:
        """Source -> its mark, of every source that has one."""

    async def popular(self, n: int) -> list[tuple[str, float]]:
        """The `n` items with the largest decayed popularity, as (item id, log2 weight), best first.

        The weight is forward-decayed: it compares items with each other, and at time `now_s` an
        item's decayed count is `2 ** (log2 weight - now_s / half_life_s)`.
        """

    async def ping(self) -> None:
        """Return if the store answers."""

    async def close(self) -> None:
        """Give the connections back. The store can't be used afterwards."""


def add_log2(a: float, b: float) -> float:
    """log2(2**a + 2**b), without ever forming the powers: nothing overflows.

    Forward decay (Cormode, Shkapenyuk, Srivastava, Xu: "Forward Decay: A Practical Time Decay Model
    for Streaming Systems", ICDE 2009): an event of weight w at time t counts as w * 2**(t /
    half-life) for ever, so that nothing stored has to be touched as time passes. The price is
    numbers that grow without bound, and keeping their logarithm pays it.

    >>> add_log2(3.0, 3.0)
    4.0
    """
    high, low = (a, b) if a >= b else (b, a)
    return high + math.log2(1.0 + 2.0 ** (low - high))
