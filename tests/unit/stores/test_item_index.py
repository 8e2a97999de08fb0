from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.crowd import Crowd
from streams.core.learning.rules import LearningRules
from streams.core.profile import item_key
from streams.embeddings import FactRecord, ItemRecord, WithdrawnRecord
from streams.stores.item_index import ItemIndex
from streams.stores.item_state import MAX_VIEWS, Skipped
from streams.stores.item_table import Exclusions, Facts
from tests.unit.stores.items import DIM, MODEL, PlainIndex, same, unit, units, view

IDS = [f"item-{n}" for n in range(8)]

records = st.one_of(
    st.builds(
        view,
        st.sampled_from(IDS),
        st.integers(0, 50),
        name=st.sampled_from(["main", "back", "a"]),
        at_ms=st.integers(0, 5),
    ),
    st.builds(
        FactRecord,
        st.sampled_from(IDS),
        st.just("available"),
        st.sampled_from([True, False, None]),
    ),
    st.builds(
        FactRecord, st.sampled_from(IDS), st.just("labels"), st.sampled_from([(), ("a", "b")])
    ),
    st.builds(FactRecord, st.sampled_from(IDS), st.just("title"), st.sampled_from([None, "T"])),
    st.builds(WithdrawnRecord, st.sampled_from(IDS), st.just(0)),
)


def make(**options: int) -> ItemIndex:
    return ItemIndex(MODEL, DIM, **({"max_items": 1000} | options))


def found(index: ItemIndex, seed: int, k: int = 1) -> list[str]:
    numbers, _ = index.search(units([seed]), k)
    return [index.item_id(number) for number in numbers[0].tolist() if number >= 0]


@settings(max_examples=150)
@given(log=st.lists(records, max_size=40), exact_rows=st.sampled_from([3, 1000]))
def test_whatever_the_log_says_the_index_knows_just_that(
    log: Sequence[ItemRecord], exact_rows: int
) -> None:
    index, plain = make(exact_rows=exact_rows), PlainIndex()
    for record in log:
        index.apply(record)
        plain.apply(record)
        index.tend(0.001)
    same(index, plain, IDS)


@settings(max_examples=100)
@given(log=st.lists(records, max_size=30), data=st.data())
def test_a_part_of_the_log_applied_twice_changes_nothing(
    log: list[ItemRecord], data: st.DataObject
) -> None:
    """A fuzzy snapshot, or an unclean stop: it goes on from an earlier place."""
    upto = data.draw(st.integers(0, len(log)))
    again_from = data.draw(st.integers(0, upto))
    index, plain = make(), PlainIndex()
    index.apply_many(log[:upto])
    index.apply_many(log[again_from:])
    for record in log:
        plain.apply(record)
    same(index, plain, IDS)


def test_a_new_item_is_found_at_once() -> None:
    index = make()
    index.apply(view("a", 1))
    assert found(index, 1) == ["a"]


def test_facts_may_come_before_the_first_picture() -> None:
    index = make()
    index.apply(FactRecord("a", "title", "Ada"))
    index.apply(FactRecord("a", "available", False))
    assert index.number("a") is None
    index.apply(view("a", 1))
    number = index.number("a")
    assert number is not None
    assert index.facts(number) == Facts(title="Ada", available=False)
    assert found(index, 1) == []
    index.apply(FactRecord("a", "available", True))
    assert found(index, 1) == ["a"]


def test_an_item_is_found_once_by_its_best_view() -> None:
    index = make()
    for n in range(20):
        index.apply(view("many", n, name=f"view-{n}"))
    index.apply(view("other", 100))
    numbers, cosines = index.search(units([7]), 5)
    assert [index.item_id(n) for n in numbers[0].tolist() if n >= 0] == ["many", "other"]
    assert cosines[0, 0] == pytest.approx(1.0, abs=5e-3)


def test_many_views_of_few_items_leave_room_for_the_others() -> None:
    index = make()
    for n in range(MAX_VIEWS):
        index.apply(view("crowd", 1, name=f"view-{n}"))
    for n in range(60):
        index.apply(view(f"item-{n}", 100 + n))
    assert len(found(index, 1, k=50)) == 50


def test_a_withdrawn_item_keeps_its_number_when_it_comes_back() -> None:
    index = make()
    index.apply_many([view("a", 1), view("b", 2)])
    number = index.number("a")
    index.apply(WithdrawnRecord("a", 0))
    assert index.number("a") is None
    assert found(index, 1, k=2) == ["b"]
    index.apply(view("a", 3))
    assert index.number("a") == number
    assert index.facts(number or 0) == Facts()


def test_numbers_held_over_a_withdrawal_are_not_available_any_more() -> None:
    index = make()
    index.apply_many([view("a", 1), view("b", 2)])
    held = np.array([index.number("a"), index.number("b")], dtype=np.int32)
    index.apply(WithdrawnRecord("a", 0))
    assert index.available(held).tolist() == [False, True]
    assert index.vectors(held).shape == (2, DIM)
    assert index.item_id(int(held[0])) == "a"


def test_keys_are_the_cores() -> None:
    index = make()
    index.apply_many([view("a", 1), view("é", 2)])
    numbers = np.array([index.number("é"), index.number("a")], dtype=np.int32)
    assert index.keys(numbers).tolist() == [item_key("é"), item_key("a")]


def test_vectors_of_another_model_are_skipped_and_counted() -> None:
    index = make()
    assert index.apply(view("a", 1, model_id="other")) is Skipped.OTHER_MODEL
    assert index.apply(view("a", 1, dim=DIM * 2)) is Skipped.OTHER_DIM
    assert index.number("a") is None
    assert index.skipped == {Skipped.OTHER_MODEL: 1, Skipped.OTHER_DIM: 1}


def test_a_full_index_says_so_once_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    index = make(max_items=3)
    with caplog.at_level(logging.ERROR):
        for n in range(6):
            index.apply(view(f"item-{n}", n))
    assert len(index) == 3
    assert index.skipped == {Skipped.INDEX_FULL: 3}
    assert len(caplog.records) == 1
    assert "LOOKSTREAM_MAX_ITEMS" in caplog.text
    index.apply(view("item-1", 50))
    assert found(index, 50) == ["item-1"]


def test_in_a_full_index_a_withdrawn_item_makes_room() -> None:
    index = make(max_items=3)
    for n in range(3):
        index.apply(view(f"item-{n}", n))
    index.apply_many(
        [WithdrawnRecord("item-1", 0), view("item-1", 8), WithdrawnRecord("item-0", 0)]
    )
    assert index.apply(view("new", 9)) is None
    assert index.number("item-0") is None
    assert found(index, 9) == ["new"]
    assert found(index, 8) == ["item-1"]


def test_an_item_has_a_bounded_number_of_views() -> None:
    index = make()
    for n in range(MAX_VIEWS):
        assert index.apply(view("a", n, name=str(n))) is None
    assert index.apply(view("a", 99, name="one more")) is Skipped.TOO_MANY_VIEWS
    assert index.apply(view("a", 99, name="0")) is None


def test_all_views_together_are_bounded() -> None:
    index = make(max_items=2)
    results = [index.apply(view("a", n, name=str(n))) for n in range(5)]
    assert results == [None] * 4 + [Skipped.INDEX_FULL]


def test_the_newest_are_those_whose_first_picture_is() -> None:
    index = make()
    index.apply_many([view("old", 1, at_ms=10), view("new", 2, at_ms=20), view("mid", 3, at_ms=15)])
    index.apply(view("old", 4, at_ms=30))
    assert [index.item_id(n) for n in index.newest(2)] == ["new", "mid"]
    index.apply(FactRecord("new", "available", False))
    assert [index.item_id(n) for n in index.newest(5)] == ["mid", "old"]


def test_an_empty_index_answers() -> None:
    index = make()
    numbers, cosines = index.search(units([1, 2]), 3)
    assert numbers.tolist() == [[-1] * 3] * 2
    assert np.isneginf(cosines).all()
    assert index.newest(3).tolist() == []
    assert index.search(np.empty((0, DIM), dtype=np.float32), 3)[0].shape == (0, 3)
    assert index.number("a") is None


def test_many_queries_at_once_find_what_each_finds_alone() -> None:
    index = make()
    for n in range(300):
        index.apply(view(f"item-{n}", n))
    queries = units(range(1000, 1150))
    together, _ = index.search(queries, 10)
    alone = np.concatenate([index.search(query[None, :], 10)[0] for query in queries])
    assert (together == alone).mean() > 0.99


def test_beyond_the_exact_rows_a_graph_takes_over_in_small_steps() -> None:
    index = make(exact_rows=100)
    for n in range(400):
        index.apply(view(f"item-{n}", n))
    assert index.state.search.waiting == 400
    steps = 1
    while index.tend(0.001):
        steps += 1
        assert found(index, 7) == ["item-7"]
    assert steps > 1
    assert index.state.search.waiting == 0
    assert [found(index, n) for n in range(400)] == [[f"item-{n}"] for n in range(400)]
    index.apply(view("item-7", 900))
    assert found(index, 900) == ["item-7"]
    assert found(index, 7) != ["item-7"]
    index.apply(WithdrawnRecord("item-8", 0))
    assert found(index, 8) != ["item-8"]


def test_memory_follows_what_is_in_it() -> None:
    index = make()
    empty = index.memory_bytes
    for n in range(100):
        index.apply(view(f"item-{n}", n))
    assert index.memory_bytes - empty >= 100 * 2 * DIM
    assert unit(1).dtype == np.float16


def test_excluded_items_are_known_and_never_listed() -> None:
    exclusions = Exclusions(labels=frozenset({"adult"}), groups=frozenset({"tests"}))
    index = ItemIndex(MODEL, DIM, exclusions=exclusions)
    index.apply(FactRecord("a", "labels", ("red", "adult")))
    for number, item_id in enumerate("abc"):
        index.apply(view(item_id, number))
    index.apply(FactRecord("b", "group", "tests"))
    numbers = np.array([index.number(item_id) for item_id in "abc"], np.int32)
    assert index.available(numbers).tolist() == [False, False, True]
    found, _ = index.search(units([0]), 3)
    assert [n for n in found[0].tolist() if n >= 0] == [numbers[2]]
    assert index.newest(5).tolist() == [numbers[2]]

    index.apply(FactRecord("a", "labels", ("red",)))
    assert index.available(numbers).tolist() == [True, False, True]
    assert index.search(units([0]), 1)[0][0, 0] == numbers[0]


@settings(max_examples=200)
@given(
    log=st.lists(st.lists(records, max_size=8), max_size=8),
    max_items=st.sampled_from([2, 3, 1_000]),
)
def test_a_crowd_that_is_told_of_what_was_relisted_names_and_lists_what_there_is(
    log: Sequence[Sequence[ItemRecord]], max_items: int
) -> None:
    """Where numbers pass from one item to another, too."""
    index, crowd = make(max_items=max_items), Crowd(LearningRules(items=16))
    table = crowd.table
    for batch in log:
        for record in batch:
            index.apply(record)
        crowd.relist(index.take_relisted(), index)
        for item_id in IDS:
            row, number = table.row(item_key(item_id)), index.number(item_id)
            if row >= 0:
                assert crowd.numbers[row] in {-1, number}
                assert table.signals.listed[row] == (
                    number is not None and bool(index.available(np.array([number]))[0])
                )
            if number is not None and index.available(np.array([number]))[0]:
                assert crowd.numbers[row] == number
                assert crowd.rows_of(np.array([number], np.int32))[0] == row


def test_who_came_back_under_another_number_stays_when_its_old_one_is_listed_again() -> None:
    index, crowd = make(max_items=2), Crowd(LearningRules(items=16))

    def apply(*records: ItemRecord) -> None:
        for record in records:
            assert index.apply(record) is None
        crowd.relist(index.take_relisted(), index)

    apply(view("a", 1), view("c", 2))
    apply(WithdrawnRecord("a", 0))
    apply(FactRecord("b", "title", "takes the number of a"))
    apply(WithdrawnRecord("c", 0), view("a", 3))
    apply(view("b", 4))
    for item_id in ("a", "b"):
        row = crowd.table.row(item_key(item_id))
        assert crowd.table.signals.listed[row]
        assert crowd.numbers[row] == index.number(item_id)
