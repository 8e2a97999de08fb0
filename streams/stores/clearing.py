"""Takes things out of a store: of an installation that was only tried, or before a rebuild."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis

from streams.errors import DependencyDown
from streams.stores.redis_profiles import MARKS, POPULARITY, PROFILE

_AT_ONCE = 500


def clear(url: str, prefix: str, *, timeout_s: float = 10.0) -> int:
    """Delete every key that begins with `prefix`; gives how many. Blocking.

    Raises ValueError for an empty prefix, which would be everybody's keys, and DependencyDown.
    """
    if not prefix:
        raise ValueError("an empty prefix would clear the whole store")
    with _client(url, timeout_s) as client:
        return _unlink_all(client, prefix)


def forget_profiles(
    url: str, prefix: str, options: Mapping[str, Any] | None = None, *, timeout_s: float = 10.0
) -> int:
    """Delete the profiles, their marks and popularity; gives how many profiles. Blocking.

    The marks go first: without them no worker writes that knew of some. One that never saw a mark
    (of a partition nobody had clicked in) may write meanwhile, so they go once more at the end.
    Popularity goes after the profiles: where it is left without marks, this was interrupted.

    options  for redis-py's client: password, TLS. Raises DependencyDown.
    """
    with _client(url, timeout_s, options) as client:
        client.unlink(prefix + MARKS)
        gone = _unlink_all(client, prefix + PROFILE)
        client.unlink(prefix + POPULARITY, prefix + MARKS)
        return gone


def _unlink_all(client: redis.Redis, prefix: str) -> int:
    pattern = "".join(f"[{c}]" if c in "*?[\\" else c for c in prefix) + "*"
    gone = 0
    keys: list[bytes] = []
    for key in client.scan_iter(match=pattern, count=_AT_ONCE):
        keys.append(key)
        if len(keys) == _AT_ONCE:
            gone += int(client.unlink(*keys))
            keys = []
    return gone + (int(client.unlink(*keys)) if keys else 0)


@contextmanager
def _client(
    url: str, timeout_s: float, options: Mapping[str, Any] | None = None
) -> Iterator[redis.Redis]:
    given: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    client = redis.Redis.from_url(url, **given | dict(options or {}))
    try:
        yield client
    except redis.RedisError as error:
        raise DependencyDown("redis", f"{type(error).__name__} while clearing") from error
    finally:
        client.close()
