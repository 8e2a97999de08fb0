"""A Redis as in production: TLS only, and users with rights. Valkey's wheel has no TLS in it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import redis

from tests.support.certificates import Authority
from tests.support.ports import free_port, listens
from tests.support.processes import end, spawn, tail
from tests.support.waiting import wait_until


class TlsMissing(Exception):
    """There is no server that speaks TLS here; the message says what to install."""


def find_tls_server() -> str:
    """The path of a server that speaks TLS; raises TlsMissing."""
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path and "libssl" in _libraries(path):
            return path
    raise TlsMissing("no Redis that speaks TLS: install redis-server")


def _libraries(path: str) -> str:
    return subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout


class SecureStore:
    """One server in `folder`, with `users` in its configuration.

    Asks every client for a certificate by an authority it trusts where `certificates` is true.
    """

    def __init__(
        self, folder: Path, authority: Authority, users: str, *, certificates: bool = False
    ) -> None:
        self.folder = folder
        self.port = free_port()
        # Sockets' paths must be short.
        self.socket = Path(tempfile.mkdtemp(prefix="store-")) / "store.sock"
        self._server = find_tls_server()
        own = authority.vouch("store")
        self._config = f"""
port 0
tls-port {self.port}
bind 127.0.0.1
tls-cert-file {own.cert}
tls-key-file {own.key}
tls-ca-cert-file {authority.cert}
tls-auth-clients {"yes" if certificates else "no"}
unixsocket {self.socket}
dir {folder}
save ""
appendonly yes
user test on >test ~* &* +@all
{users}
"""
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, user: str, host: str = "127.0.0.1") -> str:
        return f"rediss://{user}@{host}:{self.port}/0"

    def admin(self) -> redis.Redis:
        """The test's own connection, for a user that may do everything."""
        return redis.Redis(unix_socket_path=str(self.socket), username="test", password="test")

    def start(self, deadline_s: float = 20.0) -> SecureStore:
        """Start it and wait until it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "store.conf"
        config.write_text(self._config)
        self._process = spawn([self._server, config], log=self.folder / "store.log")
        wait_until(self._accepts, deadline_s, f"the store at {self.port} accepts connections")
        return self

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            end(self._process, graceful_s=5.0)
            self._process = None

    def _accepts(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the store ended at start:\n{tail(self.folder / 'store.log')}")
        return listens(self.port)
