"""A recommender's copy of what was learned: what follows from it depends on nobody else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streams.core.crowd import Crowd
from streams.core.learning.interaction import Interaction
from streams.core.learning.learner import Learner
from streams.core.learning.signals import ItemSignals, decode_signals
from tests.unit.core.learning.clicks import RULES, Clicker, circles

UNLEARNED = [901, 902, 903]
"""In the catalogue, and nobody has clicked them."""


def published() -> list[ItemSignals]:
    learner = Learner(RULES)
    users: dict[int, Clicker] = {}
    for offset, (user, item) in enumerate(circles(40, 60, 12, seed=5)):
        learner.learn(users.setdefault(user, Clicker()).clicks(item, offset))
    return [decode_signals(item.encode()) for item in learner.publish()]


def crowd_of(items: list[ItemSignals], named: list[int]) -> Crowd:
    """named: what the catalogue had named before."""
    crowd = Crowd(RULES)
    crowd.table.add_all(np.array(named, np.uint32))
    for item in items:
        crowd.table.put(item)
    return crowd


def likes() -> list[Interaction]:
    """One user's, of items that are known and of some that are not."""
    user = Clicker()
    rng = np.random.default_rng(2)
    liked = [1, 901, 4, 7, 902, *(int(item) for item in rng.permutation(np.arange(8, 60)))]
    return [user.clicks(item, offset) for offset, item in enumerate(liked)]


def residuals(crowd: Crowd) -> list[bytes]:
    """After each like, the next one from there."""
    found = []
    residual = np.zeros(32, np.float32)
    for told in likes():
        after = crowd.residual_after(replace(told, residual=residual))
        residual = np.frombuffer(after, "<f2").astype(np.float32)
        found.append(after)
    return found


@pytest.mark.parametrize(
    "named",
    [[], UNLEARNED, [60, 902, 3, 17]],
    ids=["nothing", "what nobody has clicked", "some of it"],
)
def test_a_residual_follows_from_the_signals_whatever_order_they_came_in(named: list[int]) -> None:
    items = published()
    wanted = residuals(crowd_of(items, []))
    assert len(set(wanted)) > 40
    assert residuals(crowd_of(items, named)) == wanted
    assert residuals(crowd_of(items[::-1], named)) == wanted


def test_a_residual_is_the_same_whenever_the_first_one_was_asked_for() -> None:
    items = published()
    early, late = crowd_of(items, []), crowd_of(items, [])
    residuals(early)
    for crowd in (early, late):
        crowd.table.add_all(np.array(UNLEARNED, np.uint32))
    assert residuals(early) == residuals(late)


def test_what_nothing_is_known_of_moves_no_residual() -> None:
    crowd = crowd_of(published(), UNLEARNED)
    user = Clicker()
    before = np.full(32, 0.25, np.float32)
    told = replace(user.clicks(901, 0), residual=before)
    assert crowd.residual_after(told) == before.astype("<f2").tobytes()
