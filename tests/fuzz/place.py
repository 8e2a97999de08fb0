"""The one host that pictures may come from, which plays tricks; and who was connected to."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any
from urllib.parse import unquote

from streams.fetching import FetchLimits
from tests.fuzz.pictures import whole
from tests.fuzz.uris import ALLOWED
from tests.support.web import Names, ResolveResult, Script, Web, answer

_TIMEOUT_S = 0.3


class Place:
    """`pictures.test` on a port of 127.0.0.1. Whatever else is connected to is remembered."""

    def __init__(self) -> None:
        self.limits = FetchLimits(
            hosts=(ALLOWED,),
            max_bytes=1_000_000,
            timeout_s=_TIMEOUT_S,
            allow_private_addresses=True,  # the web server of the test is at one
            tries=2,
        )
        self.names = _OneName()
        self.elsewhere: list[str] = []
        self.requests = 0
        self._web = Web()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Serve, and watch every connection that Python makes in this process, for ever."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.names.port = self._server.sockets[0].getsockname()[1]
        sys.addaudithook(self._watch)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def went_elsewhere(self) -> list[str]:
        """What was connected to, or looked up, and must not be; since the last call."""
        wrong = self.elsewhere + [f"looked up {name}" for name in self.names.asked]
        self.elsewhere, self.names.asked = [], []
        return [f"it {what}, which is not allowed" for what in wrong]

    async def no_pause(self, seconds: float) -> None:
        """Between two tries."""
        await asyncio.sleep(0)

    def _watch(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect" and args[0].family in (socket.AF_INET, socket.AF_INET6):
            if tuple(args[1][:2]) != ("127.0.0.1", self.names.port):
                self.elsewhere.append(f"connected to {args[1]!r}")
        elif event == "socket.getaddrinfo" and args[0] not in (None, "127.0.0.1"):
            self.elsewhere.append(f"looked up {args[0]!r}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            await _script(request)(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever fetches may leave at any time
        finally:
            writer.close()


class _OneName(Names):
    """Knows the allowed host, and remembers whoever else is asked for."""

    port = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, self.port, family)
        if host != ALLOWED:
            raise OSError(None, "no such name")
        self.asked.clear()
        return found


def _script(request: str) -> Script:
    name, _, rest = request.split(" ")[1].partition("?")
    if name == "/to":
        place = unquote(rest).replace("\r", "%0d").replace("\n", "%0a")
        return answer("302 Found", b"", f"Location: {place}")
    scripts = {
        "/picture": answer("200 OK", whole()["PNG"][0]),
        "/loop": answer("302 Found", b"", "Location: /loop"),
        "/large": answer("200 OK", bytes(1_000_001)),
        "/slow": _silence,
        "/broken": answer("200 OK", b"", "Content-Length: 5"),
    }
    return scripts.get(name, answer("404 Not Found"))


async def _silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(10 * _TIMEOUT_S)
