"""The last items she did something with: one entry an item, what she thinks of it, and when."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import compress

from streams.core.rules import KINDS, NEGATIVE_KINDS, TasteRules

# One byte an entry: kind in bits 0-3, pending in bit 4, eighths of a dwell's weight in bits 5-7.
_KIND = 0x0F
_PENDING = 0x10
_EIGHTHS = 5

LATEST_S = 2**32 - 1
"""Times are whole seconds in 32 bits: until the year 2106."""


@dataclass(slots=True)
class RecentItems:
    """Three parallel columns, least recently touched first. Few objects, so cheap to store.

    An item touched again moves to the end. It keeps the heavier of two positive kinds; between
    liking and disliking the later word counts.
    """

    ids: list[str] = field(default_factory=list)
    times_s: array[int] = field(default_factory=lambda: array("I"))
    """Whole seconds of event time, 0 to `LATEST_S`, in 32 bits."""
    traits: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.ids)

    def note(
        self,
        item_id: str,
        kind: str,
        weight: float,
        at_s: float,
        *,
        pending: bool,
        rules: TasteRules,
    ) -> None:
        """Remember an event of `weight` at `at_s`; `pending` if the item's vector isn't known."""
        trait = _NUMBER[kind] | (_PENDING if pending else 0)
        if kind == "dwell" and rules.dwell_weight > 0.0:
            trait |= min(int(8.0 * weight / rules.dwell_weight), 7) << _EIGHTHS
        time_s = int(at_s)
        if item_id in self.ids:
            at = self.ids.index(item_id)
            time_s = max(time_s, self.times_s[at])
            trait = _stronger(self.traits[at], trait, rules)
            self._forget(at)
        self.ids.append(item_id)
        self.times_s.append(time_s)
        self.traits.append(trait)
        while len(self.ids) > rules.recent:
            self._forget(self._oldest(rules))

    def _oldest(self, rules: TasteRules) -> int:
        """The entry to forget. Pending ones may outstay the others: they aren't in an interest."""
        if not 0 < len(self.pending()) <= rules.pending:
            return 0
        return next(at for at, trait in enumerate(self.traits) if not trait & _PENDING)

    def _forget(self, at: int) -> None:
        del self.ids[at], self.times_s[at], self.traits[at]

    def kind(self, at: int) -> str:
        """The kind of entry `at`."""
        return KINDS[self.traits[at] & _KIND]

    def weight(self, at: int, rules: TasteRules) -> float:
        """What entry `at` weighs; a dwell to the nearest eighth."""
        return _weight(self.traits[at], rules)

    def pending(self) -> list[int]:
        """Entries whose item was not known when it was clicked, oldest first."""
        if not self.traits.translate(None, _SETTLED):
            return []  # nearly always
        return [at for at, trait in enumerate(self.traits) if trait & _PENDING]

    def set_pending(self, at: int, pending: bool) -> None:
        """Say of entry `at` that it waits for its vector, or that it doesn't any more."""
        self.traits[at] = self.traits[at] & ~_PENDING | (_PENDING if pending else 0)

    def positive(self) -> list[str]:
        """Ids of the items whose last word was not a dislike or hide, oldest first."""
        return list(compress(self.ids, self.traits.translate(_IS_POSITIVE)))


_NUMBER = {kind: number for number, kind in enumerate(KINDS)}
_SETTLED = bytes(trait for trait in range(256) if not trait & _PENDING)
_VALID = bytes(trait for trait in range(256) if trait & _KIND < len(KINDS))
_NEGATIVE = frozenset(KINDS.index(kind) for kind in NEGATIVE_KINDS)
_IS_POSITIVE = bytes(trait & _KIND not in _NEGATIVE for trait in range(256))


def _weight(trait: int, rules: TasteRules) -> float:
    weight = rules.weights[KINDS[trait & _KIND]]
    return weight * ((trait >> _EIGHTHS) + 0.5) / 8.0 if KINDS[trait & _KIND] == "dwell" else weight


def _stronger(old: int, new: int, rules: TasteRules) -> int:
    if (old & _KIND in _NEGATIVE) != (new & _KIND in _NEGATIVE):
        return new
    if old & _PENDING != new & _PENDING:
        return new  # so that what is folded in later is what waits for it
    return old if _weight(old, rules) > _weight(new, rules) else new


def valid_traits(traits: bytearray) -> bool:
    """Whether every byte names a known kind."""
    return not traits.translate(None, _VALID)
