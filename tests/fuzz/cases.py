"""Seed and number -> case: nothing else decides what it is."""

from __future__ import annotations

import random
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


def make(seed: int, number: int) -> Case:
    """The case of that number in the run of that seed. Each holds MARK somewhere."""
    rng = random.Random(f"{seed}/{number}")
    weights = [weight for weight, _ in _MAKERS]
    if rng.random() * (sum(weights) + _BY_HYPOTHESIS) < _BY_HYPOTHESIS:
        case = thought_of.thought_of(seed, number)
    else:
        (maker,) = rng.choices([maker for _, maker in _MAKERS], weights)
        case = maker(rng)
    if case.value is not None and len(case.value) > MOST_BYTES:
        case = replace(case, value=case.value[:MOST_BYTES])
    if case.marked:
        return case
    return replace(case, headers=(*case.headers, (b"x-note", MARK.encode())))
