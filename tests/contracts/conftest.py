"""The stores that keep the contract: one in memory, one on every server there is."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from streams.stores.memory_profiles import MemoryProfiles
from streams.stores.profiles import ProfileStore
from streams.stores.redis_profiles import RedisProfiles
from tests.support.ports import free_port
from tests.support.processes import end, spawn
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

MAX_POPULAR = 20
REDIS = shutil.which("redis-server")

StoreMaker = Callable[[], Awaitable[ProfileStore]]
"""Another connection to the same store."""


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis (not Valkey), where one is installed."""
    server = str(REDIS)
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    process = spawn(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        log=folder / "redis.log",
    )
    wait_until(
        lambda: "ready to accept" in (folder / "redis.log").read_text().lower(),
        20.0,
        f"Redis at {port} accepts connections",
    )
    yield f"redis://127.0.0.1:{port}/0"
    end(process, graceful_s=5.0)


@pytest.fixture(params=["memory", "valkey", *(["redis"] if REDIS else [])])
async def make_store(
    request: pytest.FixtureRequest, topic_prefix: str
) -> AsyncIterator[StoreMaker]:
    made: list[ProfileStore] = []

    async def make() -> ProfileStore:
        if request.param == "memory":
            if not made:
                made.append(MemoryProfiles(max_popular=MAX_POPULAR))
            return made[0]
        if request.param == "valkey":
            valkey: Valkey = request.getfixturevalue("valkey")
            url = valkey.url
        else:
            url = request.getfixturevalue("redis_url")
        made.append(RedisProfiles(url, prefix=topic_prefix, max_popular=MAX_POPULAR, timeout_s=10))
        return made[-1]

    # Starting a server blocks, so it is done before the test's own clock matters.
    await make()
    yield make
    for store in made:
        await store.close()


@pytest.fixture
async def store(make_store: StoreMaker) -> ProfileStore:
    store = await make_store()
    await store.start()
    return store
