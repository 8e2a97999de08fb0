from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.text import printable


def test_plain_text_is_shown_as_it_is() -> None:
    assert printable("sku-1, größer, 靴") == "sku-1, größer, 靴"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r", "a\\nb\\r"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("\u202etxt", "\\u202etxt"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_a_terminal_could_act_on_is_escaped(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert printable("a" * 81) == "a" * 80 + "…"
    assert printable("a" * 80) == "a" * 80
    assert printable("abc", limit=2) == "ab…"


@given(st.text(st.characters()))
def test_whatever_comes_in_only_printable_characters_come_out(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
