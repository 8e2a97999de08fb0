"""Child processes that end with us, however we end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_TIED = Path(__file__).with_name("tied.py")
_LOG_TAIL_BYTES = 16_384


class ChildFailed(Exception):
    """A process that is needed did not start, or ended; the message has its last words."""


class Child:
    """One command that runs until `stop`, or until this process ends in whatever way.

    Its output goes to `log` (or nowhere). It is in a session of its own, so that a Ctrl-C at the
    terminal reaches only us and things end in their order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        grace_s: float = 5.0,
        remove: Path | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._grace_s = grace_s
        guard = [sys.executable, "-I", "-S", str(_TIED), str(grace_s), str(remove or "")]
        output = open(log, "ab") if log else None  # noqa: SIM115 - closed below, the child has its own
        try:
            self._guard = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                [*guard, *command],
                stdin=subprocess.PIPE,
                stdout=output or subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    @property
    def pid(self) -> int:
        """The process that guards the command."""
        return self._guard.pid

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._guard.poll()

    def let_go(self) -> None:
        """Start to end it, without waiting."""
        if self._guard.stdin and not self._guard.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it has ended already
                self._guard.stdin.write(b"end")
                self._guard.stdin.flush()
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()

    def stop(self) -> int:
        """End it and wait until it and its folder are gone. Gives its exit code."""
        self.let_go()
        try:
            return self._guard.wait(self._grace_s + 15.0)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            return self._guard.wait()

    def check(self) -> None:
        """Raise ChildFailed if it has ended."""
        code = self.exit_code()
        if code is not None:
            raise ChildFailed(f"The {self.name} ended with exit code {code}.{self.last_words()}")

    def last_words(self, lines: int = 12) -> str:
        """The end of its log, for an error message; empty without one."""
        if self.log is None or not self.log.is_file():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
        tail = [line for line in text.splitlines() if line.strip()][-lines:]
        shown = "".join(c if c.isprintable() or c == "\n" else "�" for c in "\n  ".join(tail))
        return f" The end of its log:\n  {shown}" if tail else ""

    def wait_until(
        self,
        ready: Callable[[], bool],
        *,
        within_s: float,
        stopped: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait for `ready`; False if `stopped` came first. Raises ChildFailed when it is late."""
        deadline = time.monotonic() + within_s
        while not ready():
            self.check()
            if stopped():
                return False
            if time.monotonic() > deadline:
                raise ChildFailed(
                    f"The {self.name} did not answer within {within_s:.0f} s.{self.last_words()}"
                )
            time.sleep(0.02)
        self.check()  # whoever answered on that port, it should be ours
        return True


def guard_folder(folder: Path) -> Child:
    """Have `folder` removed when the returned child is stopped, or when this process ends."""
    return Child("temporary folder's guard", [], remove=folder)


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts connections on that loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def bare_environment() -> dict[str, str]:
    """What a helper binary may see of our environment: nothing that could configure it."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
