"""What is known of each item beside its vectors, by item number.

Numbers are dense, start at 0, and hold as long as the process lives. A withdrawn item keeps its
number, in case it comes back; only when all `max_items` are taken, the item withdrawn longest ago
gives its number to a new one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from streams.core.profile import item_key
from streams.stores.arrays import grown

NEVER = -1


@dataclass(frozen=True, slots=True)
class Facts:
    """What has been said of an item; `group` and `title` are None where nothing was."""

    labels: tuple[str, ...] = ()
    group: str | None = None
    title: str | None = None
    available: bool = True


NOTHING_SAID = Facts()


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What is never listed, whatever it looks like: items with one of these labels, or groups."""

    labels: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def allow(self, facts: Facts) -> bool:
        """Whether an item of which this was said may be listed."""
        if not facts.available:
            return False
        return facts.group not in self.groups and self.labels.isdisjoint(facts.labels)


NOTHING_EXCLUDED = Exclusions()


class ItemTable:
    """Items by id and by number. Only what is known; which of it may be listed is not decided here.

    keys      uint32 [capacity], `item_key` of each id.
    at_ms     int64 [capacity], when the item first appeared with a picture; NEVER before that.
    """

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._numbers: dict[str, int] = {}
        self._ids: list[str] = []
        self._facts: list[Facts] = []
        self._withdrawn: deque[int] = deque()
        self._is_withdrawn = np.zeros(0, dtype=np.bool_)
        self.keys = np.zeros(0, dtype=np.uint32)
        self.at_ms = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        """Numbers given out, to withdrawn items too."""
        return len(self._ids)

    def number(self, item_id: str) -> int | None:
        return self._numbers.get(item_id)

    def numbers(self, item_ids: Iterable[str]) -> Iterable[int | None]:
        """The `number` of each."""
        return map(self._numbers.get, item_ids)

    def item_id(self, number: int) -> str:
        return self._ids[number]

    def facts(self, number: int) -> Facts:
        return self._facts[number]

    def set_facts(self, number: int, facts: Facts) -> None:
        self._facts[number] = facts

    def is_withdrawn(self, number: int) -> bool:
        return bool(self._is_withdrawn[number])

    def ensure(self, item_id: str) -> int | None:
        """The item's number, a new one if need be; None if there is no room for it."""
        number = self._numbers.get(item_id)
        if number is None:
            number = self._new_number(item_id)
            if number is None:
                return None
            self._ids[number] = item_id
            self._numbers[item_id] = number
            self.keys[number] = item_key(item_id)
        elif not self._is_withdrawn[number]:
            return number
        self._is_withdrawn[number] = False
        self._facts[number] = NOTHING_SAID
        self.at_ms[number] = NEVER
        return number

    def withdraw(self, number: int) -> None:
        """Forget all but the number."""
        if not self._is_withdrawn[number]:
            self._is_withdrawn[number] = True
            self._withdrawn.append(number)
            self._facts[number] = NOTHING_SAID
            self.at_ms[number] = NEVER

    def _new_number(self, item_id: str) -> int | None:
        number = len(self._ids)
        if number < self._max_items:
            self._ids.append(item_id)
            self._facts.append(NOTHING_SAID)
            self._is_withdrawn = grown(self._is_withdrawn, number + 1)
            self.keys = grown(self.keys, number + 1)
            self.at_ms = grown(self.at_ms, number + 1, NEVER)
            return number
        while self._withdrawn:
            number = self._withdrawn.popleft()
            # It may have come back since, or come back and gone again: then it stands twice.
            if self._is_withdrawn[number] and number not in self._withdrawn:
                del self._numbers[self._ids[number]]
                return number
        return None
