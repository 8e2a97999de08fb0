"""The directions she dislikes."""

from __future__ import annotations

import numpy as np
import pytest

from streams.core.repelled import MOST_WEIGHT, Repelled
from streams.core.rules import TasteRules
from tests.unit.core.worlds import World

RULES = TasteRules()


def views(item_id: str, world: World) -> np.ndarray:
    return world.views(world.ids.index(item_id))


def test_a_direction_in_int8_is_nearly_the_one_it_was(world):
    repelled = Repelled()
    repelled.repel(views("0/1", world), 3.0, RULES)
    assert repelled.vectors()[0] @ views("0/1", world)[0] > 0.9995


def test_a_second_dislike_of_the_like_moves_and_strengthens_the_first(world):
    repelled = Repelled()
    repelled.repel(views("0/1", world), 1.0, RULES)
    before = repelled.vectors()[0] @ views("0/2", world)[0]
    repelled.repel(views("0/2", world), 1.0, RULES)
    assert repelled.weights == [2.0]
    assert repelled.vectors()[0] @ views("0/2", world)[0] > before


def test_of_too_many_the_lightest_goes(world):
    repelled = Repelled()
    for item_id, weight in (("0/1", 3.0), ("1/1", 1.0), ("2/1", 2.0)):
        repelled.repel(views(item_id, world), weight, RULES)
    assert repelled.weights == [3.0, 2.0]
    assert repelled.vectors()[1] @ views("2/1", world)[0] > 0.99


def test_a_dislike_is_forgiven_in_time_and_by_likes(world):
    repelled = Repelled()
    repelled.repel(views("0/1", world), 3.0, RULES)
    repelled.forgive(views("0/1", world), RULES)
    assert repelled.weights == [pytest.approx(1.5, abs=0.01)]
    repelled.fade(20 * RULES.repel_half_life_s, RULES)
    assert len(repelled) == 0


def test_however_often_she_says_so_the_weight_is_bounded(world):
    repelled = Repelled()
    for _ in range(100):
        repelled.repel(views("0/1", world), 3.0, RULES)
    assert repelled.weights == [MOST_WEIGHT]


def test_without_room_for_directions_nothing_is_kept(world):
    repelled = Repelled()
    repelled.repel(views("0/1", world), 3.0, TasteRules(repelled=0))
    assert len(repelled) == 0


def test_a_lowered_rule_keeps_the_heaviest(world):
    repelled = Repelled()
    repelled.repel(views("0/1", world), 1.0, RULES)
    repelled.repel(views("1/1", world), 3.0, RULES)
    repelled.fade(0.0, TasteRules(repelled=1))
    assert repelled.weights == [3.0]
    assert repelled.vectors()[0] @ views("1/1", world)[0] > 0.99
