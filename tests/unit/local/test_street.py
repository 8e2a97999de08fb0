"""Lists as they are read, and what stands in front of a shopper."""

from __future__ import annotations

from typing import Any

from streams.local.shoppers import Shelf
from streams.local.street import Street
from streams.local.tally import Tally
from tests.unit.local.making import a_list, listed, visitor

THEMES = {"apple": "fruit", "pear": "fruit", "axe": "tool", "saw": "tool"}


class NoClicks:
    def send(self, *_: Any) -> None:
        raise AssertionError("nobody clicks here")


def street(tally: Tally) -> Street:
    shelf = Shelf(THEMES)
    shelf.put(THEMES)
    return Street([visitor().shopper], shelf, NoClicks(), tally)  # type: ignore[arg-type]


def test_a_list_is_judged_by_the_taste_of_whom_it_is_for() -> None:
    tally = Tally()
    street(tally).read(a_list(listed("apple"), listed("pear"), listed("axe"), listed("saw")), 1.0)
    assert tally.fit() == (0.5, 0.5)
    street(tally).read(a_list(listed("apple"), listed("pear"), offset=1), 2.0)
    assert tally.fit() == (0.75, 0.5)


def test_the_list_for_somebody_unknown_is_nobodys_here() -> None:
    tally = Tally()
    made = street(tally)
    made.read(a_list(listed("apple"), user="*", offset=None), 1.0)
    assert tally.lists == 0
    assert made.first_list_at_s is None


def test_the_first_list_is_remembered_with_how_much_was_out() -> None:
    made = street(Tally())
    made.read(a_list(listed("apple")), 1.0)
    made.read(a_list(listed("apple"), offset=1), 2.0)
    assert (made.first_list_at_s, made.out_at_first_list) == (1.0, 4)


def test_an_older_list_that_comes_late_does_not_replace_a_newer_one() -> None:
    she = visitor()
    she.read(a_list(listed("new"), offset=6))
    she.read(a_list(listed("old"), offset=5))
    assert she.newest is not None
    assert she.newest.items[0].item_id == "new"
