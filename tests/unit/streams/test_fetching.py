"""A picture is fetched only from where the operator allows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from streams import addresses
from streams.errors import EventError, Reason
from streams.fetching import FetchLimits
from tests.support.web import PICTURE, Names, Web, answer, fetcher, refusal, running_web


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with running_web() as site:
        yield site


async def test_a_picture_is_fetched_plainly(web: Web) -> None:
    uri = web.at("/a.png?size=large", answer("200 OK", PICTURE))
    async with fetcher(web) as made:
        assert await made.fetch(uri) == PICTURE
    head = web.requests[0].lower()
    assert "accept-encoding: identity" in head
    assert "cookie" not in head


async def test_without_hosts_fetching_is_off(web: Web) -> None:
    refused = await refusal(web, "http://shop.test/a.png", hosts=())
    assert refused.reason == Reason.URI_NOT_ALLOWED
    assert FetchLimits().hosts == ()


@pytest.mark.parametrize(
    "uri",
    [
        "http://other.test/a.png",
        "http://shop.test/a.png",
        "http://sub.named.test/a.png",
        "http://named.test.evil.test/a.png",
        "http://named.test./a.png",
        "http://named.test:8080/a.png",
        "http://named.test:443/a.png",
        "http://user@named.test/a.png",
        "http://user:hunter2@named.test/a.png",
        "http://:hunter2@named.test/a.png",
        "http://named.test@other.test/a.png",
        "http://other.test#@named.test/",
        "http://named.test\\@other.test/",
        "ftp://named.test/a.png",
        "file:///etc/passwd",
        "file://named.test/etc/passwd",
        "data:image/png;base64,AAAA",
        "//named.test/a.png",
        "named.test/a.png",
        "http:///a.png",
        "http://named.test:99999/",
        "http://[::1/",
        "http://\ud800/",
        "",
        "http://named.test/" + "a" * 9000,
    ],
)
async def test_a_uri_that_is_not_allowed_is_never_asked_for(web: Web, uri: str) -> None:
    names = Names()
    refused = await refusal(web, uri, names)
    assert refused.reason == Reason.URI_NOT_ALLOWED
    assert "hunter2" not in refused.detail
    assert (names.asked, web.requests) == ([], [])


async def test_a_host_is_the_same_in_capitals_and_in_unicode(web: Web) -> None:
    web.at("/a", answer("200 OK", PICTURE))
    async with fetcher(web, hosts=(f"Bücher.test:{web.port}",)) as made:
        assert await made.fetch(f"HTTP://BÜCHER.test:{web.port}/a") == PICTURE
        assert await made.fetch(f"http://xn--bcher-kva.test:{web.port}/a") == PICTURE


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::ffff:7f00:1"])
async def test_a_name_at_a_private_address_is_not_connected_to(web: Web, address: str) -> None:
    uri = web.at("/a", answer("200 OK", PICTURE))
    refused = await refusal(web, uri, Names(address), allow_private_addresses=False)
    assert refused.reason == Reason.URI_NOT_ALLOWED
    assert web.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"])
async def test_an_allowed_literal_address_must_be_public_too(web: Web, host: str) -> None:
    web.at("/a", answer("200 OK", PICTURE))
    place = f"{host}:{web.port}"
    refused = await refusal(web, f"http://{place}/a", hosts=(place,), allow_private_addresses=False)
    assert refused.reason == Reason.URI_NOT_ALLOWED
    assert web.requests == []


async def test_a_name_is_resolved_once_for_a_connection_and_checked_for_each(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    uri = web.at("/a", answer("200 OK", PICTURE, "Connection: close"))
    names = Names("127.0.0.1", "169.254.169.254")  # rebound after the first answer
    async with fetcher(web, names, allow_private_addresses=False) as made:
        assert await made.fetch(uri) == PICTURE
        assert names.asked == ["shop.test"]
        with pytest.raises(EventError) as refused:
            await made.fetch(uri)
    assert refused.value.reason == Reason.URI_NOT_ALLOWED
    assert len(web.requests) == 1


async def test_a_redirect_to_an_allowed_host_is_followed(web: Web) -> None:
    uri = web.at("/a", answer("302 Found", b"", f"Location: http://cdn.test:{web.port}/b"))
    web.at("/b", answer("308 Permanent Redirect", b"", "Location: c"))
    web.at("/c", answer("200 OK", PICTURE))
    async with fetcher(web) as made:
        assert await made.fetch(uri) == PICTURE
    assert [request.split()[1] for request in web.requests] == ["/a", "/b", "/c"]


@pytest.mark.parametrize(
    "location",
    [
        "http://other.test/b",
        "//other.test/b",
        "file:///etc/passwd",
        "http://shop.test:1/b",
        "http://user@named.test/b",
        "http://[",
        "",
    ],
)
async def test_a_redirect_to_elsewhere_is_not_followed(web: Web, location: str) -> None:
    names = Names()
    uri = web.at("/a", answer("301 Moved", b"", f"Location: {location}"))
    refused = await refusal(web, uri, names)
    assert refused.reason == Reason.URI_NOT_ALLOWED
    assert names.asked == ["shop.test"]


async def test_redirects_end(web: Web) -> None:
    uri = web.at("/a", answer("302 Found", b"", "Location: /a"))
    refused = await refusal(web, uri)
    assert refused.reason == Reason.URI_FAILED
    assert len(web.requests) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"hosts": ("https://shop.test",)},
        {"hosts": ("shop.test/pictures",)},
        {"hosts": ("*.shop.test",)},
        {"hosts": ("user@shop.test",)},
        {"hosts": ("",)},
        {"hosts": (":80",)},
        {"hosts": ("shop.test:http",)},
        {"max_bytes": 0},
        {"timeout_s": 0.0},
        {"tries": 0},
        {"at_once": 0},
        {"max_redirects": -1},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"host|positive|negative"):
        FetchLimits(**wrong)
