from __future__ import annotations

import random

import numpy as np
import pytest

from streams.stores import newest
from streams.stores.newest import Newest


@pytest.fixture(autouse=True)
def keep_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "KEEP", 10)


def test_whatever_came_and_went_the_newest_are_first() -> None:
    rng = random.Random(4)
    kept = Newest()
    there: dict[int, int] = {}
    rebuilt = 0
    for step in range(2000):
        number = rng.randrange(60)
        if number in there:
            kept.remove(there.pop(number), key_of(number), number)
        else:
            there[number] = rng.randrange(step // 40, step // 40 + 5)
            kept.add(there[number], key_of(number), number)
        n = rng.choice([1, 5, 15, 100])
        if not kept.has(n):
            rebuilt += 1
            numbers = np.array(list(there), dtype=np.int32)
            keys = np.array([key_of(number) for number in there], dtype=np.uint32)
            times = np.array(list(there.values()), dtype=np.int64)
            kept.rebuild(n, times, keys, numbers)
        expected = sorted(there, key=lambda number: (-there[number], key_of(number), number))
        assert kept.first(n).tolist() == expected[:n]
    assert rebuilt > 10


def test_equal_times_are_ordered_by_key_in_whatever_order_they_came() -> None:
    for order in ((1, 2, 3), (3, 1, 2)):
        kept = Newest()
        for number in order:
            kept.add(100, key_of(number), number)
        assert kept.first(3).tolist() == sorted(order, key=key_of)


def key_of(number: int) -> int:
    return number * 2_654_435_761 % 2**32
