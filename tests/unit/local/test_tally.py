"""Click-to-list and taste hit rate, with a clock in hand."""

from __future__ import annotations

import pytest

from streams.local.tally import Tally, quantiles
from tests.unit.local.making import a_list


def test_click_to_list_is_from_sending_to_reading() -> None:
    tally = Tally()
    tally.click_accepted("ada", partition=0, offset=5, sent_at_s=10.0)
    tally.list_read(a_list(offset=5), at_s=10.25)
    assert tally.click_to_list_s() == (0.25, 0.25)


def test_the_list_may_come_before_the_acknowledgement() -> None:
    tally = Tally()
    tally.list_read(a_list(offset=5), at_s=10.25)
    tally.click_accepted("ada", partition=0, offset=5, sent_at_s=10.0)
    assert tally.click_to_list_s() == (0.25, 0.25)
    assert tally.waiting == 0


def test_a_later_list_answers_earlier_clicks_of_the_same_partition() -> None:
    tally = Tally()
    tally.click_accepted("ada", 0, 5, 10.0)
    tally.click_accepted("ada", 0, 6, 11.0)
    tally.list_read(a_list(offset=6), at_s=12.0)
    assert tally.click_to_list_s() == pytest.approx((1.5, 1.99))


def test_an_earlier_list_does_not_answer_a_later_click() -> None:
    tally = Tally()
    tally.click_accepted("ada", 0, 7, 10.0)
    tally.list_read(a_list(offset=6), at_s=12.0)
    assert tally.waiting == 1
    assert tally.click_to_list_s() == (None, None)


def test_anothers_list_answers_nothing() -> None:
    tally = Tally()
    tally.click_accepted("ada", 0, 5, 10.0)
    tally.list_read(a_list(user="bela", offset=6), at_s=12.0)
    assert tally.waiting == 1


def test_a_list_that_comes_twice_counts_once() -> None:
    tally = Tally()
    for at_s in (1.0, 2.0):
        tally.list_read(a_list(offset=5), at_s, fit=(1.0, 0.5))
    assert tally.lists == 1
    assert tally.fit() == (1.0, 0.5)


def test_a_list_without_a_click_behind_it_has_no_time() -> None:
    tally = Tally()
    tally.list_read(a_list(offset=None), at_s=1.0)
    assert tally.lists == 1
    assert tally.click_to_list_s() == (None, None)


def test_fit_is_the_mean_over_lists() -> None:
    tally = Tally()
    tally.list_read(a_list(offset=1), 1.0, fit=(0.2, 0.1))
    tally.list_read(a_list(offset=2), 2.0, fit=(0.6, 0.3))
    assert tally.fit() == pytest.approx((0.4, 0.2))


def test_nothing_seen_is_none_not_zero() -> None:
    assert Tally().fit() == (None, None)
    assert quantiles([]) == (None, None)


def test_quantiles_are_linear_between_ranks() -> None:
    assert quantiles([0.0, 1.0, 2.0, 3.0]) == pytest.approx((1.5, 2.97))
