"""Takes everything of one installation out of a store: for installations that were only tried."""

from __future__ import annotations

import redis

from streams.errors import DependencyDown

_AT_ONCE = 500


def clear(url: str, prefix: str, *, timeout_s: float = 10.0) -> int:
    """Delete every key that begins with `prefix`, the marks first; gives how many. Blocking.

    Without the marks no worker writes (docs/decisions/store-that-lost-data.md).

    Raises ValueError for an empty prefix, which would be everybody's keys, and DependencyDown.
    """
    if not prefix:
        raise ValueError("an empty prefix would clear the whole store")
    pattern = "".join(f"[{c}]" if c in "*?[\\" else c for c in prefix) + "*"
    client = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
    gone = 0
    try:
        gone += int(client.unlink(prefix + "marks"))
        keys: list[bytes] = []
        for key in client.scan_iter(match=pattern, count=_AT_ONCE):
            keys.append(key)
            if len(keys) == _AT_ONCE:
                gone += int(client.unlink(*keys))
                keys = []
        return gone + (int(client.unlink(*keys)) if keys else 0)
    except redis.RedisError as error:
        raise DependencyDown("redis", f"{type(error).__name__} while clearing") from error
    finally:
        client.close()
