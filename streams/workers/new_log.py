"""Profiles carried over to a log that was made anew, for `lookstream rebuild --new-log`.

Each profile knows the offset up to which her clicks of each partition are applied, and so does the
store. Offsets of another log mean nothing there, so they go; what was made of the clicks stays.
"""

from __future__ import annotations

from streams.core import codec
from streams.stores.profiles import Write
from streams.stores.redis_profiles import RedisProfiles


async def forget_offsets(store: RedisProfiles, topic: str) -> int:
    """Take the offsets of `topic` out of the store and every profile; gives how many profiles.

    The store's own marks go first: no worker that knew of one writes meanwhile. Raises
    DependencyDown; then it may be done again.
    """
    await store.forget_marks()
    changed = 0
    async for users in store.users():
        left = users
        while left:
            writes = []
            for user, stored in zip(left, await store.load(left), strict=True):
                if stored.value is None:
                    continue
                profile = codec.decode(stored.value)
                kept = {s: o for s, o in profile.marks.items() if s.rpartition("-")[0] != topic}
                if kept != profile.marks:
                    profile.marks = kept
                    writes.append(Write(user, stored.version, codec.encode(profile)))
            saved = await store.save(writes)
            changed += sum(saved)
            left = [write.user_id for write, done in zip(writes, saved, strict=True) if not done]
    return changed
