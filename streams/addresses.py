"""Which addresses may be connected to when a name comes from outside."""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from streams.errors import EventError, Reason
from streams.text import printable

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class CheckedResolver(AbstractResolver):
    """Resolves a name, and refuses it where one of its addresses is not public.

    The connector connects to the very addresses that are returned here, so a name server that
    answers differently the next time (DNS rebinding) gains nothing.
    """

    def __init__(self, resolver: AbstractResolver, *, allow_private: bool) -> None:
        self._resolver = resolver
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`. Raises EventError(URI_NOT_ALLOWED), or OSError for none."""
        found = await self._resolver.resolve(host, port, family)
        if not self._allow_private:
            for result in found:
                _check(host, result["host"])
        return found

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._resolver.close()


def check_literal(host: str) -> None:
    """Refuse a host that is itself an address, and not a public one: it needs no resolving."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError as error:
        if host.replace(".", "").isdigit():  # 2130706433: aiohttp asks no resolver about it
            detail = f"{printable(host)} is no name, and no address in its usual form"
            raise EventError(Reason.URI_NOT_ALLOWED, detail) from error
        return  # a name; the resolver sees it
    _check(host, host)


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet (IANA's registries, as Python knows them).

    An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) is judged by that one.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if carried is None and ip.is_site_local:
            return False
        ip = carried or ip
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_link_local)


def _check(host: str, address: str) -> None:
    if not is_public(address):
        raise EventError(
            Reason.URI_NOT_ALLOWED, f"{printable(host)} is at an address that is not public"
        )
