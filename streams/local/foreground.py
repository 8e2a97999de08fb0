"""The terminal's Ctrl-C, for this process alone.

`make` ends itself by Ctrl-C too, whatever its recipe then answers, and would call a demo that
ended in good order interrupted. So a demo that somebody else started in a terminal takes the
terminal's foreground for itself, as a shell's job would, and gives it back at the end.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def own_foreground() -> Iterator[None]:
    """Be the terminal's foreground job, if this process's group is it and somebody else leads it.

    Nothing happens without a terminal, or for a job that a shell started by itself. Ctrl-Z is
    ignored meanwhile: nobody who could go on with the job would hear of it.
    """
    before = _foreground_led_by_another()
    if before is None:
        yield
        return
    terminal = sys.stdin.fileno()
    stop = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    ask = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # else giving it back would stop us
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        with suppress(OSError):  # the terminal may be gone by then
            os.tcsetpgrp(terminal, before)
        signal.signal(signal.SIGTTOU, ask)
        signal.signal(signal.SIGTSTP, stop)


def _foreground_led_by_another() -> int | None:
    if os.name != "posix" or os.getpgrp() == os.getpid():
        return None
    try:
        terminal = sys.stdin.fileno()
        foreground = os.tcgetpgrp(terminal)
    except (OSError, ValueError, AttributeError):  # no terminal, or no stdin at all
        return None
    return foreground if foreground == os.getpgrp() else None
