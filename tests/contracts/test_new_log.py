"""Profiles are carried over to a new log: its offsets mean nothing in the old one's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from streams.core import codec
from streams.core.profile import Profile
from streams.stores.profiles import ABSENT, NO_MARK, Mark, Stored, Write
from streams.stores.redis_profiles import RedisProfiles
from streams.workers.new_log import forget_offsets
from tests.support.valkey import Valkey

USERS = [f"user-{n}" for n in range(700)]


def profile(marks: dict[str, int]) -> bytes:
    return codec.encode(Profile(model_id="toy@1", events=9, marks=marks))


class Contended(RedisProfiles):
    """Somebody else writes one profile just after it was loaded, once."""

    rival: Write | None = None

    async def load(self, user_ids: Sequence[str]) -> list[Stored]:
        found = await super().load(user_ids)
        if self.rival is not None and self.rival.user_id in user_ids:
            rival, self.rival = self.rival, None
            rival.expected = found[list(user_ids).index(rival.user_id)].version
            assert await self.save([rival]) == [True]
        return found


@pytest.fixture
async def store(valkey: Valkey, topic_prefix: str) -> AsyncIterator[Contended]:
    store = Contended(valkey.url, prefix=f"{topic_prefix}[x]*:", timeout_s=10)
    yield store
    await store.close()


async def test_offsets_of_the_topic_go_and_all_else_stays(store: Contended) -> None:
    marks = {"clicks-0": 7, "clicks-b-1": 8, "clicks-12": 9}
    await store.save(
        [Write(user, ABSENT, profile(marks)) for user in USERS], [Mark("clicks-0", NO_MARK, 7)]
    )
    assert await forget_offsets(store, "clicks") == len(USERS)
    assert await store.marks() == {}
    assert {each.value for each in await store.load(USERS)} == {profile({"clicks-b-1": 8})}


async def test_it_may_be_done_again(store: Contended) -> None:
    await store.save([Write(user, ABSENT, profile({"clicks-0": 7})) for user in USERS[:3]])
    assert [await forget_offsets(store, "clicks") for _ in range(2)] == [3, 0]


async def test_a_profile_that_is_written_meanwhile_is_read_again(store: Contended) -> None:
    await store.save([Write(user, ABSENT, profile({"clicks-0": 7})) for user in USERS[:3]])
    store.rival = Write(USERS[1], ABSENT, profile({"clicks-0": 8, "other-0": 3}))
    assert await forget_offsets(store, "clicks") == 3
    found = [each.value for each in await store.load(USERS[:3])]
    assert found == [profile({}), profile({"other-0": 3}), profile({})]


async def test_an_empty_store_has_nothing_to_forget(store: Contended) -> None:
    assert await forget_offsets(store, "clicks") == 0
