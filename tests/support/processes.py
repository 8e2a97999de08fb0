"""Child processes that never outlive the tests."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Run in the child before exec: the kernel kills it when its parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command`; its output is appended to the file `log`; it dies when we do."""
    out: IO[bytes]
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=None if env is None else dict(env),
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no other threads hold locks here
        )


def end(process: subprocess.Popen[bytes], *, graceful_s: float) -> int:
    """SIGTERM, then SIGKILL after `graceful_s`; the exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(graceful_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(10)


def tail(log: Path, characters: int = 3000) -> str:
    """The end of a log, for a failure's message."""
    return log.read_text(errors="replace")[-characters:] if log.exists() else "(no log)"
