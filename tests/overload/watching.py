"""A worker's memory, watched from outside while it works."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

_EVERY_S = 0.05


class Memory:
    """The largest resident set of a process while this is open, in bytes."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.at_first_bytes = self._process.memory_info().rss
        self.peak_bytes = self.at_first_bytes

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            try:
                self.peak_bytes = max(self.peak_bytes, self._process.memory_info().rss)
            except psutil.NoSuchProcess:
                return
