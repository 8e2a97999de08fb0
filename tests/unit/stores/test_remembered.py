"""Remembered searches answer as the index would."""

from __future__ import annotations

import numpy as np
import pytest

from streams.embeddings import FactRecord, ViewRecord, WithdrawnRecord
from streams.stores.item_index import ItemIndex
from streams.stores.remembered import RememberedSearches

DIM = 16
MODEL = "toy@1"


def unit(rng: np.random.Generator) -> np.ndarray:
    made = rng.standard_normal(DIM)
    return (made / np.linalg.norm(made)).astype(np.float16)


class Counting(ItemIndex):
    """An index that counts the queries it is asked."""

    asked = 0

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked += len(queries)
        return super().search(queries, k)


class Case:
    def __init__(self, items: int = 200, most: int = 100) -> None:
        self.rng = np.random.default_rng(3)
        self.index = Counting(MODEL, DIM)
        for number in range(items):
            self.put(f"item-{number}")
        self.searches = RememberedSearches(self.index, most)
        self.queries = np.stack([unit(self.rng) for _ in range(6)]).astype(np.float32)

    def put(self, item_id: str, vector: np.ndarray | None = None) -> None:
        vector = unit(self.rng) if vector is None else vector
        self.index.apply(ViewRecord(item_id, "main", MODEL, vector, 0, 1))

    def agree(self, k: int = 10) -> None:
        """What is remembered, without what may not be listed now, is as near as what there is.

        It may be shorter, where an item has moved away; and equal to .004, which is how exact the
        index is.
        """
        numbers, cosines = self.searches.search(self.queries, k)
        _, true_cosines = ItemIndex.search(self.index, self.queries, k)
        for query, row, told, true in zip(
            self.queries, numbers, cosines, true_cosines, strict=True
        ):
            there = [n >= 0 and bool(self.index.available(np.array([n]))[0]) for n in row.tolist()]
            left = row[there].tolist()
            assert len(set(left)) == len(left)
            real = [float((self.index.views(n) @ query).max()) for n in left]
            np.testing.assert_allclose(told[there], real, atol=4e-3)
            np.testing.assert_allclose(real, true[: len(real)], atol=4e-3)
            assert len(real) >= min(len(self.index), k) - 1


def test_the_same_query_is_searched_once() -> None:
    case = Case()
    case.agree()
    case.agree()
    assert case.index.asked == 6


def test_only_what_is_new_among_the_queries_is_searched() -> None:
    case = Case()
    case.agree()
    case.queries[2] = unit(case.rng)
    case.agree()
    assert case.index.asked == 7


def test_an_item_added_since_is_found() -> None:
    case = Case()
    case.agree()
    case.put("fresh", case.queries[0].astype(np.float16))
    numbers, cosines = case.searches.search(case.queries, 10)
    assert case.index.item_id(int(numbers[0, 0])) == "fresh"
    assert cosines[0, 0] == pytest.approx(1.0, abs=2e-3)
    assert case.index.asked == 6
    case.agree()


def test_an_item_with_a_new_picture_is_judged_by_it() -> None:
    case = Case()
    numbers, _ = case.searches.search(case.queries, 10)
    nearest = case.index.item_id(int(numbers[0, 0]))
    case.put(nearest, -case.queries[0].astype(np.float16))
    case.agree()
    assert nearest not in {
        case.index.item_id(n) for n in case.searches.search(case.queries[:1], 10)[0][0].tolist()
    }


def test_an_item_that_went_and_came_back_is_found_again() -> None:
    case = Case()
    numbers, _ = case.searches.search(case.queries, 10)
    nearest = case.index.item_id(int(numbers[0, 0]))
    case.index.apply(FactRecord(nearest, "available", False))
    case.agree()
    case.index.apply(FactRecord(nearest, "available", True))
    case.agree()
    assert case.searches.search(case.queries, 10)[0][0, 0] == numbers[0, 0]


def test_a_withdrawn_item_is_not_available_though_remembered() -> None:
    case = Case()
    numbers, _ = case.searches.search(case.queries, 10)
    case.index.apply(WithdrawnRecord(case.index.item_id(int(numbers[0, 0])), 2))
    case.agree()


def test_after_many_changes_it_searches_again() -> None:
    case = Case()
    case.agree()
    for number in range(300):
        case.put(f"more-{number}")
    case.agree()
    assert case.index.asked == 12


def test_a_small_catalogue_grows_into_a_remembered_search() -> None:
    case = Case(items=3)
    case.agree()
    for number in range(5):
        case.put(f"more-{number}")
        case.agree()


def test_memory_is_bounded_and_forgets_what_was_not_asked_for_longest() -> None:
    case = Case(most=4)
    case.searches.search(case.queries[:4], 10)
    case.searches.search(case.queries[:1], 10)
    case.searches.search(case.queries[4:5], 10)
    assert len(case.searches) == 4
    asked = case.index.asked
    case.searches.search(case.queries[:1], 10)
    assert case.index.asked == asked
    case.searches.search(case.queries[1:2], 10)
    assert case.index.asked == asked + 1


def test_another_number_of_neighbours_is_another_search() -> None:
    case = Case()
    case.agree(10)
    case.agree(20)
    assert case.index.asked == 12
