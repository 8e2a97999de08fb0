"""The proxy, between a real client and a real server on the loopback."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.chaos.proxy import Link, Proxy, split_commands

SOON_S = 0.3


@dataclass
class Ends:
    """Both ends of one link."""

    link: Link
    client: socket.socket
    server: socket.socket

    def arrives(self) -> bytes:
        """What the server gets next; nothing if nothing comes soon."""
        try:
            return self.server.recv(100)
        except TimeoutError:
            return b""


@pytest.fixture
def ends() -> Iterator[Ends]:
    proxy = Proxy()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link = proxy.link(redis=True)
        link.upstream = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", link.port), 5) as client:
            server, _ = listener.accept()
            with server:
                server.settimeout(SOON_S)
                client.settimeout(5)
                yield Ends(link, client, server)
    proxy.close()


def test_what_is_sent_arrives(ends: Ends) -> None:
    ends.client.sendall(b"PING\r\n")
    assert ends.arrives() == b"PING\r\n"
    ends.server.sendall(b"+PONG\r\n")
    assert ends.client.recv(100) == b"+PONG\r\n"


def test_what_is_sent_into_a_cut_link_arrives_when_it_is_healed(ends: Ends) -> None:
    ends.link.cut()
    ends.client.sendall(b"PING\r\n")
    assert ends.arrives() == b""
    ends.link.heal()
    assert ends.arrives() == b"PING\r\n"


def test_what_a_broken_connection_held_back_never_arrives(ends: Ends) -> None:
    ends.link.cut()
    ends.client.sendall(b"PING\r\n")
    assert ends.arrives() == b""
    ends.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ends.client.close()
    ends.link.heal()
    with suppress(ConnectionResetError):
        assert ends.server.recv(100) == b""  # it ends


def test_a_reset_breaks_the_connection(ends: Ends) -> None:
    ends.client.sendall(b"PING\r\n")
    assert ends.arrives() == b"PING\r\n"
    ends.link.reset()
    with pytest.raises(ConnectionResetError):
        ends.client.recv(100)


def test_a_refused_command_is_answered_with_the_error_and_goes_nowhere(ends: Ends) -> None:
    ends.link.refuse("LOADING not yet")
    ends.client.sendall(b"*1\r\n$4\r\nPING\r\n")
    assert ends.client.recv(100) == b"-LOADING not yet\r\n"
    assert ends.arrives() == b""
    ends.link.heal()
    ends.client.sendall(b"*1\r\n$4\r\nPING\r\n")
    assert ends.arrives() == b"*1\r\n$4\r\nPING\r\n"


def test_commands_of_redis_are_told_apart_however_they_are_cut() -> None:
    first = b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n"
    second = b"*1\r\n$4\r\nPING\r\n"
    stream = first + second + b"INLINE\r\n"
    assert split_commands(stream) == ([first, second, b"INLINE\r\n"], b"")
    for cut in range(len(first)):
        commands, rest = split_commands(stream[:cut])
        assert commands == []
        assert rest == stream[:cut]
