"""What compiles for a worker is another process, and none that stays behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.workers.compiling import compile_first

PYTHON = sys.executable


async def test_a_child_compiles_before_it_is_loaded(tmp_path: Path) -> None:
    made = tmp_path / "made"
    seen: list[bool] = []
    code = f"import pathlib; pathlib.Path({str(made)!r}).touch()"
    await compile_first(lambda: seen.append(made.exists()), (PYTHON, "-c", code))
    assert seen == [True]


@pytest.mark.parametrize("command", [(PYTHON, "-c", "raise SystemExit(3)"), ("/no/such/program",)])
async def test_without_a_child_the_worker_compiles_and_says_so(
    command: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    loaded: list[None] = []
    await compile_first(lambda: loaded.append(None), command)
    assert loaded == [None]
    assert "compiling here" in caplog.text


async def test_a_worker_that_is_stopped_takes_its_child_along(tmp_path: Path) -> None:
    pipe, never = tmp_path / "pipe", "import sys; sys.stdin.read()"
    os.mkfifo(pipe)
    code = f"import os, pathlib; pathlib.Path({str(pipe)!r}).write_text(str(os.getpid())); {never}"
    task = asyncio.ensure_future(compile_first(lambda: None, (PYTHON, "-c", code)))
    child = int(await asyncio.to_thread(pipe.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_child_ends_when_its_worker_is_gone() -> None:
    code = (
        "import threading; from streams.workers import compiling;"
        "threading.Thread(target=compiling._end_with_parent).start(); threading.Event().wait()"
    )
    with subprocess.Popen([PYTHON, "-c", code], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.close()  # as when the worker is killed
        assert child.wait(60) == 1
