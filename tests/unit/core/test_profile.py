"""Memories of bounded size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.core.profile import KeyMemory, Profile, item_key


@given(st.lists(st.integers(0, 30) | st.integers(0, 2**32 - 1)), st.integers(1, 10))
def test_the_newest_different_keys_are_remembered(keys, most):
    memory = KeyMemory()
    for key in keys:
        memory.add(key, most)
    newest = list(dict.fromkeys(reversed(keys)))[:most]
    assert memory.keys() == newest[::-1]
    assert all(key in memory for key in newest)
    assert not any(key in memory for key in set(keys) - set(newest))


def test_a_match_across_two_keys_is_none():
    memory = KeyMemory()
    memory.add(0x01020304, 5)
    memory.add(0x05060708, 5)
    assert 0x08010203 not in memory
    assert 0x05060708 in memory


def test_the_key_of_an_item_is_the_same_everywhere():
    assert item_key("item-1") == 0xAF68BCA9
    assert item_key("é") < 2**32


def test_only_offsets_above_the_mark_are_new():
    profile = Profile()
    assert not profile.applied("clicks-0", 0)
    profile.mark("clicks-0", 5)
    assert profile.applied("clicks-0", 5)
    assert not profile.applied("clicks-0", 6)
    assert not profile.applied("clicks-1", 0)
