"""The fence: the last check before a produce request is written, and the end of those under way.

Checking before publishing is not enough: between that and the write lie connections to be made
and other requests to wait for. And what is written is not yet sent: while the network is cut, it
waits in this process and in the kernel, which would deliver it when the network is back, however
late. See docs/decisions/lease.md.
"""

from __future__ import annotations

import selectors
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.protocol.produce import ProduceRequest

from streams.delivery.lease import Lease

_DROP_WHAT_IS_UNSENT = struct.pack("ii", 1, 0)


class NotOurs(KafkaError):  # type: ignore[misc]
    """Not written: the lease doesn't hold, or the producer is dropped."""

    # aiokafka itself must not try again; the outbox waits for the lease first.
    retriable = False


class Fence:
    """Stands around one producer's connections; made before the producer starts."""

    def __init__(self, producer: AIOKafkaProducer, lease: Lease) -> None:
        self._client = producer.client
        self._send = self._client.send
        self._client.send = self._guarded
        self._lease = lease
        self._dropped = False
        self._carrying: dict[AIOKafkaConnection, int] = {}

    def abort(self) -> None:
        """End the connections that carry produce requests; what they still hold is not sent."""
        for each in list(self._carrying):
            sever(each, CloseReason.CONNECTION_BROKEN)

    def drop(self) -> None:
        """End all connections like this, and let nothing be written any more."""
        self._dropped = True
        for each in list(self._client._conns.values()):
            sever(each, CloseReason.SHUTDOWN)

    async def _guarded(
        self, node_id: Any, request: Any, *, group: int = ConnectionGroup.DEFAULT
    ) -> Any:
        """In the place of the client's `send`."""
        if not isinstance(request, ProduceRequest):
            return await self._send(node_id, request, group=group)
        if not await self._client.ready(node_id, group=group):
            raise NodeNotReadyError(f"no connection to broker {node_id}")
        if self._dropped or not self._lease.holds():
            raise NotOurs("the lease on the partitions does not hold")
        # From here to the write there is no await: `send` finds the connection ready.
        connection = self._client._conns[node_id, group]
        _keep_no_longer_than(connection, self._lease.left_s())
        self._carrying[connection] = self._carrying.get(connection, 0) + 1
        try:
            return await self._send(node_id, request, group=group)
        finally:
            self._carrying[connection] -= 1
            if not self._carrying[connection]:
                del self._carrying[connection]


def _keep_no_longer_than(connection: AIOKafkaConnection, seconds: float) -> None:
    """Have the kernel drop what its peer has not taken by then, also if this process is stopped."""
    raw = None if connection._writer is None else connection._writer.get_extra_info("socket")
    if raw is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            milliseconds = max(1, int(seconds * 1000))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def sever(connection: AIOKafkaConnection, reason: CloseReason) -> None:
    """Close a connection so that neither we nor the kernel send what waits in it."""
    writer = connection._writer
    if writer is not None:
        raw = writer.get_extra_info("socket")
        if raw is not None:
            with suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_WHAT_IS_UNSENT)
        writer.transport.abort()
    connection.close(reason=reason)


class WakefulSelector(selectors.DefaultSelector):
    """Calls `on_wake` whenever the event loop wakes up, before it does anything else.

    After a stop (SIGSTOP, a hung loop) the loop's first act may be to send the rest of a request
    that was half sent; a timer would ring after that.
    """

    def __init__(self, on_wake: Callable[[], None]) -> None:
        super().__init__()
        self._on_wake = on_wake

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(timeout)
        self._on_wake()
        return ready


__all__ = ["Fence", "NotOurs", "WakefulSelector", "sever"]
