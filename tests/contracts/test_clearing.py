"""What is taken out of a store, and what is left in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from streams.errors import DependencyDown
from streams.stores import clearing
from streams.stores.profiles import ABSENT, NO_MARK, Mark, Write
from streams.stores.redis_profiles import RedisProfiles
from tests.support.ports import free_port
from tests.support.valkey import Valkey


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url) as client:
        yield client


async def fill(url: str, prefix: str, users: int) -> None:
    store = RedisProfiles(url, prefix=prefix, timeout_s=10)
    writes = [Write(f"u{n}", ABSENT, b"x", [("item", 1.0)]) for n in range(users)]
    await store.save(writes, [Mark("clicks-0", NO_MARK, users)])
    await store.close()


def names(client: redis.Redis, prefix: str) -> set[str]:
    found = [key.decode() for key in client.scan_iter(count=1000)]
    return {name.removeprefix(prefix) for name in found if name.startswith(prefix)}


async def test_all_of_one_installation_goes_and_nothing_else(
    valkey: Valkey, client: redis.Redis, topic_prefix: str
) -> None:
    await fill(valkey.url, f"{topic_prefix}a*:", 1_200)
    await fill(valkey.url, f"{topic_prefix}ab:", 1)
    assert clearing.clear(valkey.url, f"{topic_prefix}a*:") == 1_202
    assert names(client, topic_prefix) == {"ab:profile:u0", "ab:popularity", "ab:marks"}


async def test_profiles_are_forgotten_with_all_that_follows_from_clicks(
    valkey: Valkey, client: redis.Redis, topic_prefix: str
) -> None:
    await fill(valkey.url, topic_prefix, 1_200)
    client.set(f"{topic_prefix}settings", "stay")
    assert clearing.forget_profiles(valkey.url, topic_prefix) == 1_200
    assert names(client, topic_prefix) == {"settings"}


async def test_a_mark_that_is_written_meanwhile_goes_too(
    valkey: Valkey, client: redis.Redis, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would say that the store holds a click whose profile may just have been deleted."""
    await fill(valkey.url, topic_prefix, 3)
    unlink_all = clearing._unlink_all

    def somebody_writes(client: redis.Redis, prefix: str) -> int:
        gone = unlink_all(client, prefix)
        assert names(client, topic_prefix) == {"popularity"}
        client.hset(f"{topic_prefix}marks", "clicks-9", 0)
        return gone

    monkeypatch.setattr(clearing, "_unlink_all", somebody_writes)
    clearing.forget_profiles(valkey.url, topic_prefix)
    assert names(client, topic_prefix) == set()


def test_no_prefix_would_be_everybodys_keys() -> None:
    with pytest.raises(ValueError, match="empty prefix"):
        clearing.clear("redis://127.0.0.1:1/0", "")


def test_a_store_that_is_away_is_down() -> None:
    with pytest.raises(DependencyDown):
        clearing.forget_profiles(f"redis://127.0.0.1:{free_port()}/0", "x:")
