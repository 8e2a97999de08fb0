"""What the terminal shows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from streams.local.display import Display, plain_line, render, write_svg
from streams.local.scene import Clicked, why
from tests.unit.local.making import a_list, item, listed, scene, visitor

ITEMS = {"apple": item("apple")}


def shown(height: int = 30, width: int = 110, **changes: object) -> str:
    console = Console(width=width, height=height, file=io.StringIO(), record=True)
    console.print(render(scene(**changes), height))
    return console.export_text()


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (("looks-like", "apple", 0.824), "looks like “a apple”, .82"),
        (("looks-like", "apple", 1.0), "looks like “a apple”, 1.00"),
        (("looks-like", "unknown", 0.5), "looks like “unknown”, .50"),
        (("people-also-clicked", "apple"), "who clicked “a apple” clicked this too"),
        (("popular",), "popular now"),
        (("new",), "new here"),
        (("exploring",), "a guess, to learn from"),
        (("something-later",), "something later"),
    ],
)
def test_reasons_are_given_in_words(reason: tuple[str, str, float], words: str) -> None:
    assert why(listed("pear", *reason), ITEMS) == words


def test_a_long_title_leaves_room_for_the_similarity() -> None:
    said = why(listed("pear", "looks-like", "a very long title indeed", 0.5), {}, most=10)
    assert said == "looks like “a very lo…”, .50"


def test_one_view_has_clicks_list_reasons_and_counts() -> None:
    text = shown()
    for part in ("liked", "a apple", "looks like “a apple”, .82", "7.4 ms", "1.25 s", "50%"):
        assert part in text
    assert "42 s left" in text
    assert "6 / 10" in text


def test_what_is_to_her_taste_is_marked() -> None:
    lines = shown().splitlines()
    assert "●" in next(line for line in lines if "a pear" in line)
    assert "●" not in next(line for line in lines if "a axe" in line)


@pytest.mark.parametrize("height", [16, 24, 50])
def test_it_fits_the_terminal(height: int) -> None:
    she = visitor()
    she.clicks.extend(Clicked("apple", "click", 1.0) for _ in range(40))
    she.read(a_list(*(listed(f"pear {n}") for n in range(40))))
    assert len(shown(height, 90, visitors=(she,)).rstrip("\n").splitlines()) <= height


def test_titles_cannot_command_the_terminal() -> None:
    she = visitor(tastes=("\x1b[31m[red]",))
    she.read(a_list(listed("x")))
    she.clicks.appendleft(Clicked("\x1b]0;title\x07", "click", 1.0))
    text = shown(visitors=(she,))
    assert "\x1b" not in text
    assert "[red]" in text


def test_before_the_first_list_a_line_says_what_is_going_on() -> None:
    before = scene(left_s=None, embedded=0, drawn=4, stage="drawing")
    assert plain_line(before) == "drawing: 4 of 10"


def test_elsewhere_than_on_a_terminal_lines_come_at_new_stages_and_every_five_seconds() -> None:
    out = io.StringIO()
    with Display(Console(file=out, width=200)) as display:
        for now_s in range(12):
            display.show(scene(now_s=float(now_s)))
        display.show(scene(now_s=12.0, stage="counting"))
    assert len(out.getvalue().splitlines()) == 4


def test_the_svg_loads_nothing(tmp_path: Path) -> None:
    write_svg(tmp_path / "view.svg", scene())
    drawn = (tmp_path / "view.svg").read_text()
    assert "@font-face" not in drawn
    assert "url(http" not in drawn
    assert "looks&#160;like" in drawn
