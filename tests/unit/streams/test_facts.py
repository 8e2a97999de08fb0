from __future__ import annotations

import pytest

from streams.errors import Reason
from streams.facts import read_facts, read_view
from streams.fields import EventLimits
from tests.unit.streams.refusals import refused

LIMITS = EventLimits(max_labels=3, max_label_bytes=10, max_title_bytes=20, max_view_bytes=10)


def test_only_the_facts_that_are_named_change() -> None:
    assert read_facts({}, LIMITS) == {}
    assert read_facts({"title": "Shoe", "colour": "red"}, LIMITS) == {"title": "Shoe"}


def test_all_facts_of_json() -> None:
    named = {"labels": ["a", "b"], "group": "Acme", "title": "Shoe", "available": False}
    assert read_facts(named, LIMITS) == {
        "labels": ("a", "b"),
        "group": "Acme",
        "title": "Shoe",
        "available": False,
    }


def test_all_facts_of_headers() -> None:
    named = {"labels": b"a, b,", "group": b"Acme", "title": "Größe".encode(), "available": b"TRUE"}
    assert read_facts(named, LIMITS) == {
        "labels": ("a", "b"),
        "group": "Acme",
        "title": "Größe",
        "available": True,
    }


def test_null_and_empty_texts_clear() -> None:
    nothing = {"labels": (), "group": None, "title": None, "available": None}
    assert read_facts(dict.fromkeys(nothing), LIMITS) == nothing
    assert read_facts(dict.fromkeys(nothing, ""), LIMITS) == nothing
    assert read_facts(dict.fromkeys(nothing, b""), LIMITS) == nothing


@pytest.mark.parametrize("value", ["a,b", b"a,b", ["a", "b"], '["a","b"]', b'["a", "b"]', " a ,b"])
def test_labels_are_a_list_or_text(value: object) -> None:
    assert read_facts({"labels": value}, LIMITS) == {"labels": ("a", "b")}


def test_labels_are_kept_once_and_in_order() -> None:
    assert read_facts({"labels": ["b", " a", "b"]}, LIMITS) == {"labels": ("b", "a")}


def test_empty_labels_are_none() -> None:
    assert read_facts({"labels": ["a", "", " "]}, LIMITS) == {"labels": ("a",)}


@pytest.mark.parametrize("value", [["a"] * 4, "a,b,c,d", '["a","b","c","d"]'])
def test_too_many_labels(value: object) -> None:
    with refused(Reason.TOO_MANY_LABELS, "4 labels; 3 are allowed"):
        read_facts({"labels": value}, LIMITS)


@pytest.mark.parametrize(
    "named",
    [
        {"labels": 3},
        {"labels": {"a": 1}},
        {"labels": ["a", 3]},
        {"labels": ["a" * 11]},
        {"labels": ["\x1b"]},
        {"labels": '["a"'},
        {"labels": b"\xff"},
        {"labels": "a," * 1_000_000},
        {"group": 3},
        {"group": b"\xff"},
        {"title": "a" * 21},
        {"title": "a" * 1_000_000},
        {"title": ["Shoe"]},
        {"available": 1},
        {"available": "maybe"},
        {"available": b"\xff"},
        {"available": []},
    ],
)
def test_facts_that_are_refused(named: dict[str, object]) -> None:
    with refused(Reason.BAD_FIELD):
        read_facts(named, LIMITS)


@pytest.mark.parametrize(
    ("value", "view"),
    [(None, "main"), ("", "main"), ("front", "front"), (b" front ", "front"), (2, "2")],
)
def test_a_view_has_a_name_and_main_is_the_default(value: object, view: str) -> None:
    assert read_view(value, LIMITS) == view


@pytest.mark.parametrize("value", [True, 1.5, ["front"], "a" * 11, b"\xff", "a\0b"])
def test_views_that_are_refused(value: object) -> None:
    with refused(Reason.BAD_FIELD, "view"):
        read_view(value, LIMITS)
