"""Ctrl-C in a terminal, under a parent such as make that ends itself by it."""

from __future__ import annotations

import os
import pty
import signal
import sys

from streams.local.foreground import own_foreground
from tests.support.waiting import wait_until

CHILD = """
import signal, sys
from streams.local.foreground import own_foreground
came = []
signal.signal(signal.SIGINT, lambda *_: came.append(1))
with own_foreground():
    print("ready", flush=True)
    while not came:
        signal.pause()
print("in good order", flush=True)
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}])
print("child ended with", child.wait(), flush=True)
"""


def test_it_reaches_the_demo_and_not_who_started_it() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", PARENT])
    said = b""

    def says(text: bytes) -> bool:
        nonlocal said
        try:
            said += os.read(terminal, 4096)
        except OSError:  # the other side is closed
            return True
        return text in said

    try:
        wait_until(lambda: says(b"ready"), 30, "the child is in the foreground", poll_s=0)
        os.write(terminal, b"\x03")
        wait_until(lambda: says(b"child ended with 0"), 30, "both have ended", poll_s=0)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert b"in good order" in said
    assert b"child ended with 0" in said
    assert os.waitstatus_to_exitcode(status) == 0


def test_without_a_terminal_nothing_happens() -> None:
    group, stop = os.getpgrp(), signal.getsignal(signal.SIGTSTP)
    with own_foreground():
        assert os.getpgrp() == group
        assert signal.getsignal(signal.SIGTSTP) == stop
