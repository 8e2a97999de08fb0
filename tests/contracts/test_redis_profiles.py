"""What only goes wrong with a store on a server: it is away, restarts, refuses, answers late."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from streams.errors import DependencyDown, StartRefused
from streams.stores.profiles import ABSENT, Mark, Write
from streams.stores.redis_profiles import Keeping, RedisProfiles
from tests.support.ports import free_port
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until_async

Profiles = Callable[..., RedisProfiles]


@pytest.fixture
async def profiles() -> AsyncIterator[Profiles]:
    """Makes stores with short timeouts, and closes them."""
    async with contextlib.AsyncExitStack() as stack:

        def make(url: str, **options: object) -> RedisProfiles:
            store = RedisProfiles(url, **({"timeout_s": 0.5} | options))  # type: ignore[arg-type]
            stack.push_async_callback(store.close)
            return store

        yield make


class LossyProxy:
    """Passes bytes between a client and the server; can swallow the server's next answer."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self.swallow = False

    async def __aenter__(self) -> LossyProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        await asyncio.gather(
            self._pass(reader, up_writer, False), self._pass(up_reader, writer, True)
        )

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, answers: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if answers and self.swallow:
                    self.swallow = False
                    break
                target.write(data)
                await target.drain()
        target.close()


async def test_a_write_whose_answer_was_lost_counts_once(
    valkey: Valkey, topic_prefix: str, profiles: Profiles
) -> None:
    async with LossyProxy(valkey.port) as proxy:
        store = profiles(proxy.url, prefix=topic_prefix)
        await store.start()
        write = Write("ada", ABSENT, b"1", [("x", 2.0)])
        proxy.swallow = True
        with pytest.raises(DependencyDown):
            await store.save([write])

        assert await store.save([write]) == [True]
        assert await store.popular(1) == [("x", 2.0)]


async def test_who_computes_a_lost_write_again_finds_it_applied(
    valkey: Valkey, topic_prefix: str, profiles: Profiles
) -> None:
    """A crash between store and publish: the next worker sees the mark that lies in the value."""
    async with LossyProxy(valkey.port) as proxy:
        store = profiles(proxy.url, prefix=topic_prefix)
        await store.start()
        proxy.swallow = True
        with pytest.raises(DependencyDown):
            await store.save([Write("ada", ABSENT, b"mark 7", [("x", 2.0)])])

        assert await store.save([Write("ada", ABSENT, b"mark 7", [("x", 2.0)])]) == [False]
        (stored,) = await store.load(["ada"])
        assert stored.value == b"mark 7"
        assert await store.popular(1) == [("x", 2.0)]


async def test_nobody_there_is_a_dependency_that_is_down(profiles: Profiles) -> None:
    store = profiles(f"redis://:geheim@127.0.0.1:{free_port()}/0")
    for call in (
        store.start(),
        store.ping(),
        store.load(["ada"]),
        store.save([Write("ada", ABSENT, b"")]),
        store.popular(1),
    ):
        with pytest.raises(DependencyDown) as down:
            await call
        assert down.value.dependency == "redis"
        assert "geheim" not in str(down.value)


async def test_a_server_that_hangs_is_a_dependency_that_is_down(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    store = profiles(own_valkey.url)
    await store.start()
    own_valkey.suspend()
    with pytest.raises(DependencyDown, match="does not answer in time"):
        await store.load(["ada"])
    own_valkey.resume()
    await wait_until_async(lambda: _answers(store), 10.0, "the store answers again")


async def test_a_restart_loses_nothing_and_the_script_is_known_again(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    store = profiles(own_valkey.url)
    await store.start()
    write = Write("ada", ABSENT, b"1")
    await store.save([write])
    own_valkey.kill()
    with pytest.raises(DependencyDown):
        await store.load(["ada"])
    own_valkey.start()
    await wait_until_async(lambda: _answers(store), 10.0, "the store answers again")

    assert await store.save([Write("ada", write.version, b"2")]) == [True]
    assert [stored.value for stored in await store.load(["ada"])] == [b"2"]


async def test_a_server_without_memory_is_a_dependency_that_is_down(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    store = profiles(own_valkey.url)
    await store.start()
    await store._redis.config_set("maxmemory", "1")
    with pytest.raises(DependencyDown, match="out of memory"):
        await store.save([Write("ada", ABSENT, b"1")])
    await store._redis.config_set("maxmemory", "0")
    assert await store.save([Write("ada", ABSENT, b"1")]) == [True]


async def test_a_read_only_replica_is_a_dependency_that_is_down(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    store = profiles(own_valkey.url)
    await store.start()
    await store._redis.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
    with pytest.raises(DependencyDown, match="read-only replica"):
        await store.save([Write("ada", ABSENT, b"1")])


async def test_a_busy_server_is_a_dependency_that_is_down(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    other, store = profiles(own_valkey.url, timeout_s=20), profiles(own_valkey.url, timeout_s=5)
    await store.start()
    await store._redis.config_set("busy-reply-threshold", "50")
    spin = asyncio.create_task(other._redis.execute_command("EVAL", "while true do end", "0"))

    async def busy() -> bool:
        try:
            await store.load(["ada"])
        except DependencyDown as down:
            return "is busy" in str(down)
        return False

    await wait_until_async(busy, 10.0, "the server says that it is busy")
    await store._redis.execute_command("SCRIPT", "KILL")
    await asyncio.gather(spin, return_exceptions=True)
    await wait_until_async(lambda: _answers(store), 10.0, "the store answers again")


async def test_too_many_clients_are_a_dependency_that_is_down(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    first = profiles(own_valkey.url)
    await first.start()
    await first._redis.config_set("maxclients", "1")
    with pytest.raises(DependencyDown):
        await profiles(own_valkey.url).ping()


async def test_a_wrong_password_refuses_to_start_and_is_not_told(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    await profiles(own_valkey.url)._redis.config_set("requirepass", "richtig")
    for password in ("", ":geheim@"):
        url = own_valkey.url.replace("redis://", f"redis://{password}")
        with pytest.raises(StartRefused, match="LOOKSTREAM_REDIS") as refused:
            await profiles(url).start()
        assert "geheim" not in str(refused.value)
    await profiles(own_valkey.url.replace("redis://", "redis://:richtig@")).start()


async def test_a_user_without_rights_refuses_to_start(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    admin = profiles(own_valkey.url)._redis
    await admin.execute_command("ACL", "SETUSER", "shop", "on", ">pw", "~other:*", "+@all")
    with pytest.raises(StartRefused, match="denies this user"):
        await profiles(own_valkey.url.replace("redis://", "redis://shop:pw@")).start()


async def test_rights_on_its_own_prefix_are_enough(own_valkey: Valkey, profiles: Profiles) -> None:
    admin = profiles(own_valkey.url)._redis
    rights = ["+mget", "+evalsha", "+eval", "+getrange", "+set", "+zscore", "+zadd", "+zcard"]
    rights += ["+zremrangebyrank", "+zrevrange", "+hget", "+hset", "+hgetall", "+ping"]
    await admin.execute_command("ACL", "SETUSER", "shop", "on", ">pw", "~look:*", *rights)
    store = profiles(own_valkey.url.replace("redis://", "redis://shop:pw@"), prefix="look:")
    await store.start()
    await store.ping()
    many = [(f"item-{n}", 1.0) for n in range(20)]
    written = await store.save([Write("ada", ABSENT, b"1", many)], [Mark("clicks-0", -1, 3)])
    assert written == [True]
    assert await store.marks() == {"clicks-0": 3}
    assert len(await store.popular(30)) == 20


async def test_a_cluster_refuses_to_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cluster")
    # By default the bus is 10,000 above the port, which may be no port at all.
    bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with Valkey(folder, args=bus) as cluster:
        store = RedisProfiles(cluster.url)
        # A cluster without its slots says it is down; with them, that the keys lie apart.
        await store._redis.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await wait_until_async(
            lambda: _refuses(store), 20.0, "the store refuses a cluster, once that is up"
        )
        await store.close()


async def test_starting_writes_nothing(
    valkey: Valkey, topic_prefix: str, profiles: Profiles
) -> None:
    store = profiles(valkey.url, prefix=topic_prefix)
    await store.start()
    assert await store._redis.keys(topic_prefix + "*") == []


async def test_a_profile_is_forgotten_after_its_time(
    valkey: Valkey, topic_prefix: str, profiles: Profiles
) -> None:
    store = profiles(valkey.url, prefix=topic_prefix, ttl_s=1000)
    first = Write("ada", ABSENT, b"1")
    await store.save([first])
    assert 990 < await store._redis.ttl(topic_prefix + "profile:ada") <= 1000
    await store._redis.expire(topic_prefix + "profile:ada", 5)
    await store.save([Write("ada", first.version, b"2")])
    assert 990 < await store._redis.ttl(topic_prefix + "profile:ada") <= 1000


async def test_a_key_of_another_kind_is_a_bug_and_not_waited_for(
    valkey: Valkey, topic_prefix: str, profiles: Profiles
) -> None:
    store = profiles(valkey.url, prefix=topic_prefix)
    await store._redis.sadd(topic_prefix + "profile:ada", "x")
    with pytest.raises(Exception, match="WRONGTYPE") as error:
        await store.save([Write("ada", ABSENT, b"1")])
    assert not isinstance(error.value, DependencyDown)


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://x", "redis://host:port/0"])
def test_a_url_that_is_none_refuses_to_start(url: str) -> None:
    with pytest.raises(StartRefused, match="LOOKSTREAM_REDIS"):
        RedisProfiles(url)


def test_it_shows_where_it_is_without_its_password() -> None:
    assert RedisProfiles("redis://ada:geheim@example:7/3").shown == "example:7/3"


async def _answers(store: RedisProfiles) -> bool:
    try:
        await store.ping()
    except DependencyDown:
        return False
    return True


async def _refuses(store: RedisProfiles) -> bool:
    try:
        await store.start()
    except DependencyDown:
        return False
    except StartRefused as refused:
        return "single primary" in str(refused)
    return False


async def test_how_well_a_server_keeps_what_it_is_given_is_told(
    own_valkey: Valkey, profiles: Profiles
) -> None:
    store = profiles(own_valkey.url)
    assert await store.keeping() == Keeping(None, persists=True)
    for name, value in (
        ("maxmemory", "100mb"),
        ("maxmemory-policy", "allkeys-lru"),
        ("appendonly", "no"),
    ):
        await store._redis.config_set(name, value)
    assert await store.keeping() == Keeping("allkeys-lru", persists=False)
