"""What a rebuild finds missing, and what it refuses."""

from __future__ import annotations

import pytest

from streams.commands import rebuild as command
from streams.errors import StartRefused
from streams.settings import Settings
from streams.stores import clearing
from streams.stores.memory_profiles import MemoryProfiles
from streams.stores.profiles import ABSENT, Write
from streams.workers.rebuild import Rebuild, Rebuilt, Stretch, plan


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
    command._say("clicks", missing)
    assert (
        "clicks-2: the store holds up to offset 4, the log has 80 offsets beyond; "
        "5 offsets before that are in the log no more"
    ) in capsys.readouterr().out


def test_a_log_that_ends_before_the_mark_is_another_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (anew,) = plan({0: (0, 5)}, {"clicks-0": 99}, "clicks")
    assert (anew.anew, anew.offsets, anew.lost) == (True, 0, 0)
    with pytest.raises(StartRefused, match="--new-log"):
        command._check("clicks", [anew], accept=True)
    command._check_new("clicks", [anew, Stretch(1, 9, 10, 10)])
    command._say("clicks", [anew])
    assert "holds up to offset 99, the log has 0 offsets beyond, and ends before offset 5" in (
        capsys.readouterr().out
    )


def test_a_log_that_may_be_the_same_is_not_taken_for_a_new_one() -> None:
    with pytest.raises(StartRefused, match="count twice"):
        command._check_new("clicks", [Stretch(0, 9, 10, 10), Stretch(1, -1, 0, 0)])
    command._check_new("clicks", [Stretch(0, -1, 0, 10)])


class EndlessLog:
    """A log of one partition that has grown each time it is asked."""

    def __init__(self) -> None:
        self.end = 0

    async def open(self) -> None: ...

    async def bounds(self) -> dict[int, tuple[int, int]]:
        self.end += 100
        return {0: (0, self.end)}


@pytest.fixture
async def job() -> Rebuild:
    """A rebuild with a store in memory."""
    job = Rebuild(Settings())
    await job.close()
    job._log, job._store = EndlessLog(), MemoryProfiles()  # type: ignore[assignment]
    return job


async def test_what_was_applied_until_the_deletion_is_read_again_too(
    job: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers wait for what they applied last, and that may be later than the first look."""
    monkeypatch.setattr(clearing, "forget_profiles", lambda url, prefix, options: 7)
    await job.open(as_if_empty=True)
    assert job.stretches == [Stretch(0, -1, 0, 100)]
    assert await job.forget() == 7
    assert job.stretches == [Stretch(0, -1, 0, 200)]


async def test_a_deletion_that_was_interrupted_is_not_built_upon(job: Rebuild) -> None:
    await job._store.save([Write("ann", ABSENT, b"1", [("x", 1.0)])])
    with pytest.raises(StartRefused, match="was interrupted"):
        await job.open()
    await job.open(as_if_empty=True)


async def test_an_empty_store_is_rebuilt_from_the_beginning(job: Rebuild) -> None:
    await job.open()
    assert job.stretches == [Stretch(0, -1, 0, 100)]


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
