"""The primitives of the compiled loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.learning.compiled import (
    bits_set,
    find,
    find_many,
    highest,
    insert,
    insert_many,
    mixed,
    narrowed,
    remove,
    widened,
)


def test_every_float16_that_is_not_negative_is_widened_exactly():
    bits = np.arange(0x7C00, dtype=np.uint16)
    values = bits.view(np.float16).astype(np.float32)
    assert [widened(b) for b in bits[::7]] == values[::7].tolist()


def test_narrowing_gives_a_value_back_whatever_the_chance():
    for value in np.array([0.0, 6e-8, 0.1, 1.0, 2048.0, 65504.0], np.float16):
        for chance in (0, 8191, 2**32 - 1):
            assert widened(narrowed(np.float32(value), np.uint32(chance))) == value


def test_a_narrowed_value_is_right_in_the_mean():
    """2048.5 lies between the float16s 2048 and 2050: a quarter of the chances round up."""
    values = [widened(narrowed(np.float32(2048.5), np.uint32(chance))) for chance in range(8192)]
    assert set(values) == {2048.0, 2050.0}
    assert np.mean(values) == pytest.approx(2048.5, abs=1e-3)


def test_what_float16_cannot_hold_is_its_largest_number():
    assert widened(narrowed(np.float32(1e9), np.uint32(8191))) == 65504.0
    assert widened(narrowed(np.float32(np.inf), np.uint32(0))) == 65504.0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=60))
def test_the_map_from_keys_to_rows_is_one_whatever_is_put_in_and_taken_out(steps):
    """Thirteen keys in sixteen slots, so that they get into each other's way."""
    keys = np.arange(13, dtype=np.uint32) * 7 + 1
    slots = np.full(16, -1, np.int32)
    there: set[int] = set()
    for put, row in steps:
        if put and row not in there:
            insert(slots, keys, row)
            there.add(row)
        elif not put and row in there:
            remove(slots, keys, row)
            there.remove(row)
    found = find_many(slots, keys, keys)
    assert found.tolist() == [row if row in there else -1 for row in range(13)]
    assert find(slots, keys, np.uint32(9_999)) == -1


@given(st.lists(st.lists(st.integers(1, 12), max_size=6), max_size=5))
def test_new_keys_get_the_next_rows_while_there_is_room(batches):
    slots, keys, size = np.full(16, -1, np.int32), np.zeros(8, np.uint32), 0
    rows: dict[int, int] = {}
    for batch in batches:
        for key in batch:
            if key not in rows and len(rows) < len(keys):
                rows[key] = len(rows)
        found, size = insert_many(slots, keys, size, np.array(batch, np.uint32))
        assert found.tolist() == [rows.get(key, -1) for key in batch]
        assert size == len(rows)
    assert keys[:size].tolist() == list(rows)


# Many of one size, which only the last bits tell apart, and of several.
sizes = st.integers(0, 9) | st.integers(1_000, 1_009)


@given(st.lists(sizes, max_size=40), st.integers(0, 12))
def test_the_highest_are_those_of_a_full_sort(values, n):
    array = np.array(values, np.float32)
    chosen = highest(array, n)
    assert len(set(chosen.tolist())) == len(chosen)
    best = sorted((v for v in values if v > 0), reverse=True)[:n]
    assert sorted(array[chosen].tolist(), reverse=True) == best


@given(st.integers(0, 2**64 - 1))
def test_bits_are_counted(number):
    assert bits_set(np.uint64(number)) == number.bit_count()


def test_scrambling_is_splitmix64():
    """The first outputs of the published generator for the seed 1234567."""
    assert int(mixed(np.uint64(1234567))) == 6457827717110365317
    assert int(mixed(np.uint64(1234567 + 0x9E3779B97F4A7C15))) == 3203168211198807973
