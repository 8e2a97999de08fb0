"""The first word with Kafka, with servers that end badly: what is refused, what is waited for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from streams.errors import DependencyDown, StartRefused
from streams.kafka_greeting import greet
from tests.support.certificates import Authority, Certificate, OpensslMissing
from tests.support.ports import free_port

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    try:
        return Authority(tmp_path_factory.mktemp("ca"))
    except OpensslMissing as missing:
        pytest.skip(str(missing))


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.close()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1000):
        pass
    writer.close()


async def greeted(
    client: Client, options: dict[str, Any], shown: Certificate | None = None
) -> Exception:
    """What a greeting comes to at a server that does `client` with each connection."""
    context = None
    if shown is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(shown.cert, shown.key)
    server = await asyncio.start_server(client, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises((StartRefused, DependencyDown)) as ended:
            await greet(f"127.0.0.1:{port}", options, timeout_s=0.5)
    return ended.value


def tls(ca: Path) -> dict[str, Any]:
    return {
        "security_protocol": "SSL",
        "ssl_context": ssl.create_default_context(cafile=str(ca)),
    }


async def test_a_certificate_for_another_host_is_refused(authority: Authority) -> None:
    elsewhere = authority.vouch("elsewhere", hosts="DNS:elsewhere.example")
    refused = await greeted(silence, tls(authority.cert), elsewhere)
    assert isinstance(refused, StartRefused)
    assert "127.0.0.1" in str(refused)
    assert "LOOKSTREAM_KAFKA is checked against it" in str(refused)


async def test_a_certificate_that_is_over_is_refused(authority: Authority) -> None:
    over = authority.vouch("over", days=-1)
    refused = await greeted(silence, tls(authority.cert), over)
    assert isinstance(refused, StartRefused)
    assert "has expired" in str(refused)


async def test_a_connection_that_is_closed_is_waited_for_with_a_hint() -> None:
    down = await greeted(hang_up, {})
    assert isinstance(down, DependencyDown)
    assert "we speak PLAINTEXT" in down.detail
    assert "LOOKSTREAM_KAFKA_TLS or LOOKSTREAM_KAFKA_USERNAME" in down.detail


async def test_tls_with_a_server_that_speaks_none_is_waited_for_with_a_hint(
    authority: Authority,
) -> None:
    down = await greeted(hang_up, tls(authority.cert))
    assert isinstance(down, DependencyDown)
    assert "we speak SSL" in down.detail


async def test_a_server_that_says_nothing_is_waited_for() -> None:
    down = await greeted(silence, {})
    assert isinstance(down, DependencyDown)
    assert "no answer from 127.0.0.1" in down.detail


async def test_nobody_there_is_waited_for() -> None:
    with pytest.raises(DependencyDown, match="nobody listens at 127"):
        await greet(f"127.0.0.1:{free_port()}", {})


async def test_a_refusal_of_the_first_server_counts_though_the_second_is_away(
    authority: Authority,
) -> None:
    elsewhere = authority.vouch("elsewhere", hosts="DNS:elsewhere.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(elsewhere.cert, elsewhere.key)
    server = await asyncio.start_server(silence, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(StartRefused):
            await greet(f"127.0.0.1:{free_port()},127.0.0.1:{port}", tls(authority.cert))
