"""What a learner has learned comes back from the disk, or is learned again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streams.core.learning.course import Course
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.stores.learner_snapshot import LearnerSnapshot
from tests.unit.core.learning.test_course import FEW, a_log, new_course, walk


def keeper(
    folder: Path, rules: LearningRules = FEW, topic: str = "interactions"
) -> LearnerSnapshot:
    return LearnerSnapshot(folder, topic, rules, Schedule(), clock=lambda: 0.0)


def learned(events: int = 200) -> Course:
    course = new_course()
    walk(course, a_log(events))
    return course


def to_the_bit(course: Course) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in course.state().items()}


async def test_what_was_saved_is_loaded_to_the_bit(tmp_path: Path) -> None:
    course = learned()
    written = await keeper(tmp_path).save(course)
    assert written is not None
    assert written.size_bytes == keeper(tmp_path).path.stat().st_size
    assert to_the_bit(await keeper(tmp_path).load()) == to_the_bit(course)


async def test_without_a_snapshot_it_begins_at_the_beginning(tmp_path: Path) -> None:
    course = await keeper(tmp_path).load()
    assert (course.offset, course.learner.size) == (0, 0)


async def test_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    course, snapshot = learned(), keeper(tmp_path)
    assert await snapshot.save(course) is not None
    assert await snapshot.save(course) is None
    loaded = keeper(tmp_path)
    assert await loaded.save(await loaded.load()) is None


@pytest.mark.parametrize(
    ("rules", "topic", "why"),
    [
        (replace(FEW, negatives=50), "interactions", "other rules"),
        (FEW, "shop.interactions", "other topic"),
        (replace(FEW, items=16), "interactions", "room for 16"),
    ],
)
async def test_a_foreign_snapshot_is_refused_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rules: LearningRules, topic: str, why: str
) -> None:
    await keeper(tmp_path).save(learned())
    other = keeper(tmp_path, rules, topic)
    other.path = keeper(tmp_path).path
    assert (await other.load()).offset == 0
    assert why in caplog.text
    assert "Learning again from the beginning" in caplog.text


async def test_a_torn_snapshot_is_refused_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await keeper(tmp_path).save(learned())
    path = keeper(tmp_path).path
    path.write_bytes(path.read_bytes()[:-100])
    assert (await keeper(tmp_path).load()).offset == 0
    assert "torn or was changed" in caplog.text


async def test_more_room_takes_the_snapshot_as_it_is(tmp_path: Path) -> None:
    await keeper(tmp_path).save(learned())
    assert (await keeper(tmp_path, replace(FEW, items=500)).load()).offset == 200


async def test_a_disk_that_takes_nothing_costs_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "interactions-learned").write_text("a file, where a folder should be")
    assert await keeper(tmp_path).save(learned()) is None
    assert "no snapshot could be written" in caplog.text


async def test_one_that_is_set_aside_is_not_loaded(tmp_path: Path) -> None:
    await keeper(tmp_path).save(learned())
    keeper(tmp_path).set_aside()
    assert (await keeper(tmp_path).load()).offset == 0
    assert len(list(keeper(tmp_path).path.parent.iterdir())) == 1
