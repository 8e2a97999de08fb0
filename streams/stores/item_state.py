"""What the index knows, and every way in which it changes: the table, the rows, what is searched.

An item is *listed* when it has a vector, is not marked unavailable and not excluded; exactly the
views of listed items are in the search. Every change below keeps it so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from streams.stores.arrays import grown
from streams.stores.item_table import (
    NEVER,
    NOTHING_EXCLUDED,
    Exclusions,
    Facts,
    ItemTable,
)
from streams.stores.newest import Newest
from streams.stores.view_rows import ViewRows
from streams.stores.view_search import ViewSearch

FactChange = Callable[[Facts], Facts]

_CHANGES_KEPT = 256

MAX_VIEWS = 32
"""Views of one item; more are left out."""


class Skipped(StrEnum):
    """Why a record changed nothing in the index."""

    OTHER_MODEL = "other-model"
    OTHER_DIM = "other-dim"
    TOO_MANY_VIEWS = "too-many-views"
    INDEX_FULL = "index-full"


@dataclass(frozen=True, slots=True)
class SavedView:
    """One view as a snapshot keeps it, beside its vector; `row` is its key in the graph."""

    row: int
    name: str
    picture_hash: int
    in_graph: bool


@dataclass(frozen=True, slots=True)
class SavedItem:
    """One item as a snapshot keeps it."""

    item_id: str
    at_ms: int
    facts: Facts
    views: list[SavedView]


class ItemState:
    """Up to `max_items` items and twice as many views of `dim` components."""

    def __init__(
        self, dim: int, max_items: int, exact_rows: int, exclusions: Exclusions = NOTHING_EXCLUDED
    ) -> None:
        self._max_items = max_items
        self._allow = exclusions.allow
        self.table = ItemTable(max_items)
        self.rows = ViewRows(dim, 2 * max_items)
        self.search = ViewSearch(self.rows.vectors, exact_rows)
        self.newest = Newest()
        self.listed = np.zeros(0, dtype=np.bool_)
        self.changes = 0
        """How many times an item became findable by a vector it was not findable by before."""
        self._changed: deque[int] = deque(maxlen=_CHANGES_KEPT)
        self.relisted: set[int] = set()
        """Items that have become listed, or are not any more, or were withdrawn; whoever follows
        that empties it."""

    def changed_since(self, changes: int) -> list[int] | None:
        """The items of the changes after that count, latest first; None if too many or unknown."""
        missed = self.changes - changes
        if not 0 <= missed <= len(self._changed):
            return None
        return list(islice(reversed(self._changed), missed))

    def put_view(
        self, item_id: str, view: str, vector: NDArray[np.float16], picture_hash: int, at_ms: int
    ) -> Skipped | None:
        """Add or replace one view."""
        number = self.table.ensure(item_id)
        if number is None:
            return Skipped.INDEX_FULL
        row = self.rows.find(number, view)
        if row is not None:
            self.search.remove(row)
        elif len(self.rows.of(number)) >= MAX_VIEWS:
            return Skipped.TOO_MANY_VIEWS
        else:
            row = self.rows.add(number, view)
            if row is None:
                return Skipped.INDEX_FULL
        self._write(row, vector, picture_hash)
        if self.table.at_ms[number] == NEVER:
            self.table.at_ms[number] = at_ms
        allowed = self._allow(self.table.facts(number))
        if allowed:
            self.search.add(row)
            self._findable(number)
        self._list(number, allowed)
        return None

    def put_facts(self, item_id: str, change: FactChange) -> Skipped | None:
        """Change what is said of an item, before or after its first view."""
        number = self.table.ensure(item_id)
        if number is None:
            return Skipped.INDEX_FULL
        before = self.table.facts(number)
        after = change(before)
        self.table.set_facts(number, after)
        allowed = self._allow(after)
        if allowed != self._allow(before):
            rows = self.rows.of(number)
            for row in rows:
                if allowed:
                    self.search.add(row)
                else:
                    self.search.remove(row)
            if allowed and rows:
                self._findable(number)
            self._list(number, allowed and bool(rows))
        return None

    def withdraw(self, item_id: str) -> None:
        """Forget all that was said of an item."""
        number = self.table.number(item_id)
        if number is None:
            return
        self._list(number, False)
        self.relisted.add(number)
        for row in list(self.rows.of(number)):
            self.search.remove(row)
            self.rows.free(row)
        self.table.withdraw(number)

    def saved(self, number: int) -> SavedItem | None:
        """All there is to keep of one item; None if it is withdrawn."""
        if self.table.is_withdrawn(number):
            return None
        rows = self.rows
        views = [
            SavedView(row, rows.name(row), int(rows.hashes[row]), self.search.in_graph(row))
            for row in rows.of(number)
        ]
        at_ms = int(self.table.at_ms[number])
        return SavedItem(self.table.item_id(number), at_ms, self.table.facts(number), views)

    def restore(self, item: SavedItem, vectors: NDArray[np.float16]) -> None:
        """Put back a saved item, in an empty state. Raises ValueError if that can't be done.

        Views in the graph are not searched until the graph has been loaded.
        """
        if self.table.number(item.item_id) is not None:
            raise ValueError("an item that is there twice")
        number = self.table.ensure(item.item_id)
        if number is None:
            raise ValueError(f"more than {self._max_items} items")
        self.table.set_facts(number, item.facts)
        self.table.at_ms[number] = item.at_ms
        allowed = self._allow(item.facts)
        for view, vector in zip(item.views, vectors, strict=True):
            # While a snapshot is written a row may pass from one item to another, so that both
            # claim it. Not in the graph, which holds still.
            row = self.rows.add(number, view.name, view.row)
            if row is None or (view.in_graph and row != view.row):
                raise ValueError("a view without its row")
            self._write(row, vector, view.picture_hash)
            if not view.in_graph and allowed:
                self.search.add(row)
        self._list(number, bool(item.views) and allowed)

    def drop_unlisted(self, rows: Iterable[int]) -> None:
        """Take rows of a loaded graph out of the search whose items are excluded by now."""
        for row in rows:
            if not self.listed[self.rows.item[row]]:
                self.search.remove(row)

    def _findable(self, number: int) -> None:
        self.changes += 1
        self._changed.append(number)

    def _write(self, row: int, vector: NDArray[np.float16], picture_hash: int) -> None:
        self.rows.vectors[row] = vector
        self.rows.hashes[row] = picture_hash

    def _list(self, number: int, listed: bool) -> None:
        self.listed = grown(self.listed, number + 1)
        if bool(self.listed[number]) == listed:
            return
        self.listed[number] = listed
        self.relisted.add(number)
        at_ms, key = int(self.table.at_ms[number]), int(self.table.keys[number])
        change = self.newest.add if listed else self.newest.remove
        change(at_ms, key, number)
