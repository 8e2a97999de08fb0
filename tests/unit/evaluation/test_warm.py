"""No method's seconds hold a compiler's."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from streams.core.rules import TasteRules
from streams.evaluation import product
from streams.evaluation.baselines import baselines
from streams.evaluation.learned import Learned
from streams.evaluation.product import Lookstream
from streams.evaluation.replay import replay
from streams.evaluation.split import make_split, run_split
from streams.evaluation.vectors import ItemPictures
from streams.evaluation.warm import warm_up
from streams.settings import defaults
from tests.unit.evaluation.logs import log_of


def compiled() -> dict[str, int]:
    """Every compiled loop that was imported, and for how many signatures it is compiled."""

    def loops() -> Iterator[Dispatcher]:
        for name, module in list(sys.modules.items()):
            if name.startswith("streams."):
                yield from (each for each in vars(module).values() if isinstance(each, Dispatcher))

    return {f"{loop.__module__}.{loop.__name__}": len(loop.signatures) for loop in loops()}


def test_what_methods_run_is_compiled_by_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up(defaults())
    before = compiled()
    # The log is small.
    monkeypatch.setattr(product, "Crowd", functools.partial(product.Crowd, least_likes=30.0))
    random = np.random.default_rng(3)
    log = log_of(", ".join(f"u{random.integers(15)} i{random.integers(40)}" for _ in range(200)))
    vectors = random.normal(size=(len(log.item_ids), 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(vectors)
    pictures = ItemPictures("test", vectors, np.ones(n, np.bool_), np.zeros(n, np.uint64))
    settings = defaults()
    ours = Lookstream(log, pictures, settings)
    methods = [
        ours,
        Lookstream(log, pictures, settings, name="all", score_all=True),
        Learned(log),
        *baselines(log, pictures, seed=1)[0],
    ]
    replay(log, methods, every=5)
    assert ours._lessons is not None
    assert ours._lessons.crowd.ranks
    train = [(f"u{n % 5}", f"i{n % 7}") for n in range(30)]
    split, wanted = make_split(train, [("u0", "i6"), ("u1", "i5")], TasteRules(), seed=1)
    run_split(split, wanted, [Learned(split), *baselines(split, None, seed=1)[0]])
    assert compiled() == before
