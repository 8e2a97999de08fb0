"""Every reason of every list, through a crowd's log, is proven."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import numpy as np
import pytest

from streams.agents import list_maker
from streams.core import lists, reasons
from streams.core.picks import Pick
from streams.evaluation import product
from streams.evaluation.log import Log, Row, make_log
from streams.evaluation.product import Lookstream
from streams.evaluation.replay import replay
from streams.evaluation.vectors import ItemPictures
from streams.local.crowd import Crowd, Nature
from streams.settings import defaults

DIM, THEMES, EACH = 24, 12, 20
SMALL = Nature(users=120, days=20.0, clicks_per_user=14.0)


@pytest.fixture(scope="module")
def crowd() -> tuple[Log, ItemPictures]:
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(THEMES, 1, DIM))
    vectors = (centres + 0.8 * rng.normal(size=(THEMES, EACH, DIM))).reshape(-1, DIM)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    themes = [f"theme {n // EACH}" for n in range(len(vectors))]
    made = Crowd(themes, np.random.default_rng(3), SMALL)
    ids = [f"item-{n}" for n in range(len(vectors))]
    rows = [Row(f"user-{c.user}", ids[c.item], c.kind, 1e9 + c.at_s) for c in made.clicks()]
    log = make_log(rows, defaults().taste_rules(), more_items=ids)
    place = {item_id: n for n, item_id in enumerate(ids)}
    order = [place[item_id] for item_id in log.item_ids]
    n = len(ids)
    return log, ItemPictures("test", vectors[order], np.ones(n, np.bool_), np.zeros(n, np.uint64))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], list[str]]:
    """Kinds of the reasons that were given, and what is wrong with any of them."""
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    make_list = lists.make_list

    def making(profile: Any, found: Any, near: Any, fallback: Any, **given: Any) -> list[Pick]:
        picks = make_list(profile, found, near, fallback, **given)
        kinds.update(pick.reason_kind for pick in picks)
        catalogue, rules = given["catalogue"], given["rules"]
        for pick in picks:
            said = reasons.check(
                pick,
                profile,
                catalogue,
                fallback,
                rules,
                crowd=given.get("crowd"),
                now_s=given["now_s"],
            )
            if said is not None:
                wrong.append(f"{pick.reason_kind}: {said}")
        return picks

    monkeypatch.setattr(list_maker.lists, "make_list", making)
    return kinds, wrong


def test_every_reason_holds(
    crowd: tuple[Log, ItemPictures],
    checked: tuple[Counter[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, pictures = crowd
    # The log is small.
    monkeypatch.setattr(product, "Crowd", functools.partial(product.Crowd, least_likes=100.0))
    method = Lookstream(log, pictures, defaults())
    replay(log, [method], warm_up=0.2, every=3)
    kinds, wrong = checked
    assert wrong == []
    assert sum(kinds.values()) > 5_000
    assert min(kinds["people-also-clicked"], kinds["looks-like"], kinds["popular"]) > 100
