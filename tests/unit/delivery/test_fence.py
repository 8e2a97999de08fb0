from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from streams.delivery.fence import Fence, NotOurs, WakefulSelector, sever
from streams.delivery.lease import Lease
from tests.unit.delivery.conftest import Clock

PRODUCE = ProduceRequest(transactional_id=None, required_acks=-1, timeout=1000, topics=[])
LARGE = 16_000_000


class Wire:
    """A connection of aiokafka's to a server that doesn't read until it is told to."""

    def __init__(self) -> None:
        self.written: list[object] = []
        self.before_ready = asyncio.Event()
        self.before_ready.set()
        self.is_ready = True

    async def open(self) -> None:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        loop = asyncio.get_running_loop()
        self.connection = AIOKafkaConnection("127.0.0.1", server.getsockname()[1])
        connecting = asyncio.open_connection("127.0.0.1", server.getsockname()[1])
        (reader, writer), (self.peer, _) = await asyncio.gather(
            connecting, loop.sock_accept(server)
        )
        server.close()
        self.connection._reader, self.connection._writer = reader, writer
        self.connection._closed_fut = loop.create_future()
        self.connection._closed_fut.set_result(None)
        self.connection._read_task = asyncio.ensure_future(asyncio.Event().wait())
        self.connection.send = self._send  # type: ignore[method-assign]
        self.client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
        self.client._get_conn = self._get_conn

    async def _get_conn(self, node_id: int, *, group: int = 0, no_hint: bool = False) -> Any:
        await self.before_ready.wait()
        if not self.is_ready:
            return None
        self.client._conns[node_id, group] = self.connection
        return self.connection

    def _send(self, request: object, expect_response: bool = True) -> Any:
        self.written.append(request)
        answer = asyncio.get_running_loop().create_future()
        self.connection._requests.append((len(self.written), request, answer))
        return answer

    def fence(self, lease: Lease) -> Fence:
        producer: Any = SimpleNamespace(client=self.client)
        return Fence(producer, lease)

    async def drain(self) -> int:
        """How many bytes arrive until the end, which must be a reset."""
        loop = asyncio.get_running_loop()
        count = 0
        try:
            while data := await asyncio.wait_for(loop.sock_recv(self.peer, 1 << 20), 5):
                count += len(data)
        except ConnectionResetError:
            return count
        raise AssertionError("the connection ended without a reset")


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    await wire.open()
    yield wire
    sever(wire.connection, CloseReason.SHUTDOWN)
    wire.peer.close()


@pytest.fixture
def lease(clock: Clock) -> Lease:
    return Lease(8.0, clock)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_while_the_lease_holds_requests_pass(wire: Wire, lease: Lease, clock: Clock) -> None:
    wire.fence(lease)
    lease.granted(clock.now_s)
    sending = asyncio.ensure_future(wire.client.send(1, PRODUCE))
    await turns()
    assert wire.written == [PRODUCE]
    wire.connection._requests[0][2].set_result("acknowledged")
    assert await sending == "acknowledged"


async def test_without_a_lease_a_produce_request_is_not_written_and_others_are(
    wire: Wire, lease: Lease
) -> None:
    wire.fence(lease)
    with pytest.raises(NotOurs) as info:
        await wire.client.send(1, PRODUCE)
    assert not info.value.retriable
    sending = asyncio.ensure_future(wire.client.send(1, MetadataRequest([])))
    await turns()
    assert len(wire.written) == 1
    sending.cancel()


async def test_the_last_check_comes_after_connecting(
    wire: Wire, lease: Lease, clock: Clock
) -> None:
    wire.fence(lease)
    lease.granted(clock.now_s)
    wire.before_ready.clear()
    sending = asyncio.ensure_future(wire.client.send(1, PRODUCE))
    await turns()
    clock.now_s += 7.0
    wire.before_ready.set()
    with pytest.raises(NotOurs):
        await sending
    assert wire.written == []


async def test_a_broker_that_cannot_be_reached_is_said(
    wire: Wire, lease: Lease, clock: Clock
) -> None:
    wire.fence(lease)
    lease.granted(clock.now_s)
    wire.is_ready = False
    with pytest.raises(NodeNotReadyError):
        await wire.client.send(1, PRODUCE)


async def test_aborting_ends_what_is_under_way_and_leaves_idle_connections(
    wire: Wire, lease: Lease, clock: Clock
) -> None:
    fence = wire.fence(lease)
    lease.granted(clock.now_s)
    fence.abort()
    assert wire.connection.connected()
    sending = asyncio.ensure_future(wire.client.send(1, PRODUCE))
    await turns()
    fence.abort()
    with pytest.raises(KafkaConnectionError):
        await sending
    assert not wire.connection.connected()
    assert fence._carrying == {}


async def test_after_dropping_nothing_is_written_even_if_the_lease_holds(
    wire: Wire, lease: Lease, clock: Clock
) -> None:
    fence = wire.fence(lease)
    lease.granted(clock.now_s)
    wire.before_ready.clear()
    sending = asyncio.ensure_future(wire.client.send(1, PRODUCE))
    await turns()
    fence.drop()
    wire.before_ready.set()
    with pytest.raises(NotOurs):
        await sending
    assert wire.written == []


async def test_what_waits_in_a_severed_connection_never_arrives(wire: Wire) -> None:
    wire.connection._writer.write(b"x" * LARGE)
    sever(wire.connection, CloseReason.CONNECTION_BROKEN)
    await turns()
    assert await wire.drain() < LARGE


async def test_a_graceful_close_would_deliver_it(wire: Wire) -> None:
    # Why `sever` exists: this is what aiokafka's own close does.
    wire.connection._writer.write(b"x" * LARGE)
    wire.connection.close(reason=CloseReason.SHUTDOWN)
    loop = asyncio.get_running_loop()
    count = 0
    while data := await asyncio.wait_for(loop.sock_recv(wire.peer, 1 << 20), 5):
        count += len(data)
    assert count == LARGE


def test_the_check_comes_first_when_the_loop_wakes_up() -> None:
    happened: list[str] = []
    selector = WakefulSelector(lambda: happened.append("checked"))
    loop = asyncio.SelectorEventLoop(selector)
    ours, theirs = socket.socketpair()
    try:
        ours.setblocking(False)
        theirs.send(b"x")
        loop.add_reader(ours, lambda: happened.append("read"))
        loop.call_soon(loop.stop)
        loop.run_forever()
    finally:
        loop.close()
        ours.close()
        theirs.close()
    assert happened[:2] == ["checked", "read"]
