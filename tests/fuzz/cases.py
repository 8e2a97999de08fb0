"""Seed and number -> case: nothing else decides what it is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from tests.fuzz import clicks, images, thought_of
from tests.fuzz.case import MARK, Case

_MAKERS = (
    (22, images.damaged),
    (22, images.lying),
    (5, images.bomb),
    (3, images.whole),
    (13, images.facts),
    (5, images.uri),
    (15, clicks.click),
)
_BY_HYPOTHESIS = 15
MOST_BYTES = 15_000_000
"""Longer values are cut: a broker takes none that are longer."""


_STRETCH = 250


def make(seed: int, number: int) -> Case:
    """The case of that number in the run of that seed. Each holds MARK somewhere."""
    rng = random.Random(f"{seed}/{number}")
    maker = _maker(rng)
    if maker is None:
        # Hypothesis draws blocks: so those of one block are used up one after another.
        start = number - number % _STRETCH
        before = sum(_maker(random.Random(f"{seed}/{n}")) is None for n in range(start, number))
        case = thought_of.thought_of(seed, start + before)
    else:
        case = maker(rng)
    if case.value is not None and len(case.value) > MOST_BYTES:
        case = replace(case, value=case.value[:MOST_BYTES])
    if case.marked:
        return case
    return replace(case, headers=(*case.headers, (b"x-note", MARK.encode())))


def _maker(rng: random.Random) -> Callable[[random.Random], Case] | None:
    """Who makes the case; None: hypothesis does."""
    weights = [_BY_HYPOTHESIS, *(weight for weight, _ in _MAKERS)]
    return rng.choices([None, *(maker for _, maker in _MAKERS)], weights)[0]
