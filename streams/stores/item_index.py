"""The items a recommender knows: their vectors, facts, and which are near a query.

One thread uses it, the event loop's: nothing here waits or locks. A replica (replica.py) feeds it
with the records of `item-embeddings`, in the order of the log; applying records a second time, from
any point before, ends in the same state. Agents search it.

It is bounded: `max_items` items and twice as many views. What comes beyond that is left out,
counted under `skipped["index-full"]`, and logged once: the items that are in keep being served.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numkong
import numpy as np
from numpy.typing import NDArray

from streams.embeddings import FactRecord, ItemRecord, ViewRecord, WithdrawnRecord
from streams.stores.item_state import ItemState, Skipped
from streams.stores.item_table import NOTHING_EXCLUDED, Exclusions, Facts
from streams.stores.view_rows import NONE
from streams.stores.view_search import EXACT_ROWS

_log = logging.getLogger(__name__)


class ItemIndex:
    """Implements core's `Catalogue` and what else the recommender asks of its items.

    Vectors are float16 in memory, unit within its rounding (2e-3). Vectors of another model are
    skipped and counted: see `skipped`. `state` is for snapshots and tests.

    exclusions  items that are known, so that clicks on them count, and never listed.
    """

    def __init__(
        self,
        model_id: str,
        dim: int,
        *,
        max_items: int = 1_000_000,
        exact_rows: int = EXACT_ROWS,
        exclusions: Exclusions = NOTHING_EXCLUDED,
    ) -> None:
        self.model_id = model_id
        self.dim = dim
        self.skipped: Counter[Skipped] = Counter()
        self._max_items = max_items
        self._exact_rows = exact_rows
        self._exclusions = exclusions
        self.clear()

    def clear(self) -> None:
        """Forget every item, and every number given out."""
        self.state = ItemState(self.dim, self._max_items, self._exact_rows, self._exclusions)

    def __len__(self) -> int:
        """Items with at least one vector."""
        return self.state.rows.items

    @property
    def memory_bytes(self) -> int:
        """About what all of it takes; texts of facts are reckoned at 200 bytes an item."""
        rows, items = len(self.state.rows), len(self.state.table)
        return rows * (2 * self.dim + 80) + items * 400 + self.state.search.memory_bytes

    # what comes in

    def apply(self, record: ItemRecord) -> Skipped | None:
        """Take in one record; None, or why it changed nothing. A new vector is found at once."""
        skipped = self._apply(record)
        if skipped is not None:
            self.skipped[skipped] += 1
            if skipped is Skipped.INDEX_FULL and self.skipped[skipped] == 1:
                _log.error(
                    "the item index is full at %d items: new ones are left out. "
                    "Raise LOOKSTREAM_MAX_ITEMS, or withdraw items",
                    self._max_items,
                )
        return skipped

    def apply_many(self, records: Iterable[ItemRecord]) -> None:
        """Take in records in their order; about ten microseconds each."""
        for record in records:
            self.apply(record)

    def tend(self, budget_s: float) -> bool:
        """Do what was put off, for about `budget_s`; True if there is more. For idle moments."""
        return self.state.search.tend(budget_s)

    # what agents and the core ask

    def search(
        self, queries: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The `k` items nearest to each query by their best view, and its cosine; best first.

        queries  float32 [q, dim], unit rows. Returns int32 [q, k] item numbers and float32 [q, k];
                 -1 and -inf where there are fewer. Never a withdrawn or unavailable item. Cosines
                 are exact to .004.

        Ask for many at once: a call costs some 60 us beside what its queries cost. 64 take 2 to 10
        milliseconds.
        """
        rows, search = self.state.rows, self.state.search
        wanted = k
        while True:
            if rows.has_several:
                wanted = min(2 * wanted, max(len(search), k))
            found, cosines = search.search(queries, wanted)
            numbers = np.where(found < 0, NONE, rows.item[np.maximum(found, 0)])
            if not rows.has_several:
                return numbers, cosines
            numbers, cosines = _each_once(numbers, cosines)
            if wanted >= len(search) or (numbers[:, k - 1] != NONE).all():
                return numbers[:, :k], cosines[:, :k]

    @property
    def changes(self) -> int:
        """How many times an item became findable by a vector it was not findable by before."""
        return self.state.changes

    def changed_since(self, changes: int) -> list[int] | None:
        """The items of the changes after that count; None if they are no longer known."""
        return self.state.changed_since(changes)

    def take_relisted(self) -> NDArray[np.int32]:
        """The items that have become listed, are not any more, or were withdrawn, since this was
        last asked."""
        relisted = self.state.relisted
        numbers = np.fromiter(relisted, np.int32, len(relisted))
        relisted.clear()
        return numbers

    def number(self, item_id: str) -> int | None:
        number = self.state.table.number(item_id)
        return number if number is not None and self.state.rows.has(number) else None

    def numbers(self, item_ids: Sequence[str]) -> list[int | None]:
        has = self.state.rows.has
        return [
            number if number is not None and has(number) else None
            for number in self.state.table.numbers(item_ids)
        ]

    def item_id(self, number: int) -> str:
        return self.state.table.item_id(number)

    def facts(self, number: int) -> Facts:
        """What has been said of the item: labels, group, title, available."""
        return self.state.table.facts(number)

    def group(self, number: int) -> str | None:
        return self.state.table.facts(number).group

    def views(self, number: int) -> NDArray[np.float32]:
        return self._wide(np.array(self.state.rows.of(number), dtype=np.int32))

    def vectors(self, numbers: NDArray[np.int32]) -> NDArray[np.float32]:
        return self._wide(self.state.rows.first[numbers])

    def cosines(self, numbers: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.float32]:
        # In half the time of widening them for BLAS.
        packed = numkong.dots_pack(self._half(others), dtype="float16")
        products: NDArray[np.float32] = np.asarray(numkong.dots_packed(self._half(numbers), packed))
        return products

    def keys(self, numbers: NDArray[np.int32]) -> NDArray[np.uint32]:
        return self.state.table.keys[numbers]

    def available(self, numbers: NDArray[np.int32]) -> NDArray[np.bool_]:
        return self.state.listed[numbers]

    def picture_hashes(self, numbers: NDArray[np.int32]) -> NDArray[np.uint64]:
        return self.state.rows.hashes[self.state.rows.first[numbers]]

    def newest(self, n: int) -> NDArray[np.int32]:
        """The `n` available items whose first picture is the newest, newest first: int32 [<= n]."""
        newest, table = self.state.newest, self.state.table
        if not newest.has(n):
            numbers = np.flatnonzero(self.state.listed).astype(np.int32)
            newest.rebuild(n, table.at_ms[numbers], table.keys[numbers], numbers)
        return newest.first(n)

    def _apply(self, record: ItemRecord) -> Skipped | None:
        match record:
            case ViewRecord():
                if record.model_id != self.model_id:
                    return Skipped.OTHER_MODEL
                if record.vector.shape != (self.dim,):
                    return Skipped.OTHER_DIM
                return self.state.put_view(
                    record.item_id, record.view, record.vector, record.picture_hash, record.at_ms
                )
            case FactRecord():
                return self.state.put_facts(record.item_id, lambda old: _with_fact(old, record))
            case WithdrawnRecord():
                self.state.withdraw(record.item_id)
                return None

    def _half(self, numbers: NDArray[np.int32]) -> NDArray[np.float16]:
        """The first views as they are: float16 [n, dim]."""
        rows = self.state.rows
        first: NDArray[np.float16] = rows.vectors.take(rows.first.take(numbers), axis=0)
        return first

    def _wide(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        # numkong, because numpy takes seven times as long to widen float16.
        half = self.state.rows.vectors[rows]
        wide: NDArray[np.float32] = np.asarray(numkong.astype(half, "float32"), dtype=np.float32)
        return wide


def _with_fact(facts: Facts, record: FactRecord) -> Facts:
    """`facts` after the record; a value of None takes the fact back."""
    value = record.value
    match record.name:
        case "labels":
            return replace(facts, labels=value if isinstance(value, tuple) else ())
        case "group":
            return replace(facts, group=value if isinstance(value, str) else None)
        case "title":
            return replace(facts, title=value if isinstance(value, str) else None)
        case "available":
            return replace(facts, available=value is not False)
    return facts


def _each_once(
    numbers: NDArray[np.int32], cosines: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each row without the later, so lesser, of equal numbers; what is left moves up."""
    by_number = np.argsort(numbers, axis=1, kind="stable")
    ordered = np.take_along_axis(numbers, by_number, axis=1)
    again = np.zeros_like(numbers, dtype=np.bool_)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    repeated = np.empty_like(again)
    np.put_along_axis(repeated, by_number, again, axis=1)
    numbers = np.where(repeated, np.int32(NONE), numbers)
    order = np.argsort(numbers == NONE, axis=1, kind="stable")
    numbers = np.take_along_axis(numbers, order, axis=1)
    cosines = np.take_along_axis(cosines, order, axis=1)
    return numbers, np.where(numbers == NONE, -np.inf, cosines).astype(np.float32)
