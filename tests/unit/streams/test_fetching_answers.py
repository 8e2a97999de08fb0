"""Whatever a web server answers, a fetch ends in the picture or in a reason."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator

import pytest

from streams.errors import EventError, Reason
from tests.support.web import (
    PICTURE,
    Names,
    Script,
    Web,
    answer,
    fetcher,
    raw,
    refusal,
    running_web,
)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with running_web() as site:
        yield site


async def test_as_many_bytes_as_allowed_are_read_and_no_more(web: Web) -> None:
    uri = web.at("/a", answer("200 OK", PICTURE))
    async with fetcher(web, max_bytes=len(PICTURE)) as made:
        assert await made.fetch(uri) == PICTURE
    refused = await refusal(web, uri, max_bytes=len(PICTURE) - 1)
    assert refused.reason == Reason.TOO_MANY_BYTES


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_body_without_end_is_left_at_the_limit(web: Web, head: bytes) -> None:
    async def without_end(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"4000\r\n" + b"\0" * 0x4000 + b"\r\n")
            await writer.drain()

    uri = web.at("/a", without_end)
    refused = await refusal(web, uri, max_bytes=1_000_000)
    assert refused.reason == Reason.TOO_MANY_BYTES
    async with asyncio.timeout(10):
        await web.hung_up.wait()  # the connection was closed, not drained


async def test_a_body_shorter_than_announced_is_a_failure(web: Web) -> None:
    uri = web.at("/a", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nshort"))
    refused = await refusal(web, uri)
    assert refused.reason == Reason.URI_FAILED
    assert len(web.requests) == 3


async def test_a_body_announced_as_too_long_is_not_waited_for(web: Web) -> None:
    async def promise(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000001\r\n\r\n")
        await silence(writer)

    refused = await refusal(web, web.at("/a", promise))
    assert refused.reason == Reason.TOO_MANY_BYTES


async def test_bytes_beyond_the_announced_length_never_become_part_of_the_picture(web: Web) -> None:
    uri = web.at("/a", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort" + b"x" * 9999))
    async with fetcher(web) as made:
        try:
            body = await made.fetch(uri)
        except EventError as refused:  # where they come in one packet with the rest
            body = str(refused.reason).encode()
    assert body in (b"short", b"uri-failed")


async def test_a_second_encoding_header_does_not_make_anything_unpack(web: Web) -> None:
    packed = gzip.compress(bytes(50_000_000))
    two = ("Content-Encoding: identity", "Content-Encoding: gzip")
    uri = web.at("/a", answer("200 OK", packed, *two))
    async with fetcher(web) as made:
        assert await made.fetch(uri) == packed


async def test_what_is_sent_compressed_is_refused_and_not_unpacked(web: Web) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    uri = web.at("/a", answer("200 OK", bomb, "Content-Encoding: gzip"))
    refused = await refusal(web, uri)
    assert refused.reason == Reason.URI_FAILED
    assert "compressed" in refused.detail


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n12345",
        CHUNKED[:-2] + b"Content-Length: many\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffffff\r\n",
        CHUNKED + b"5\r\n123",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"",
    ],
    ids=[
        "long header",
        "many headers",
        "long status",
        "negative length",
        "wordy length",
        "two lengths",
        "enormous chunk",
        "broken chunk",
        "not HTTP",
        "nothing",
    ],
)
async def test_an_answer_that_is_no_decent_http_is_a_failure(web: Web, head: bytes) -> None:
    refused = await refusal(web, web.at("/a", raw(head)))
    assert refused.reason == Reason.URI_FAILED


async def test_cookies_are_not_kept(web: Web) -> None:
    uri = web.at("/a", answer("200 OK", PICTURE, "Set-Cookie: id=1; Path=/"))
    async with fetcher(web) as made:
        await made.fetch(uri)
        await made.fetch(uri)
    assert len(web.requests) == 2
    assert "cookie" not in web.requests[1].lower()


async def test_proxies_of_the_environment_are_not_used(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    uri = web.at("/a", answer("200 OK", PICTURE))
    async with fetcher(web) as made:
        assert await made.fetch(uri) == PICTURE


@pytest.mark.parametrize(
    "status",
    ["404 Not Found", "403 Forbidden", "204 No Content", "206 Partial", "304 Not Modified"],
)
async def test_an_answer_that_will_not_change_is_asked_for_once(web: Web, status: str) -> None:
    refused = await refusal(web, web.at("/a?token=secret", answer(status)))
    assert refused.reason == Reason.URI_FAILED
    assert "secret" not in refused.detail
    assert len(web.requests) == 1


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Too Many", "408 Timeout"])
async def test_an_answer_that_may_change_is_asked_for_again(web: Web, status: str) -> None:
    slept: list[float] = []
    uri = web.at("/a", answer(status), answer(status), answer("200 OK", PICTURE))
    async with fetcher(web, slept=slept) as made:
        assert await made.fetch(uri) == PICTURE
    assert slept == [0.25, 0.5]


async def test_after_the_last_try_the_event_is_refused(web: Web) -> None:
    refused = await refusal(web, web.at("/a", answer("503 Busy")), tries=2)
    assert refused.reason == Reason.URI_FAILED
    assert "2 tries" in refused.detail
    assert len(web.requests) == 2


async def test_a_name_that_does_not_exist_is_tried_again(web: Web) -> None:
    uri = web.at("/a", answer("200 OK", PICTURE))
    async with fetcher(web, Names("", "")) as made:
        assert await made.fetch(uri) == PICTURE
    refused = await refusal(web, uri, Names("", "", ""))
    assert refused.reason == Reason.URI_FAILED


async def test_a_port_where_nobody_listens_is_a_failure(web: Web) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: connections are refused
        place = f"shop.test:{taken.getsockname()[1]}"
        refused = await refusal(web, f"http://{place}/a", hosts=(place,))
    assert refused.reason == Reason.URI_FAILED


async def drip_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:  # never silent for long, so only a deadline for the whole ends it
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("script", [drip_body, drip_headers, silence])
async def test_a_slow_answer_ends_at_the_deadline(web: Web, script: Script) -> None:
    async with asyncio.timeout(5):
        refused = await refusal(web, web.at("/a", script), timeout_s=0.2)
    assert refused.reason == Reason.URI_FAILED
    assert "0.2 s" in refused.detail
    assert len(web.requests) == 1


async def test_no_more_pictures_are_in_flight_than_allowed(web: Web) -> None:
    release, both_here = asyncio.Event(), asyncio.Barrier(3)

    async def held(writer: asyncio.StreamWriter) -> None:
        await both_here.wait()
        await release.wait()
        await answer("200 OK", PICTURE)(writer)

    uri = web.at("/a", held, held, answer("200 OK", PICTURE))
    names = Names()
    async with fetcher(web, names, at_once=2) as made:
        fetches = [asyncio.create_task(made.fetch(uri)) for _ in range(6)]
        await both_here.wait()
        assert len(names.asked) == 2  # each picture in flight has looked its host up
        release.set()
        assert await asyncio.gather(*fetches) == [PICTURE] * 6
