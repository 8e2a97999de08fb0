"""Profiles and popularity in Redis, Valkey, or whatever speaks their protocol.

    PREFIXprofile:USER   string: 8 bytes of version, then the core's bytes
    PREFIXpopularity     sorted set: item id -> log2 of its forward-decayed count
    PREFIXmarks          hash: source ("topic-partition") -> offset of its last event in the store

Loading is one MGET. Saving is one script for all writes of a batch: each user's compare-and-set and
the increments that go with it happen together or not at all. Why one script, and what that costs
with a cluster: docs/decisions/one-script-for-a-batch-of-profiles.md. What the marks are for:
docs/decisions/store-that-lost-data.md.

Commands. A recommender: MGET, EVALSHA and EVAL (in the script GETRANGE, SET, HGET, HSET, ZSCORE,
ZADD, ZCARD, ZREMRANGEBYRANK), ZREVRANGE, HGETALL, PING. `lookstream rebuild` also UNLINK and, with
--from-scratch or --new-log, SCAN. `lookstream doctor` also INFO and CONFIG GET.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError, NoScriptError, ResponseError

from streams.errors import StartRefused, StoreBehind
from streams.stores.profiles import ABSENT, NO_MARK, VERSION_BYTES, Mark, Stored, Write
from streams.stores.redis_errors import RIGHTS_ADVICE, refusing_to_start, translated
from streams.text import printable

PROFILE, POPULARITY, MARKS = "profile:", "popularity", "marks"

# A script holds up the whole server while it runs: about 10 us a write, so some milliseconds.
MAX_WRITES = 256
MAX_SCRIPT_BYTES = 4_000_000

_SAVE = """
local max_popular, ttl_s, sources = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local popularity, marks = KEYS[1], KEYS[2]
local stored = {}
for i = 1, sources do
  local source, known = ARGV[3 * i + 1], tonumber(ARGV[3 * i + 2])
  stored[i] = tonumber(redis.call('HGET', marks, source) or -1)
  if stored[i] < known then
    return redis.error_reply('BEHIND ' .. i - 1 .. ' ' .. stored[i])
  end
end
local results, all, at = {}, true, 4 + 3 * sources
for i = 3, #KEYS do
  local expected, value, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local version = redis.call('GETRANGE', KEYS[i], 0, 7)
  if version == string.sub(value, 1, 8) then
    results[i - 2] = 1
  elseif version ~= expected then
    results[i - 2] = 0
    all = false
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
    results[i - 2] = 1
  end
  at = at + 3 + 2 * count
end
if all then
  for i = 1, sources do
    local new = tonumber(ARGV[3 * i + 3])
    if new > stored[i] then
      redis.call('HSET', marks, ARGV[3 * i + 1], string.format('%d', new))
    end
  end
end
local size = redis.call('ZCARD', popularity)
if size > max_popular * 1.1 then
  redis.call('ZREMRANGEBYRANK', popularity, 0, size - max_popular - 1)
end
return results
"""
# What _SAVE would be denied, without doing it. Redis before 7.0 can't say.
_MAY = """
local popularity, marks, profile = KEYS[1], KEYS[2], KEYS[3]
local denied = {}
if redis.acl_check_cmd then
  for _, call in ipairs({
    {'SET', profile, ''}, {'SET', profile, '', 'EX', '1'}, {'GETRANGE', profile, '0', '7'},
    {'ZSCORE', popularity, ''}, {'ZADD', popularity, '0', ''}, {'ZCARD', popularity},
    {'ZREMRANGEBYRANK', popularity, '1', '0'}, {'HGET', marks, ''}, {'HSET', marks, '', ''},
  }) do
    if not redis.acl_check_cmd(unpack(call)) then
      denied[#denied + 1] = call[1] .. ' ' .. call[2]
    end
  end
end
return denied
"""
_SAVE_SHA = hashlib.sha1(_SAVE.encode()).hexdigest()  # noqa: S324 - Redis names scripts by it


class Keeping(NamedTuple):
    """What may happen to profiles on this server.

    evicts    the policy by which it throws keys away when its memory is full; None: it refuses.
    persists  whether it writes to disk, as far as it tells.
    """

    evicts: str | None
    persists: bool


class RedisProfiles:
    """The contract of `ProfileStore`, on a server.

    url          redis://, rediss:// (TLS) or unix://, with user and password where needed.
    prefix       before every key.
    ttl_s        a profile not written for so long is forgotten; None: kept for ever.
    max_popular  items whose popularity is kept; beyond it the least popular are forgotten.
    options      for redis-py's client: password, TLS.
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
        options: Mapping[str, Any] | None = None,
    ) -> None:
        settings: dict[str, Any] = {
            "protocol": 2,
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": False,
        }
        try:
            self._redis: Any = Redis.from_url(url, **settings | dict(options or {}))
        except (ValueError, TypeError) as error:
            raise StartRefused(
                "LOOKSTREAM_REDIS is not a URL of a Redis: write redis://host:port/0, "
                "rediss:// for TLS, or unix://path"
            ) from error
        self._profile_prefix = prefix + PROFILE
        self._popularity = prefix + POPULARITY
        self._marks = prefix + MARKS
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
            keys = [self._popularity, self._marks, self._profile_prefix]
            denied = await self._redis.eval(_MAY, len(keys), *keys)
            if denied:
                raise StartRefused(
                    f"The store at {self.shown} denies this user, in a script, "
                    f"{', '.join(printable(call.decode(), 200) for call in denied)}. "
                    f"{RIGHTS_ADVICE}"
                )
            await self._run(keys, [*self._head, "0", never, b"\xfe" * VERSION_BYTES, "0"])
            await self._redis.zrevrange(self._popularity, 0, 0)
            await self._redis.hgetall(self._marks)

    async def load(self, user_ids: Sequence[str]) -> list[Stored]:
        if not user_ids:
            return []
        with translated():
            found = await self._redis.mget([self._profile_prefix + user for user in user_ids])
        return [Stored(ABSENT, None) if raw is None else _split(raw) for raw in found]

    async def save(self, writes: Sequence[Write], marks: Sequence[Mark] = ()) -> list[bool]:
        results: list[bool] = []
        chunks = list(_chunks(writes)) or ([[]] if marks else [])
        for number, chunk in enumerate(chunks, 1):
            # The last chunk moves the marks, if all those before it were applied whole.
            done = number == len(chunks) and all(results)
            keys = [self._popularity, self._marks]
            arguments: list[bytes | str] = [*self._head, str(len(marks))]
            for mark in marks:
                new = mark.new if done else NO_MARK
                arguments += (mark.source, str(mark.known), str(new))
            for write in chunk:
                keys.append(self._profile_prefix + write.user_id)
                expected = b"" if write.expected == ABSENT else write.expected
                arguments += (expected, write.version + write.value, str(len(write.increments)))
                for item_id, weight in write.increments:
                    if not math.isfinite(weight):
                        raise ValueError(f"an increment must be a finite log2 weight, not {weight}")
                    arguments += (item_id, repr(weight))
            with translated(), _behind(marks):
                results += [reply == 1 for reply in await self._run(keys, arguments)]
        return results

    async def marks(self) -> dict[str, int]:
        with translated():
            found = await self._redis.hgetall(self._marks)
        return {source.decode(): int(offset) for source, offset in found.items()}

    async def forget_marks(self) -> None:
        """Delete every mark. Whoever knew of one writes nothing from now on."""
        with translated():
            await self._redis.unlink(self._marks)

    async def users(self) -> AsyncIterator[list[str]]:
        """Everybody who has a profile, some hundred at a time; some may come twice."""
        pattern = "".join(f"[{c}]" if c in "*?[\\" else c for c in self._profile_prefix) + "*"
        cursor = 0
        while True:
            with translated():
                cursor, keys = await self._redis.scan(cursor, match=pattern, count=MAX_WRITES)
            if keys:
                yield [key.decode()[len(self._profile_prefix) :] for key in keys]
            if cursor == 0:
                return

    async def popular(self, n: int) -> list[tuple[str, float]]:
        if n <= 0:
            return []
        with translated():
            found = await self._redis.zrevrange(self._popularity, 0, n - 1, withscores=True)
        return [(item_id.decode(), float(weight)) for item_id, weight in found]

    async def keeping(self) -> Keeping | None:
        """How well the server keeps what it is given; None if this user may not know. For
        `lookstream doctor`: takes more rights than a recommender needs (INFO, CONFIG GET)."""
        with translated():
            try:
                info = await self._redis.info()
            except NoPermissionError:
                return None
            try:
                saves = bool((await self._redis.config_get("save")).get("save"))
            except ResponseError:  # denied, or renamed, as managed servers do
                saves = True
        policy = str(info.get("maxmemory_policy", "noeviction"))
        return Keeping(
            evicts=policy if int(info.get("maxmemory", 0)) and policy != "noeviction" else None,
            persists=saves or bool(info.get("aof_enabled")),
        )

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


@contextmanager
def _behind(marks: Sequence[Mark]) -> Iterator[None]:
    """Raise StoreBehind where the script says so."""
    try:
        yield
    except ResponseError as error:
        word, _, rest = str(error).partition(" ")
        if word != "BEHIND":
            raise
        number, stored = map(int, rest.split()[:2])
        mark = marks[number]
        raise StoreBehind(mark.source, stored, mark.known) from error


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
