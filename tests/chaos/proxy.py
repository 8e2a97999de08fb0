"""The network between each worker and each server: TCP links that can be cut, reset and slowed.

All links live in one event loop in a thread of its own; their switches may be thrown from anywhere.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

_CHUNK_BYTES = 65536


class Link:
    """One way from a port of ours to `upstream`, a port on 127.0.0.1; set it before use.

    redis  whether it carries commands of Redis, which can be refused one by one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, redis: bool) -> None:
        self.upstream = 0
        self.port = 0
        self._loop = loop
        self._redis = redis
        self._open = asyncio.Event()
        self._open.set()
        self._delay_s = 0.0
        self._refusal: bytes | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # switches

    def cut(self) -> None:
        """Forward nothing, and keep the connections: a cable pulled, a host that vanished."""
        self._call(self._open.clear)

    def slow(self, delay_s: float) -> None:
        """Every chunk is this late, each way."""
        self._delay_s = delay_s

    def refuse(self, error: str) -> None:
        """Answer every command of Redis with this error, and forward none."""
        self._refusal = f"-{error}\r\n".encode()

    def heal(self) -> None:
        """Cut, slowness and refusals are over."""
        self._delay_s = 0.0
        self._refusal = None
        self._call(self._open.set)

    def reset(self) -> None:
        """Break every connection, as a firewall or a crashing host does."""
        self._call(self._reset)

    def _call(self, switch: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(switch)

    def _reset(self) -> None:
        for writer in self._writers:
            raw: socket.socket | None = writer.get_extra_info("socket")
            if raw is not None:
                # So that close sends RST, not FIN.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    # what goes through

    async def listen(self) -> None:
        """Choose a port and accept there."""
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        # A cut cable holds nothing: what is not yet through must stay with its sender.
        server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK_BYTES)
        self.port = int(server.sockets[0].getsockname()[1])

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            theirs, ours = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, ours}
        forward = self._commands if self._redis else self._pump
        ways = [forward(reader, ours, writer), self._pump(theirs, writer, ours)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._writers -= {writer, ours}
        for each in (writer, ours):
            each.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sender: asyncio.StreamWriter,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self._forward(data, writer, sender)

    async def _commands(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
    ) -> None:
        rest = b""
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                commands, rest = split_commands(rest + data)
                for command in commands:
                    refusal = self._refusal
                    if refusal is None:
                        await self._forward(command, server, client)
                    else:
                        await self._forward(refusal, client, server)

    async def _forward(
        self, data: bytes, writer: asyncio.StreamWriter, sender: asyncio.StreamWriter
    ) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        await self._open.wait()
        if _was_reset(sender):
            # On a real cable it would never have left the sender.
            raise ConnectionResetError
        writer.write(data)
        await writer.drain()


class Proxy:
    """Makes links, and runs them until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()

    def link(self, *, redis: bool = False) -> Link:
        """A new link, listening."""
        link = Link(self._loop, redis=redis)
        asyncio.run_coroutine_threadsafe(link.listen(), self._loop).result(10)
        return link

    def close(self) -> None:
        """The end of every connection."""
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _end_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _was_reset(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side broke the connection, as opposed to closing it."""
    raw: socket.socket | None = writer.get_extra_info("socket")
    if raw is None or writer.is_closing():
        return True
    poll = select.poll()
    poll.register(raw.fileno(), 0)
    # An error, or both ways over: after a mere close one way is still open.
    return any(flags & (select.POLLERR | select.POLLHUP) for _, flags in poll.poll(0))


def split_commands(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole commands of Redis at the beginning of `data`, and what is left."""
    commands: list[bytes] = []
    start = 0
    while (end := _end_of_command(data, start)) is not None:
        commands.append(data[start:end])
        start = end
    return commands, data[start:]


def _end_of_command(data: bytes, start: int) -> int | None:
    end = data.find(b"\r\n", start)
    if end < 0:
        return None
    if data[start : start + 1] != b"*":  # one line, as telnet sends it
        return end + 2
    at = end + 2
    for _ in range(int(data[start + 1 : end])):
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        at = end + 2 + int(data[at + 1 : end]) + 2  # $length, the bytes, and their line's end
        if at > len(data):
            return None
    return at
