"""The rules refuse what can't work."""

from __future__ import annotations

import math

import pytest

from streams.core.rules import KINDS, RULE_NAMES, TasteRules


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interests", 0),
        ("pending", 50),
        ("seen", 0),
        ("list_length", 0),
        ("short_half_life_s", 0.0),
        ("long_half_life_s", math.nan),
        ("like_weight", -1.0),
        ("like_weight", math.inf),
        ("largest_click_share", 1.0),
        ("min_similarity", 1.5),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        TasteRules(**{name: value})


def test_a_dwell_weighs_by_its_seconds_and_saturates():
    rules = TasteRules(dwell_weight=2.0, dwell_half_s=30.0)
    assert rules.weight("dwell", 30.0) == pytest.approx(1.0)
    assert rules.weight("dwell", 1.0) < rules.weight("dwell", 10.0) < rules.weight("dwell", 1e9)
    assert rules.weight("dwell", math.inf) == 2.0


@pytest.mark.parametrize("dwell_s", [None, math.nan, -5.0, 0.0, -math.inf])
def test_a_dwell_of_no_or_senseless_seconds_weighs_nothing(dwell_s):
    assert TasteRules().weight("dwell", dwell_s) == 0.0


def test_every_kind_has_a_weight_that_can_be_set():
    assert all(TasteRules(**{f"{kind}_weight": 7.0}).weights[kind] == 7.0 for kind in KINDS)
    assert "weights" not in RULE_NAMES


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="view, click, like"):
        TasteRules().weight("stare")
