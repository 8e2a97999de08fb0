"""Runs one command that must not outlive whoever asked for it.

    python -I -S tied.py GRACE_S REMOVE_FOLDER [COMMAND …]

Standard input is a pipe whose other end only the asker holds. A byte in it, or SIGTERM to this
process, ends the command: its process group gets SIGTERM, and SIGKILL after GRACE_S seconds.
However the asker ends, by SIGKILL too, the pipe closes; the same happens then, with a grace of a
second at most, since what the command depends on is going too. At last REMOVE_FOLDER (if not empty)
is removed. Without a command it only guards the folder. It ends with the command's exit code, or
128 + its signal.

A process between the two, because a `preexec_fn` is not safe in an asker with threads, and because
the death of the asking thread must not count as the death of the asker. Only the standard library
is imported, and little of it: it starts in some 20 ms.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1
_ORPHANS_GRACE_S = 1.0


def main(arguments: list[str]) -> int:
    """Run the command until it ends, or is to end."""
    grace_s, folder, command = float(arguments[0]), arguments[1], arguments[2:]
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    stopping: list[int] = []
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda got, _: stopping.append(got))
    child = _start(command) if command else None
    orphaned = False
    try:
        while not stopping and (child is None or child.poll() is None):
            readable, _, _ = select.select([0, wake_read], [], [])
            if wake_read in readable:
                os.read(wake_read, 512)
            if 0 in readable:
                orphaned = not os.read(0, 512)
                break
        if child is None:
            return 0
        return _end(child, min(grace_s, _ORPHANS_GRACE_S) if orphaned else grace_s)
    finally:
        if folder:
            _remove(folder, 3 * _ORPHANS_GRACE_S if orphaned else 0.0)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """The command in a process group of its own; should this process be killed, it goes too."""
    return subprocess.Popen(  # noqa: S603 - the asker's own command line, no shell
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads here
    )


def _die_with_parent() -> None:
    import ctypes  # noqa: PLC0415 - only Linux needs it

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes], grace_s: float) -> int:
    """Ask the command's group to end, insist after `grace_s`, and give its exit code."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _remove(folder: str, for_s: float) -> None:
    """Remove the folder, and for so long again: others who are still ending may write into it."""
    deadline = time.monotonic() + for_s
    shutil.rmtree(folder, ignore_errors=True)
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if os.path.isdir(folder):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
