"""Copies what the workers say into files.

A worker writes into pipes, never into files of its own: so a limit on the size of its files hits
the index snapshot and nothing else, and what it said before a kill -9 is still read.
"""

from __future__ import annotations

import os
import selectors
import threading
from pathlib import Path
from typing import BinaryIO


class Copier:
    """A thread that copies each pipe to its file until the pipe's other end is closed."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._fresh: list[tuple[int, Path]] = []
        self._left = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="copier", daemon=True)
        self._thread.start()

    def pipe_to(self, file: Path) -> int:
        """A descriptor to give to a child; close it here once the child has it."""
        read, write = os.pipe()
        self._fresh.append((read, file))
        os.write(self._wake_write, b".")
        return write

    def close(self) -> None:
        """Copy what is left. All children must have ended."""
        self._closing = True
        os.write(self._wake_write, b".")
        self._thread.join(30)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._wake_read:
                    os.read(self._wake_read, 4096)
                    self._take_fresh()
                else:
                    self._copy(key.fd, key.data)
            if self._closing and not self._left and not self._fresh:
                return

    def _take_fresh(self) -> None:
        while self._fresh:
            read, file = self._fresh.pop(0)
            self._selector.register(read, selectors.EVENT_READ, file.open("ab", buffering=0))
            self._left += 1

    def _copy(self, read: int, file: BinaryIO) -> None:
        data = os.read(read, 65536)
        if data:
            file.write(data)
            return
        self._selector.unregister(read)
        os.close(read)
        file.close()
        self._left -= 1
