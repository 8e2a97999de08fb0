"""What was told of late: remembered as long as the setting says, and no longer."""

from __future__ import annotations

from streams.agents.told import Told


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_an_item_rests_for_so_long_after_it_was_told() -> None:
    clock = Clock()
    told = Told(10.0, clock)
    assert not told.rests(1)
    told.note(1, b"one")
    clock.now_s = 9.9
    assert told.rests(1)
    assert told.says(1, b"one")
    assert not told.says(1, b"another")
    assert not told.says(2, b"one")
    clock.now_s = 10.0
    assert not told.rests(1)
    assert not told.says(1, b"one")


def test_what_was_told_again_rests_anew() -> None:
    clock = Clock()
    told = Told(10.0, clock)
    told.note(1, b"one")
    clock.now_s = 6.0
    told.note(2, b"two")
    told.note(1, None)
    clock.now_s = 12.0
    assert told.rests(1)
    assert told.says(1, None)
    assert told.rests(2)
    told.forget()
    assert not told.rests(1)


def test_with_nothing_to_wait_for_nothing_is_remembered() -> None:
    told = Told(0.0, Clock())
    told.note(1, b"one")
    assert not told.rests(1)
    assert len(told) == 0


def test_what_has_rested_is_remembered_no_more() -> None:
    clock = Clock()
    told = Told(10.0, clock)
    for key in range(1_000):
        clock.now_s = float(key)
        told.note(key, b"")
    assert len(told) == 10
