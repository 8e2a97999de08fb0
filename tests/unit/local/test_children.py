"""Children end with us, however we end, and tell why when they end before us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from streams.local.children import Child, ChildFailed, free_port, guard_folder, listens
from tests.support.waiting import wait_until

PYTHON = sys.executable
# Says so when it is there, and takes no notice of SIGTERM.
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('here', flush=True); time.sleep(600)"
)


def started(tmp_path: Path, code: str = STUBBORN, grace_s: float = 0.2) -> Child:
    child = Child("helper", [PYTHON, "-c", code], log=tmp_path / "log", grace_s=grace_s)
    child.wait_until(lambda: "here" in (tmp_path / "log").read_text(), within_s=20)
    return child


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = started(tmp_path)
    (real,) = psutil.Process(child.pid).children()
    assert child.stop() == 128 + signal.SIGKILL
    assert not real.is_running()


def test_a_child_that_heeds_sigterm_ends_by_itself(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3));"
        "print('here', flush=True); time.sleep(600)"
    )
    assert started(tmp_path, code, grace_s=20).stop() == 3


def test_stopping_twice_is_stopping_once(tmp_path: Path) -> None:
    child = started(tmp_path)
    assert child.stop() == child.stop()


def test_a_child_that_ended_says_so_with_its_last_words(tmp_path: Path) -> None:
    code = "import sys; print('first'); print('no \\x1b[31mroom left'); sys.exit(4)"
    child = Child("helper", [PYTHON, "-c", code], log=tmp_path / "log")
    wait_until(lambda: child.exit_code() is not None, 20, "the helper ends")
    with pytest.raises(
        ChildFailed, match=r"(?s)helper ended with exit code 4.*room left"
    ) as failed:
        child.check()
    assert "\x1b" not in str(failed.value)
    child.stop()


def test_a_command_that_is_not_there_fails_the_child(tmp_path: Path) -> None:
    child = Child("helper", ["/no/such/command"], log=tmp_path / "log")
    with pytest.raises(ChildFailed, match="No such file"):
        child.wait_until(lambda: False, within_s=20)
    child.stop()


def test_waiting_ends_when_somebody_asks(tmp_path: Path) -> None:
    child = started(tmp_path)
    assert not child.wait_until(lambda: False, within_s=600, stopped=lambda: True)
    child.stop()


def test_a_guarded_folder_goes_with_its_guard(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("words")
    guard_folder(folder).stop()
    assert not folder.exists()


# Its grace is longer than the test waits: an orphan gets a second at most.
PARENT = """
import os, sys
from pathlib import Path
from streams.local.children import Child, guard_folder
folder = Path(sys.argv[1])
guard = guard_folder(folder)
child = Child("helper", [sys.executable, "-c", sys.argv[2]], log=folder.parent / "log", grace_s=600)
child.wait_until(lambda: "here" in (folder.parent / "log").read_text(), within_s=20)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_and_folder_go_when_the_parent_dies(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    parent = subprocess.Popen(
        [PYTHON, "-c", PARENT, str(folder), STUBBORN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) == 3  # two guards, and the helper
    os.killpg(parent.pid, number)  # the whole group at a terminal: the guards are not in it
    parent.wait()
    wait_until(lambda: not any(p.is_running() for p in family), 20, "the family ends")
    wait_until(lambda: not folder.exists(), 20, "the folder goes")
    parent.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_the_command_goes_when_even_its_guard_is_killed(tmp_path: Path) -> None:
    child = started(tmp_path)
    (real,) = psutil.Process(child.pid).children()
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: not real.is_running(), 20, "the helper ends")
    child.stop()


def test_a_free_port_has_no_listener() -> None:
    assert not listens(free_port())
