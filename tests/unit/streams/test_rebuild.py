"""What a rebuild finds missing, and what it refuses."""

from __future__ import annotations

import pytest

from streams.commands import rebuild as command
from streams.errors import StartRefused
from streams.workers.rebuild import Rebuilt, Stretch, plan


def test_the_log_beyond_each_mark_is_missing() -> None:
    bounds = {0: (0, 100), 1: (0, 50), 2: (10, 90), 3: (40, 40)}
    marks = {"clicks-0": 59, "clicks-1": 49, "clicks-2": 4, "other-2": 80}
    stretches = plan(bounds, marks, "clicks")
    assert stretches == [
        Stretch(0, 59, 60, 100),
        Stretch(1, 49, 50, 50),
        Stretch(2, 4, 10, 90),
        Stretch(3, -1, 40, 40),
    ]
    assert [each.offsets for each in stretches] == [40, 0, 80, 0]
    assert [each.lost for each in stretches] == [0, 0, 5, 40]


def test_what_the_log_has_no_more_is_refused_unless_accepted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = [Stretch(2, 4, 10, 90)]
    with pytest.raises(StartRefused, match="--accept-losses"):
        command._check("clicks", missing, accept=False)
    command._check("clicks", missing, accept=True)
    assert (
        "clicks-2: the store holds up to offset 4, the log has 80 offsets beyond; "
        "5 offsets before that are in the log no more"
    ) in capsys.readouterr().out


def test_the_summary_says_what_came_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    command._summary(Rebuilt(applied=1_500, duplicates=400, refused=100), 2.0)
    said = capsys.readouterr().out
    assert said.startswith("1,500 clicks applied, 400 were known, 100 are no clicks; 2.0 s, 1,000 ")


def test_without_a_terminal_a_line_is_said_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = [0.0]
    hear = command._lines("applying clicks", lambda: now_s[0])
    for now_s[0], done in ((0.0, 0), (1.0, 10), (11.0, 20), (12.0, 30), (12.5, 40)):
        hear(done, 40)
    said = capsys.readouterr().err.splitlines()
    assert said == [f"applying clicks: {done} of 40" for done in (0, 20, 40)]
