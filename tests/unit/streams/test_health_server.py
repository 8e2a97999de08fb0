"""The worker's HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from streams.errors import StartRefused
from streams.health import Progress, Readiness
from streams.health_server import HealthServer
from streams.metrics import CONTENT_TYPE, Metrics


class Site:
    """A served worker, and what it is made of."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.readiness = Readiness(["index"])
        self.progress = Progress(60.0, lambda: self.now_s)
        self.server = HealthServer(
            ("127.0.0.1", 0),
            metrics_page=Metrics("recommender").page,
            readiness=self.readiness,
            progress=self.progress,
        )

    def url(self, path: str) -> str:
        host, port = self.server.address
        return f"http://{host}:{port}{path}"

    async def raw(self, request: bytes) -> bytes:
        """What comes back for these very bytes, until the server closes."""
        reader, writer = await asyncio.open_connection(*self.server.address)
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return answer


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.server.start()
    yield site
    await site.server.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_worker_that_starts_is_not_ready_and_says_what_is_missing(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async with client.get(site.url("/readyz")) as answer:
        assert answer.status == 503
        assert await answer.json() == {"ready": False, "reasons": {"index": "starting"}}


async def test_a_worker_whose_conditions_are_met_is_ready(
    site: Site, client: aiohttp.ClientSession
) -> None:
    site.readiness.met("index")
    async with client.get(site.url("/readyz")) as answer:
        assert answer.status == 200
        assert await answer.json() == {"ready": True, "reasons": {}}


async def test_a_worker_that_stands_still_is_not_alive(
    site: Site, client: aiohttp.ClientSession
) -> None:
    site.progress.assigned("clicks", [0])
    async with client.get(site.url("/healthz")) as answer:
        assert answer.status == 200
    site.now_s = 61.0
    async with client.get(site.url("/healthz")) as answer:
        assert answer.status == 503
        body = await answer.json()
    assert body == {"alive": False, "problems": ["clicks-0: nothing heard of it for 61 s"]}


async def test_metrics_are_served_as_prometheus_reads_them(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async with client.get(site.url("/metrics")) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == CONTENT_TYPE
        assert "# TYPE lookstream_events_total counter" in await answer.text()


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics/x", "/../etc/passwd", "/favicon.ico"])
async def test_there_is_nothing_else(site: Site, client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(site.url(path)) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_nothing_can_be_changed(
    site: Site, client: aiohttp.ClientSession, method: str
) -> None:
    async with client.request(method, site.url("/metrics"), data=b"x") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET, HEAD"


async def test_no_answer_says_which_server_wrote_it(
    site: Site, client: aiohttp.ClientSession
) -> None:
    for path in ("/metrics", "/readyz", "/nothing"):
        async with client.get(site.url(path)) as answer:
            assert "Server" not in answer.headers
    garbage = await site.raw(b"\x00\x01 nonsense\r\n\r\n")
    assert garbage.startswith(b"HTTP/1.0 400") or garbage.startswith(b"HTTP/1.1 400")
    assert b"aiohttp" not in garbage.lower()


async def test_overlong_lines_and_headers_are_refused(site: Site) -> None:
    line = await site.raw(b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 400 " in line.splitlines()[0]
    header = await site.raw(b"GET /readyz HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 10_000 + b"\r\n\r\n")
    assert b" 400 " in header.splitlines()[0]


async def test_a_body_is_not_waited_for(site: Site) -> None:
    answer = await site.raw(
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    )
    assert b" 405 " in answer.splitlines()[0]


async def test_a_port_in_use_is_a_reason_not_to_start(site: Site) -> None:
    host, port = site.server.address
    second = HealthServer(
        (host, port),
        metrics_page=lambda: b"",
        readiness=Readiness([]),
        progress=Progress(60.0),
    )
    with pytest.raises(StartRefused) as refused:
        await second.start()
    assert str(refused.value) == (
        f"LOOKSTREAM_HTTP is {host}:{port}, but another process listens there. "
        "Set it to a free host:port, or to 127.0.0.1:0 for any free port."
    )


async def test_an_address_of_another_machine_is_a_reason_not_to_start() -> None:
    server = HealthServer(
        ("192.0.2.1", 0),
        metrics_page=lambda: b"",
        readiness=Readiness([]),
        progress=Progress(60.0),
    )
    with pytest.raises(StartRefused, match=r"LOOKSTREAM_HTTP is 192\.0\.2\.1:0"):
        await server.start()


async def test_the_real_port_is_told_where_any_was_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "streams")
    site = Site()
    await site.server.start()
    _, port = site.server.address
    await site.server.close()
    assert port > 0
    assert f"http://127.0.0.1:{port}" in caplog.text


async def test_a_closed_server_has_no_address_and_frees_its_port() -> None:
    site = Site()
    await site.server.start()
    address = site.server.address
    await site.server.close()
    with pytest.raises(RuntimeError):
        _ = site.server.address
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(*address)
