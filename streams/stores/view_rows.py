"""The vectors of all views, one row each, and which rows belong to an item.

An item's views are in an order that doesn't depend on when they came: the default view first, then
by name. A process that read a compacted log and one that saw everything happen agree on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.arrays import reserved
from streams.facts import DEFAULT_VIEW
from streams.stores.arrays import grown

NONE = -1


class ViewRows:
    """Rows are dense from 0; a freed one is given out again.

    vectors   float16 [max_rows, dim]; only written pages take memory.
    item      int32 [capacity], the item's number, NONE in a free row.
    hashes    uint64 [capacity], perceptual hash of the picture.
    first     int32 [capacity], by item number: its first view's row, or NONE.
    """

    def __init__(self, dim: int, max_rows: int) -> None:
        self._max_rows = max_rows
        self._free: list[int] = []
        self._names: list[str] = []
        self._several: dict[int, list[int]] = {}
        self.vectors: NDArray[np.float16] = reserved((max_rows, dim), np.float16)
        self.item = np.full(1, NONE, dtype=np.int32)
        self.hashes = np.zeros(0, dtype=np.uint64)
        self.first = np.zeros(0, dtype=np.int32)
        self.items = 0

    def __len__(self) -> int:
        return len(self._names) - len(self._free)

    @property
    def end(self) -> int:
        """All rows in use are below it."""
        return len(self._names)

    @property
    def has_several(self) -> bool:
        """Whether any item has more than one view."""
        return bool(self._several)

    def has(self, number: int) -> bool:
        """Whether the item has any view."""
        return number < len(self.first) and self.first.item(number) != NONE

    def of(self, number: int) -> list[int]:
        """Rows of an item's views, first view first."""
        several = self._several.get(number)
        if several is not None:
            return several
        if number >= len(self.first) or self.first[number] == NONE:
            return []
        return [int(self.first[number])]

    def name(self, row: int) -> str:
        return self._names[row]

    def find(self, number: int, view: str) -> int | None:
        """The row of an item's view."""
        return next((row for row in self.of(number) if self._names[row] == view), None)

    def add(self, number: int, view: str, row: int | None = None) -> int | None:
        """A row for a view the item doesn't have yet; None if all are taken.

        row  the one to use if it is free, between `begin_restore` and `end_restore`.
        """
        if row is None or row >= len(self._names) or self.item[row] != NONE:
            row = self._free.pop() if self._free else len(self._names)
        if row >= self._max_rows:
            return None
        if row == len(self._names):
            self._names.append("")
        self.item = grown(self.item, row + 1, NONE)
        self.hashes = grown(self.hashes, row + 1)
        self.first = grown(self.first, number + 1, NONE)
        self._names[row] = view
        self.item[row] = number
        rows = sorted([*self.of(number), row], key=self._order)
        self.items += len(rows) == 1
        self._set(number, rows)
        return row

    def free(self, row: int) -> None:
        """Take a view away from its item."""
        number = int(self.item[row])
        rows = [each for each in self.of(number) if each != row]
        self._set(number, rows)
        self.items -= not rows
        self.item[row] = NONE
        self._names[row] = ""
        self._free.append(row)

    def begin_restore(self, rows: int) -> None:
        """Make room for views that come with their rows, all below `rows`. Raises ValueError."""
        if not 0 <= rows <= self._max_rows:
            raise ValueError(f"{rows} rows, and there is room for {self._max_rows}")
        self._names = [""] * rows
        self.item = grown(self.item, rows, NONE)

    def end_restore(self) -> None:
        """Rows that nobody claimed may be given out."""
        self._free = np.flatnonzero(self.item[: len(self._names)] == NONE).tolist()

    def _order(self, row: int) -> tuple[bool, str]:
        name = self._names[row]
        return name != DEFAULT_VIEW, name

    def _set(self, number: int, rows: list[int]) -> None:
        self.first[number] = rows[0] if rows else NONE
        if len(rows) > 1:
            self._several[number] = rows
        else:
            self._several.pop(number, None)
