"""A web server that plays tricks, and a name server that lies, for tests of fetching."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from streams.errors import EventError
from streams.fetching import Fetcher, FetchLimits

PICTURE = bytes(range(256)) * 100
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> Script:
    async def send(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return send


def raw(*pieces: bytes) -> Script:
    async def send(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)

    return send


class Web:
    """A web server on a free port that plays one script for each path, and remembers requests."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Script]] = {}
        self.requests: list[str] = []
        self.hung_up = asyncio.Event()
        self.port = 0

    def at(self, path: str, *scripts: Script) -> str:
        """Play the scripts in turn, the last one for ever; returns the URI."""
        self.scripts[path] = list(scripts)
        return f"http://shop.test:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            scripts = self.scripts[request.split()[1]]
            await (scripts.pop(0) if len(scripts) > 1 else scripts[0])(writer)
            await writer.drain()
        self.hung_up.set()
        writer.close()


class Names(AbstractResolver):
    """Every name is at 127.0.0.1, unless `answers` says otherwise, one answer after another."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        found = self.answers.pop(0) if self.answers else "127.0.0.1"
        if not found:
            raise OSError(None, "no such name")
        kind = socket.AF_INET6 if ":" in found else socket.AF_INET
        return [ResolveResult(hostname=host, host=found, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def running_web() -> AsyncIterator[Web]:
    """A `Web` on 127.0.0.1."""
    site = Web()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()


@asynccontextmanager
async def fetcher(
    web: Web, names: Names | None = None, slept: list[float] | None = None, **limits: Any
) -> AsyncIterator[Fetcher]:
    async def sleep(seconds: float) -> None:
        (slept if slept is not None else []).append(seconds)

    hosts = (f"shop.test:{web.port}", f"cdn.test:{web.port}", "named.test")
    values = {"hosts": hosts, "allow_private_addresses": True, "timeout_s": 30.0, **limits}
    made = Fetcher(FetchLimits(**values), resolver=names or Names(), sleep=sleep)
    try:
        yield made
    finally:
        await made.close()
        await made.close()


async def refusal(web: Web, uri: str, names: Names | None = None, **limits: Any) -> EventError:
    async with fetcher(web, names, **limits) as made:
        with pytest.raises(EventError) as refused:
            await made.fetch(uri)
    assert refused.value.detail.isprintable()
    return refused.value
