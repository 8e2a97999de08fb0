"""What is known of one user, and the memories of bounded size it is made of."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.core.interests import Interests
from streams.core.recent import RecentItems
from streams.core.repelled import Repelled

KEY_BYTES = 4
KEY_DTYPE = np.dtype("<u4")
MOST_SOURCES = 8


def item_key(item_id: str) -> int:
    """A stable 32-bit hash of an item id: CRC-32 of its UTF-8 bytes.

    Two ids collide once in 4.3e9, and then an item she never saw counts as seen.
    """
    return zlib.crc32(item_id.encode())


@dataclass(frozen=True, slots=True)
class ClickFact:
    """One click as the core needs it. `kind` is one of `rules.KINDS`; times in epoch seconds."""

    item_id: str
    kind: str
    at_s: float
    dwell_s: float | None = None


@dataclass(slots=True)
class KeyMemory:
    """Item keys, oldest first, as little-endian uint32: the stored form is also the live one."""

    data: bytes = b""

    def __len__(self) -> int:
        return len(self.data) // KEY_BYTES

    def __contains__(self, key: int) -> bool:
        return self._find(key.to_bytes(KEY_BYTES, "little")) >= 0

    def _find(self, key: bytes) -> int:
        data = self.data
        at = data.find(key)
        while at >= 0 and at % KEY_BYTES:  # a match across two keys is none
            at = data.find(key, at + 1)
        return at

    def add(self, key: int, most: int) -> None:
        """Remember `key` as the newest; of more than `most` the oldest are forgotten."""
        new = key.to_bytes(KEY_BYTES, "little")
        at = self._find(new)
        data = self.data if at < 0 else self.data[:at] + self.data[at + KEY_BYTES :]
        self.data = (data + new)[-most * KEY_BYTES :]

    def discard(self, key: int) -> None:
        """Forget `key`, if it is remembered."""
        at = self._find(key.to_bytes(KEY_BYTES, "little"))
        if at >= 0:
            self.data = self.data[:at] + self.data[at + KEY_BYTES :]

    def keys(self) -> list[int]:
        """The keys, oldest first."""
        keys: list[int] = np.frombuffer(self.data, KEY_DTYPE).tolist()
        return keys

    def latest(self, most: int) -> NDArray[np.uint32]:
        """The newest `most` keys, newest first: uint32 [<= most]."""
        return np.frombuffer(self.data[-most * KEY_BYTES :], KEY_DTYPE)[::-1].astype(np.uint32)


@dataclass(slots=True)
class Profile:
    """One user. A function of her events in order and of which items were known then, but for
    `residual`.

    Every number is held at the precision in which it is stored, so that a profile that went
    through the store is the same as one that did not.
    """

    model_id: str = ""
    """The vector space of `interests` and `repelled`; empty before the first click."""
    clock_s: float = 0.0
    """Event time: the latest `at_s` so far. Weights are as of this moment."""
    events: int = 0
    """Clicks applied so far."""
    marks: dict[str, int] = field(default_factory=dict)
    """Last applied offset by source ("topic-partition"); the least recently used goes first."""
    interests: Interests = field(default_factory=Interests)
    repelled: Repelled = field(default_factory=Repelled)
    recent: RecentItems = field(default_factory=RecentItems)
    seen: KeyMemory = field(default_factory=KeyMemory)
    hidden: KeyMemory = field(default_factory=KeyMemory)
    likes: KeyMemory = field(default_factory=KeyMemory)
    """What she liked, by `TasteRules.is_like`; what she disliked since is not among it."""
    liked: int = 0
    """How often an item was added to `likes`."""
    residual: bytes = b""
    """What the crowd's factors miss of her (learning/residual.py): float16s, little-endian; empty
    while nothing is known. It depends on what had been learned when she clicked, so on more than
    her events, and comes last in the stored form."""

    def applied(self, source: str, offset: int) -> bool:
        """Whether the event at `offset` of `source` is already part of this profile."""
        return offset <= self.marks.get(source, -1)

    def mark(self, source: str, offset: int) -> None:
        """Note the event at `offset` of `source` as applied."""
        self.marks.pop(source, None)
        self.marks[source] = offset
        while len(self.marks) > MOST_SOURCES:
            del self.marks[next(iter(self.marks))]
