"""The kinds of values settings take, and how each is written in an environment variable.

Every kind carries an `Allowed` note: the same words stand in error messages and in
docs/configuration.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from inference.pictures import FORMATS
from streams.core.rules import KINDS, TasteRules
from streams.fetching import FetchLimits
from streams.text import printable

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\]")
_REDIS_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a setting accepts, as the end of the sentence 'It takes …'."""

    what: str


def split_address(address: str) -> tuple[str, int]:
    """('host', port) of 'host:port' or '[::1]:port'. Raises ValueError."""
    host, colon, port = address.strip().rpartition(":")
    if not colon or not _HOST.fullmatch(host):
        raise ValueError("that is not host:port")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError("the port is not a number from 0 to 65535")
    return host.strip("[]"), int(port)


def _address(value: str) -> str:
    split_address(value)
    return value.strip()


def _servers(value: str) -> str:
    servers = [server.strip() for server in value.split(",") if server.strip()]
    if not servers:
        raise ValueError("no server is named")
    for server in servers:
        if split_address(server)[1] == 0:
            raise ValueError("a server's port is not 0")
    return ",".join(servers)


def _redis_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value().strip())
    if parts.scheme not in _REDIS_SCHEMES:
        raise ValueError("it doesn't start with redis://, rediss:// or unix://")
    if parts.fragment:
        raise ValueError("a # in a password is written %23")
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError("no socket is named")
        return value
    if not parts.hostname or not _port_is_right(parts):
        raise ValueError("the host or the port is not one")
    if not re.fullmatch(r"(/[0-9]{0,5})?", parts.path):
        raise ValueError("the path is not a database number")
    return value


def _port_is_right(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def redacted_url(url: str) -> str:
    """`url` with nothing left that may be secret: no user, no password, no query."""
    parts = urlsplit(url.strip())
    host = parts.netloc.rpartition("@")[2]
    hidden = "***@" if "@" in parts.netloc else ""
    more = "?…" if parts.query else ""
    return f"{parts.scheme}://{hidden}{host}{parts.path}{more}"


def secrets_of(url: str) -> tuple[str, ...]:
    """What in `url` must not be shown: its password, as written and as meant, and its query."""
    parts = urlsplit(url.strip())
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    return tuple(dict.fromkeys(s for s in (password, unquote(password), parts.query) if s))


def _comma_separated(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _split_weights(value: object) -> object:
    """'view=0.3,like=2' as {'view': '0.3', 'like': '2'}."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("a part of it has no '='")
    return {kind.strip(): weight.strip() for kind, _, weight in pairs}


def _complete_weights(given: dict[str, float]) -> dict[str, float]:
    unknown = [kind for kind in given if kind not in KINDS]
    if unknown:
        raise ValueError(f"{printable(unknown[0])} is no kind")
    return {**TasteRules().weights, **given}


def _formats(values: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(value.upper() for value in values))
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise ValueError(f"{printable(unknown[0])} is not one of them" if unknown else "none named")
    return names


def _hosts(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _HOST.fullmatch(value.partition(":")[0]):
            raise ValueError(f"{printable(value)} is no host")
    FetchLimits(hosts=values)  # raises ValueError for what it can't use
    return values


def matching(pattern: str) -> Callable[[str], str]:
    """A validator for text that is wholly `pattern`."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError("it is written in another form")
        return value

    return check


Address = Annotated[
    str, AfterValidator(_address), Allowed("host:port, where port 0 is any free one")
]
Servers = Annotated[
    str, AfterValidator(_servers), Allowed("host:port, or several of them separated by commas")
]
RedisUrl = Annotated[
    SecretStr,
    AfterValidator(_redis_url),
    Allowed("redis://host:port/number, rediss://… for TLS, or unix:///path/of/socket"),
]
Secret = Annotated[SecretStr, Allowed("text")]
PemFile = Annotated[Path | None, Allowed("a path of a PEM file")]
UserName = Annotated[
    str, AfterValidator(matching(r"[^\x00-\x1f\x7f]{0,255}")), Allowed("up to 255 characters")
]
TopicPrefix = Annotated[
    str,
    AfterValidator(matching(r"[A-Za-z0-9._-]{0,100}")),
    Allowed("up to 100 letters, digits, dots, dashes and underscores"),
]
ModelChoice = Annotated[
    str,
    AfterValidator(matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(:(fp32|int8))?")),
    Allowed("a folder's name in the models directory, or NAME:int8"),
]
Formats = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_comma_separated),
    AfterValidator(_formats),
    Allowed("one or more of " + ", ".join(FORMATS) + ", separated by commas"),
]
Hosts = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_comma_separated),
    AfterValidator(_hosts),
    Allowed("host names, or host:port, separated by commas"),
]
Names = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_comma_separated),
    Allowed("texts separated by commas"),
]
KindWeights = Annotated[
    dict[str, Annotated[float, Ge(0), Le(1_000_000)]],
    NoDecode,
    BeforeValidator(_split_weights),
    AfterValidator(_complete_weights),
    Allowed(
        "kind=weight separated by commas; the kinds are " + ", ".join(KINDS) + ", a weight is a "
        "number from 0 to 1000000"
    ),
]
