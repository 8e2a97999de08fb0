"""The demo as a program: it shows lists, ends as asked at any moment, and leaves nothing behind.

The workers here are fakes without a model, so that this is about the demo alone; the broker, the
store and the demo's own Kafka clients are the real ones.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

PROGRAM = str(Path(__file__).with_name("demo_with_fakes.py"))
STAGES = ("starting the broker", "waiting for the workers", "the first clicks", "s left")


class Run:
    """One run of the demo, its output as it comes, and everything it starts."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.family: set[psutil.Process] = set()
        self._lines: list[str] = []
        environment = os.environ | {"TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.output or self.exited(), 90, f"{words!r} is said")
        assert words in self.output
        self.look_around()

    def look_around(self) -> None:
        self.family |= set(psutil.Process(self.process.pid).children(recursive=True))

    def exited(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> int:
        wait_until(self.exited, 90, "the demo ends")
        self._reader.join(20)
        return self.process.returncode

    def left_behind(self) -> list[str]:
        left = [str(process) for process in self.family if process.is_running()]
        return left + [str(file) for file in self.temporary.iterdir()]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            self._lines.extend(iter(out.readline, ""))


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Run]:
    run = Run(folder, options)
    try:
        yield run
    finally:
        if not run.exited():
            run.process.kill()
            run.process.wait()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for group, colour in (("apples", "red"), ("berries", "blue"), ("cherries", "pink")):
        for number in range(30):
            file = folder / group / f"{number:02}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 20), colour).save(file)
    return folder


def test_it_ends_by_itself_with_a_summary_and_a_page(tmp_path: Path, pictures: Path) -> None:
    summary, page = tmp_path / "summary.json", tmp_path / "page.html"
    files = ("--summary", str(summary), "--html", str(page))
    with running(tmp_path, "--for", "4", "--images", str(pictures), *files) as run:
        run.wait_for("s left")
        assert run.end() == 0
        assert run.left_behind() == []
    said = json.loads(summary.read_text())
    assert said["pictures_embedded"] == said["pictures_published"] == 90
    assert said["clicks_applied"] == said["clicks_sent"] == said["lists_published"] > 0
    assert said["dead_letters"] == 0
    assert 0 < said["click_to_list_p50_s"] <= said["click_to_list_p99_s"] < 5
    assert said["taste_hit_rate"] > said["taste_hit_rate_random"] > 0
    assert "looks like “" in page.read_text()
    assert "clicks applied" in run.output


@pytest.mark.parametrize(
    ("stage", "number"),
    zip(STAGES, (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGTERM), strict=True),
)
def test_asked_to_end_it_ends_well_whatever_it_is_doing(
    tmp_path: Path, pictures: Path, stage: str, number: int
) -> None:
    with running(tmp_path, "--for", "600", "--images", str(pictures)) as run:
        run.wait_for(stage)
        os.killpg(run.process.pid, number)
        run.look_around()
        assert run.end() == 0
        assert run.left_behind() == []
    assert "Traceback" not in run.output
    assert "Stopped before the first list" in run.output or "clicks applied" in run.output


@pytest.mark.parametrize("stage", [STAGES[1], STAGES[3]])
def test_killed_it_still_leaves_nothing(tmp_path: Path, pictures: Path, stage: str) -> None:
    with running(tmp_path, "--for", "600", "--images", str(pictures)) as run:
        run.wait_for(stage)
        os.killpg(run.process.pid, signal.SIGKILL)
        assert run.end() == -signal.SIGKILL
        wait_until(lambda: not run.left_behind(), 30, "everything goes")


def test_a_worker_that_dies_ends_it_with_the_workers_last_words(
    tmp_path: Path, pictures: Path
) -> None:
    with running(tmp_path, "--worker-dies", "--for", "600", "--images", str(pictures)) as run:
        assert run.end() == 1
        assert run.left_behind() == []
    assert "ended with exit code 7" in run.output
    assert "cannot go on" in run.output
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--images", "/no/such/folder"), "no folder"),
        (("--html", "/no/such/folder/page.html"), "no folder"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    with running(tmp_path, *options) as run:
        assert run.end() == 1
        assert run.left_behind() == []
    assert said in run.output
    assert "Traceback" not in run.output
