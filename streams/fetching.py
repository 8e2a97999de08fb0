"""Fetching the picture that an event names by its URI, only from where the operator allows.

A URI comes from outside, so it is a way to make this process talk to whatever it can reach.
Therefore: exact hosts, http and https only, every redirect checked like the first URI, the address
that is connected to is the one that was checked, and bytes, headers and seconds are counted here,
whatever the other side says about itself.

What fails and why (a remote web server is no dependency that a partition should wait for):

    URI_NOT_ALLOWED   the URI, a redirect or the address behind a name is not allowed: at once
    TOO_MANY_BYTES    more than `max_bytes`, announced or sent: at once
    URI_FAILED        a 4xx answer, an answer that is not a plain 200, a bad certificate: at once;
                      5xx, 408, 425, 429, no address, no connection, a broken one: after `tries`;
                      `timeout_s` over, all tries and redirects together: at once
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from streams.addresses import CheckedResolver, check_literal
from streams.errors import EventError, Reason
from streams.text import printable

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[^\s/?#@*\\]+")
_MAX_URI_LENGTH = 8_192
_MAX_HEADER_BYTES = 8_190  # for one header; aiohttp bounds how many there are
_READ_BYTES = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
_PAUSE_S = 0.25  # before the second try, doubled before each further one


@dataclass(frozen=True)
class FetchLimits:
    """Where pictures may be fetched from, and how much of it. Without hosts, fetching is off.

    `hosts`: exact names, on the scheme's own port, or `name:port`. `timeout_s`: seconds for one
    picture, redirects and tries included. `allow_private_addresses`: also addresses of the
    operator's own network, for hosts in an intranet. `at_once`: pictures in flight; each holds up
    to `max_bytes`. Raises ValueError for what cannot be.
    """

    hosts: tuple[str, ...] = ()
    max_bytes: int = 10_000_000
    timeout_s: float = 10.0
    max_redirects: int = 3
    allow_private_addresses: bool = False
    tries: int = 3
    at_once: int = 8

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.timeout_s, self.tries, self.at_once) <= 0:
            raise ValueError("max_bytes, timeout_s, tries and at_once are positive")
        if self.max_redirects < 0:
            raise ValueError("max_redirects is not negative")
        for host in self.hosts:
            _allowed_host(host)


class Fetcher:
    """Fetches pictures, several at a time. Make it inside the event loop, and close it."""

    def __init__(
        self,
        limits: FetchLimits,
        *,
        resolver: AbstractResolver | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._allowed = frozenset(_allowed_host(host) for host in limits.hosts)
        self._sleep = sleep
        self._slots = asyncio.Semaphore(limits.at_once)
        checked = CheckedResolver(
            resolver or aiohttp.ThreadedResolver(), allow_private=limits.allow_private_addresses
        )
        self._session = aiohttp.ClientSession(
            # no cache of names: each new connection goes to an address checked for it
            connector=aiohttp.TCPConnector(resolver=checked, use_dns_cache=False, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Accept": "image/*",
                "Accept-Encoding": "identity",
                "User-Agent": "lookstream",
            },
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(),  # the whole fetch has one deadline, in fetch()
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            read_bufsize=_READ_BYTES,
        )

    async def fetch(self, uri: str) -> bytes:
        """The bytes behind `uri`: at most `max_bytes`, within `timeout_s` once a slot is free.

        Raises EventError (URI_NOT_ALLOWED, URI_FAILED or TOO_MANY_BYTES); its detail names the
        host and never the rest of the URI, which may hold a secret.
        """
        url = self._check(uri)
        async with self._slots:
            try:
                async with asyncio.timeout(self._limits.timeout_s):
                    return await self._try_to_read(url)
            except TimeoutError:
                raise EventError(
                    Reason.URI_FAILED, f"{_shown(url)}: not done in {self._limits.timeout_s:g} s"
                ) from None

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        await self._session.close()

    async def _try_to_read(self, url: URL) -> bytes:
        pause_s = _PAUSE_S
        for tried in range(1, self._limits.tries + 1):
            try:
                return await self._read(url)
            except _FailedForNowError as failure:
                if tried == self._limits.tries:
                    raise EventError(
                        Reason.URI_FAILED, f"{_shown(url)}: {failure}, after {tried} tries"
                    ) from failure
            await self._sleep(pause_s)
            pause_s *= 2
        raise AssertionError("the last try returns or raises")

    async def _read(self, url: URL) -> bytes:
        """One try, redirects included. Raises EventError, or `_FailedForNowError`."""
        for _ in range(self._limits.max_redirects + 1):
            try:
                async with self._session.get(url, allow_redirects=False) as response:
                    if response.status not in _REDIRECTS:
                        return await self._body(url, response)
                    location = response.headers.get("Location", "")
            except (aiohttp.ClientSSLError, aiohttp.InvalidURL) as error:
                raise EventError(
                    Reason.URI_FAILED, f"{_shown(url)}: {type(error).__name__}"
                ) from error
            except (aiohttp.ClientError, OSError) as error:
                if isinstance(error, TimeoutError):
                    raise
                raise _FailedForNowError(type(error).__name__) from error
            url = self._check(location, base=url)
        raise EventError(
            Reason.URI_FAILED, f"{_shown(url)}: more than {self._limits.max_redirects} redirects"
        )

    async def _body(self, url: URL, response: aiohttp.ClientResponse) -> bytes:
        if response.status in _TRY_AGAIN:
            raise _FailedForNowError(f"answered {response.status}")
        if response.status != 200:
            raise EventError(Reason.URI_FAILED, f"{_shown(url)} answered {response.status}")
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise EventError(
                Reason.URI_FAILED, f"{_shown(url)} sent compressed what was asked for plain"
            )
        most = self._limits.max_bytes
        if (response.content_length or 0) > most:
            raise EventError(
                Reason.TOO_MANY_BYTES,
                f"{_shown(url)} announces {response.content_length} bytes, at most {most} are read",
            )
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > most:
                raise EventError(
                    Reason.TOO_MANY_BYTES, f"{_shown(url)} sends more than {most} bytes"
                )
        return bytes(body)

    def _check(self, uri: str, base: URL | None = None) -> URL:
        """`uri` as a URL that may be asked for, or EventError. A redirect is relative to `base`."""
        if not self._allowed:
            raise EventError(Reason.URI_NOT_ALLOWED, "fetching is off: no host is allowed")
        if not 0 < len(uri) <= _MAX_URI_LENGTH:
            raise EventError(
                Reason.URI_NOT_ALLOWED, f"{len(uri)} characters, from 1 to {_MAX_URI_LENGTH}"
            )
        try:
            url = base.join(URL(uri)) if base else URL(uri)
            place = (url.raw_host or "", url.port)
        except ValueError as error:
            raise EventError(Reason.URI_NOT_ALLOWED, "not a URI that can be read") from error
        if url.scheme not in _DEFAULT_PORTS:
            raise EventError(Reason.URI_NOT_ALLOWED, "neither http nor https")
        if url.raw_user is not None or url.raw_password is not None:
            raise EventError(Reason.URI_NOT_ALLOWED, f"{_shown(url)}: with a user or a password")
        as_default = (place[0], None if place[1] == _DEFAULT_PORTS[url.scheme] else place[1])
        if place not in self._allowed and as_default not in self._allowed:
            raise EventError(Reason.URI_NOT_ALLOWED, f"{_shown(url)} is not an allowed host")
        if not self._limits.allow_private_addresses:
            check_literal(place[0])
        return url


class _FailedForNowError(Exception):
    """This try failed in a way that the next one may not."""


def _allowed_host(entry: str) -> tuple[str, int | None]:
    """An entry of `hosts` -> the name as a URL has it, and the port (None: the scheme's own)."""
    try:
        url = URL(f"//{entry}") if _HOST.fullmatch(entry) else URL()
        host, port = url.raw_host, url.explicit_port
    except ValueError:
        host, port = None, None
    if not host:
        raise ValueError(f"'{printable(entry)}' is not a host: write a name, or a name:port")
    return host, port


def _shown(url: URL) -> str:
    return printable(url.raw_host or "")
