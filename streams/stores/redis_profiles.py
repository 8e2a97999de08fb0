"""Profiles and popularity in Redis, Valkey, or whatever speaks their protocol.

    PREFIXprofile:USER   string: 8 bytes of version, then the core's bytes
    PREFIXpopularity     sorted set: item id -> log2 of its forward-decayed count

Loading is one MGET. Saving is one script for all writes of a batch: each user's compare-and-set and
the increments that go with it happen together or not at all. Why one script, and what that costs
with a cluster: docs/decisions/one-script-for-a-batch-of-profiles.md.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from streams.errors import StartRefused
from streams.stores.profiles import ABSENT, VERSION_BYTES, Stored, Write
from streams.stores.redis_errors import refusing_to_start, translated
from streams.text import printable

# A script holds up the whole server while it runs: about 10 us a write, so some milliseconds.
MAX_WRITES = 256
MAX_SCRIPT_BYTES = 4_000_000

_SAVE = """
local max_popular, ttl_s = tonumber(ARGV[1]), ARGV[2]
local popularity = KEYS[1]
local results, at = {}, 3
for i = 2, #KEYS do
  local expected, value, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local version = redis.call('GETRANGE', KEYS[i], 0, 7)
  if version == string.sub(value, 1, 8) then
    results[i - 1] = 1
  elseif version ~= expected then
    results[i - 1] = 0
  else
    if ttl_s == '' then
      redis.call('SET', KEYS[i], value)
    else
      redis.call('SET', KEYS[i], value, 'EX', ttl_s)
    end
    for j = at + 3, at + 1 + 2 * count, 2 do
      local item, weight = ARGV[j], tonumber(ARGV[j + 1])
      local old = redis.call('ZSCORE', popularity, item)
      if old then
        old = tonumber(old)
        local high, low = math.max(old, weight), math.min(old, weight)
        weight = high + math.log(1 + 2 ^ (low - high)) / math.log(2)
      end
      redis.call('ZADD', popularity, string.format('%.17g', weight), item)
    end
    results[i - 1] = 1
  end
  at = at + 3 + 2 * count
end
local size = redis.call('ZCARD', popularity)
if size > max_popular * 1.1 then
  redis.call('ZREMRANGEBYRANK', popularity, 0, size - max_popular - 1)
end
return results
"""
_SAVE_SHA = hashlib.sha1(_SAVE.encode()).hexdigest()  # noqa: S324 - Redis names scripts by it


class RedisProfiles:
    """The contract of `ProfileStore`, on a server.

    url          redis://, rediss:// (TLS) or unix://, with user and password where needed.
    prefix       before every key.
    ttl_s        a profile not written for so long is forgotten; None: kept for ever.
    max_popular  items whose popularity is kept; beyond it the least popular are forgotten.
    timeout_s    how long to wait for a connection, and for an answer. The driver's own retries are
                 off: whoever calls decides about trying again.

    Raises StartRefused for a url that is none.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "",
        ttl_s: int | None = None,
        max_popular: int = 10_000,
        timeout_s: float = 2.0,
    ) -> None:
        try:
            self._redis: Any = Redis.from_url(
                url,
                protocol=2,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                socket_keepalive=True,
                retry=Retry(NoBackoff(), 0),
                decode_responses=False,
            )
        except (ValueError, TypeError) as error:
            raise StartRefused(
                "LOOKSTREAM_REDIS is not a URL of a Redis: write redis://host:port/0, "
                "rediss:// for TLS, or unix://path"
            ) from error
        self._profile_prefix = prefix + "profile:"
        self._popularity = prefix + "popularity"
        self._head = (str(max_popular), "" if ttl_s is None else str(ttl_s))

    @property
    def shown(self) -> str:
        """Where the store is, for people: never its password."""
        at = self._redis.connection_pool.connection_kwargs
        place = at.get("path") or f"{at.get('host', 'localhost')}:{at.get('port', 6379)}"
        return f"{printable(str(place), 200)}/{at.get('db') or 0}"

    async def start(self) -> None:
        """Try the very calls that will be made, in a way that writes nothing.

        Raises StartRefused: password, rights, TLS, or a cluster. DependencyDown: not there yet.
        """
        never = b"\xff" * VERSION_BYTES  # expected by nobody's key, so that nothing is written
        with refusing_to_start(self.shown):
            await self._redis.mget([self._profile_prefix])
            keys = [self._popularity, self._profile_prefix]
            await self._run(keys, [*self._head, never, b"\xfe" * VERSION_BYTES, "0"])
            await self._redis.zrevrange(self._popularity, 0, 0)

    async def load(self, user_ids: Sequence[str]) -> list[Stored]:
        if not user_ids:
            return []
        with translated():
            found = await self._redis.mget([self._profile_prefix + user for user in user_ids])
        return [Stored(ABSENT, None) if raw is None else _split(raw) for raw in found]

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        results: list[bool] = []
        for chunk in _chunks(writes):
            keys = [self._popularity]
            arguments: list[bytes | str] = [*self._head]
            for write in chunk:
                keys.append(self._profile_prefix + write.user_id)
                expected = b"" if write.expected == ABSENT else write.expected
                arguments += (expected, write.version + write.value, str(len(write.increments)))
                for item_id, weight in write.increments:
                    if not math.isfinite(weight):
                        raise ValueError(f"an increment must be a finite log2 weight, not {weight}")
                    arguments += (item_id, repr(weight))
            with translated():
                results += [reply == 1 for reply in await self._run(keys, arguments)]
        return results

    async def popular(self, n: int) -> list[tuple[str, float]]:
        if n <= 0:
            return []
        with translated():
            found = await self._redis.zrevrange(self._popularity, 0, n - 1, withscores=True)
        return [(item_id.decode(), float(weight)) for item_id, weight in found]

    async def ping(self) -> None:
        with translated():
            await self._redis.ping()

    async def close(self) -> None:
        with translated():
            await self._redis.aclose()

    async def _run(self, keys: list[str], arguments: list[bytes | str]) -> list[int]:
        """The script by its hash; in full where the server doesn't know it (yet, or any more)."""
        call = (len(keys), *keys, *arguments)
        try:
            replies: list[int] = await self._redis.execute_command("EVALSHA", _SAVE_SHA, *call)
        except NoScriptError:
            replies = await self._redis.execute_command("EVAL", _SAVE, *call)
        return replies


def _split(raw: bytes) -> Stored:
    return Stored(raw[:VERSION_BYTES], raw[VERSION_BYTES:])


def _chunks(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Runs of writes small enough for one script each; nearly always there is one."""
    chunk: list[Write] = []
    size_bytes = 0
    for write in writes:
        if chunk and (len(chunk) == MAX_WRITES or size_bytes > MAX_SCRIPT_BYTES):
            yield chunk
            chunk, size_bytes = [], 0
        chunk.append(write)
        size_bytes += len(write.value)
    if chunk:
        yield chunk
