"""Free TCP ports on the loopback address."""

from __future__ import annotations

import socket
from contextlib import closing


def free_ports(count: int) -> list[int]:
    """`count` different ports nobody listens on now.

    They are held open together while being chosen, so they differ; somebody else may take one
    before it is used, which a test sees as a server that does not start.
    """
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def free_port() -> int:
    """One port nobody listens on now."""
    return free_ports(1)[0]


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody accepts connections there."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
