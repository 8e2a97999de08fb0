"""Ending on request: Ctrl-C and SIGTERM ask, whatever is under way, and the demo looks."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Stopped(Exception):
    """Somebody asked the demo to end."""


class Stopping:
    """While entered, SIGINT, SIGTERM and SIGHUP only set a flag. Main thread only."""

    _SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Stopping:
        for number in self._SIGNALS:
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal() gave us

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked.set()

    def asked(self) -> bool:
        """Whether somebody did."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise Stopped if somebody did."""
        if self._asked.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until somebody does."""
        self._asked.wait(seconds)
