"""What a run comes to, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.local.summary import duration, share, write_whole
from tests.unit.local.making import summary

PROMISED = {
    "pictures_embedded",
    "clicks_applied",
    "lists_published",
    "dead_letters",
    "click_to_list_p50_s",
    "click_to_list_p99_s",
    "taste_hit_rate",
    "taste_hit_rate_random",
}


def test_the_file_holds_what_is_promised(tmp_path: Path) -> None:
    summary().write(tmp_path / "summary.json")
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written.keys() >= PROMISED
    assert written["click_to_list_p50_s"] == 0.0074


def test_what_was_not_seen_is_null(tmp_path: Path) -> None:
    summary(taste_hit_rate=None, click_to_list_p99_s=None).write(tmp_path / "summary.json")
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written["taste_hit_rate"] is None
    assert written["click_to_list_p99_s"] is None


def test_people_read_every_figure() -> None:
    said = "\n".join(summary().lines())
    for figure in ("1,799", "1,800", "299", "298", "7.4 ms", "250 ms", "51%", "3.4%"):
        assert figure in said


def test_people_are_told_when_there_was_no_list() -> None:
    assert "no list to judge by" in "\n".join(summary(taste_hit_rate=None).lines())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0.0074, "7.4 ms"), (0.25, "250 ms"), (1.25, "1.25 s")],
)
def test_durations_have_the_unit_that_fits(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(("value", "said"), [(None, "–"), (0, "0%"), (0.034, "3.4%"), (0.5, "50%")])
def test_small_shares_keep_a_digit(value: float | None, said: str) -> None:
    assert share(value) == said


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
