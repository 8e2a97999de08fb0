"""Records and vectors for the tests of the index, and a reference that does it the plain way."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from streams.embeddings import FactRecord, ItemRecord, ViewRecord, WithdrawnRecord
from streams.facts import DEFAULT_VIEW
from streams.stores.item_index import ItemIndex
from streams.stores.item_table import Facts

MODEL = "model@1"
DIM = 16


def unit(seed: int, dim: int = DIM) -> NDArray[np.float16]:
    """A unit vector that belongs to the seed: float16 [dim]."""
    vector = np.random.default_rng(seed).standard_normal(dim)
    return (vector / np.linalg.norm(vector)).astype(np.float16)


def units(seeds: Iterable[int], dim: int = DIM) -> NDArray[np.float32]:
    """Queries: float32 [n, dim], unit rows."""
    rows = np.stack([unit(seed, dim) for seed in seeds]).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def view(
    item_id: str,
    seed: int,
    *,
    name: str = DEFAULT_VIEW,
    at_ms: int = 0,
    model_id: str = MODEL,
    dim: int = DIM,
) -> ViewRecord:
    return ViewRecord(item_id, name, model_id, unit(seed, dim), seed, at_ms)


class PlainIndex:
    """What the index should know, found by looking at everything."""

    def __init__(self) -> None:
        self.views: dict[str, dict[str, ViewRecord]] = {}
        self.facts: dict[str, Facts] = {}
        self.first_at: dict[str, int] = {}

    def apply(self, record: ItemRecord) -> None:
        match record:
            case ViewRecord():
                self.views.setdefault(record.item_id, {})[record.view] = record
                self.first_at.setdefault(record.item_id, record.at_ms)
            case FactRecord():
                old = self.facts.get(record.item_id, Facts())
                value: object = record.value
                if value is None:
                    value = {"labels": (), "available": True}.get(record.name)
                known = {name: getattr(old, name) for name in Facts.__slots__}
                self.facts[record.item_id] = Facts(**(known | {record.name: value}))
            case WithdrawnRecord():
                for known_of in (self.views, self.facts, self.first_at):
                    known_of.pop(record.item_id, None)

    def listed(self) -> list[str]:
        return [i for i in self.views if self.facts.get(i, Facts()).available]

    def nearest(self, query: NDArray[np.float32]) -> dict[str, float]:
        """Every listed item and its best cosine."""
        return {
            item_id: max(
                float(each.vector.astype(np.float32) @ query)
                for each in self.views[item_id].values()
            )
            for item_id in self.listed()
        }


def same(index: ItemIndex, plain: PlainIndex, known_ids: Iterable[str]) -> None:
    """Assert that the index knows what the plain one knows, and finds what it finds."""
    assert len(index) == len(plain.views)
    for item_id in known_ids:
        number = index.number(item_id)
        assert (number is not None) == (item_id in plain.views), item_id
        if number is None:
            continue
        assert index.item_id(number) == item_id
        assert index.facts(number) == plain.facts.get(item_id, Facts())
        names = sorted(plain.views[item_id], key=lambda name: (name != DEFAULT_VIEW, name))
        records = [plain.views[item_id][name] for name in names]
        expected = np.stack([each.vector for each in records]).astype(np.float32)
        assert np.array_equal(index.views(number), expected)
        one = np.array([number], dtype=np.int32)
        assert np.array_equal(index.vectors(one), expected[:1])
        assert index.picture_hashes(one).tolist() == [records[0].picture_hash]
        assert index.available(one).tolist() == [item_id in plain.listed()]
    for query in units(range(900, 903)):
        nearest = plain.nearest(query)
        numbers, cosines = index.search(query[None, :], len(nearest) + 2)
        found = [number for number in numbers[0].tolist() if number >= 0]
        assert sorted(map(index.item_id, found)) == sorted(nearest)
        expected_cosines = sorted(nearest.values(), reverse=True)
        assert np.allclose(cosines[0, : len(found)], expected_cosines, atol=5e-3)
        assert np.all(np.isneginf(cosines[0, len(found) :]))
    newest = [index.item_id(number) for number in index.newest(1000).tolist()]
    assert sorted(newest) == sorted(plain.listed())
    times = [plain.first_at[item_id] for item_id in newest]
    assert times == sorted(times, reverse=True)
