"""The recommender: clicks come in, each clicker's refreshed list goes out.

In:  `clicks`, one event a click.
Out: `recommendations`, one list for every applied or repeated click, under her user id.

One batch, as a story: read the clicks; load the clickers' profiles in one round trip; apply each
click in order; write the profiles back in one round trip, each only if nobody else wrote it
meanwhile (then hers is loaded and her clicks are applied again); search near her interests; make
her list; publish. The order store, publish, commit is what makes a crash harmless: a click that
comes again is recognised by the offset in her profile, changes nothing, and her list is published
again under the same id.

A user with several clicks in one batch gets a list for each, all made of what is known after the
last of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Protocol

import numpy as np

from streams.agents.fallback import FallbackItems
from streams.agents.publishing import ListWriter
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.core import candidates, codec, lists
from streams.core.apply import apply
from streams.core.picks import Pick
from streams.core.profile import ClickFact, Profile
from streams.core.rules import NEGATIVE_KINDS, TasteRules
from streams.delivery import Batch
from streams.errors import EventError, StateBroken
from streams.events import Click, EventLimits, parse_click
from streams.records import Record
from streams.stores.item_index import ItemIndex
from streams.stores.profiles import ProfileStore, Stored, Write
from streams.stores.remembered import RememberedSearches
from streams.text import printable

# Users of one search: 80 queries at most, 12 ms among 100,000 items. Then the loop has its turn.
_USERS_AT_ONCE = 16


@dataclass(slots=True)
class _Visit:
    """One user's clicks in this batch, in order, and what became of them."""

    user_id: str
    clicks: list[tuple[Record, Click]] = field(default_factory=list)
    applied: list[bool] = field(default_factory=list)
    profile: Profile = field(default_factory=Profile)
    picks: list[Pick] = field(default_factory=list)


class Measures(Protocol):
    """What the recommender tells of its work. `streams/metrics.py` is one."""

    def profile_bytes(self, sizes: Iterable[int]) -> None: ...
    def click_to_list(self, seconds: Iterable[float]) -> None: ...


class Recommender:
    """Handles one batch of clicks at a time. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        *,
        index: ItemIndex,
        store: ProfileStore,
        fallback: FallbackItems,
        writer: ListWriter,
        rules: TasteRules,
        event_limits: EventLimits,
        popularity_half_life_s: float,
        remembered_searches: int,
        stages: Stages,
        clock: Callable[[], float],
        measures: Measures,
    ) -> None:
        self._index = index
        self._searches = RememberedSearches(index, remembered_searches)
        self._store = store
        self._fallback = fallback
        self._writer = writer
        self._rules = rules
        self._event_limits = event_limits
        self._popularity_half_life_s = popularity_half_life_s
        self._stages = stages
        self._clock = clock
        self._measures = measures
        self._slices = Slices()

    async def handle(self, batch: Batch) -> None:
        """Apply the batch's clicks and send a list for each."""
        clicks = self._parse(batch)
        visits: dict[str, _Visit] = {}
        for record, click in clicks:
            visit = visits.get(click.user_id)
            if visit is None:
                visit = visits[click.user_id] = _Visit(click.user_id)
            visit.clicks.append((record, click))
        if not visits:
            return
        await self._apply(batch, list(visits.values()))
        await self._make_lists(list(visits.values()))
        await self._send(batch, clicks, visits)

    def _parse(self, batch: Batch) -> list[tuple[Record, Click]]:
        clicks = []
        for record in batch.records:
            try:
                clicks.append((record, parse_click(record, self._event_limits)))
            except EventError as refused:
                batch.dead_letter(record, refused.reason, refused.detail)
        return clicks

    async def _apply(self, batch: Batch, visits: list[_Visit]) -> None:
        """Store, by compare-and-set, until every click of `visits` is part of its profile."""
        while visits:
            users = [visit.user_id for visit in visits]
            with self._stages.time("load"):
                found = await batch.attempt("redis", partial(self._store.load, users))
            writes: list[Write] = []
            changed: list[_Visit] = []
            for visit, stored in zip(visits, found, strict=True):
                increments = self._fold(visit, stored)
                if any(visit.applied):
                    value = codec.encode(visit.profile)
                    writes.append(Write(visit.user_id, stored.version, value, increments))
                    changed.append(visit)
                await self._slices.breathe()
            if not writes:
                return
            with self._stages.time("store"):
                saved = await batch.attempt("redis", partial(self._store.save, writes))
            self._measures.profile_bytes([len(write.value) for write in writes])
            visits = [visit for visit, done in zip(changed, saved, strict=True) if not done]

    def _fold(self, visit: _Visit, stored: Stored) -> list[tuple[str, float]]:
        """Apply her clicks to what is stored; what they add to the items' popularity."""
        visit.profile = _read(visit.user_id, stored)
        visit.applied = []
        increments = []
        for record, click in visit.clicks:
            fact = ClickFact(click.item_id, click.kind, click.at_s, click.dwell_s)
            source = f"{record.topic}-{record.partition}"
            new = apply(
                visit.profile,
                fact,
                source,
                record.offset,
                catalogue=self._index,
                rules=self._rules,
            )
            visit.applied.append(new)
            weight = self._rules.weight(click.kind, click.dwell_s)
            if new and weight > 0.0 and click.kind not in NEGATIVE_KINDS:
                decayed = math.log2(weight) + click.at_s / self._popularity_half_life_s
                increments.append((click.item_id, decayed))
        return increments

    async def _make_lists(self, visits: list[_Visit]) -> None:
        fallback = self._fallback.current
        for start in range(0, len(visits), _USERS_AT_ONCE):
            some = visits[start : start + _USERS_AT_ONCE]
            with self._stages.time("search"):
                wanted = [
                    candidates.queries(
                        visit.profile, self._index, self._rules, visit.profile.clock_s
                    )
                    for visit in some
                ]
                numbers, similarities = self._searches.search(
                    np.concatenate(wanted), self._rules.candidates
                )
            await self._slices.breathe()
            ends = list(accumulate(map(len, wanted)))
            with self._stages.time("rank"):
                for visit, end, rows in zip(some, ends, map(len, wanted), strict=True):
                    found = slice(end - rows, end)
                    visit.picks = lists.make_list(
                        visit.profile,
                        numbers[found],
                        similarities[found],
                        fallback,
                        catalogue=self._index,
                        rules=self._rules,
                        now_s=visit.profile.clock_s,
                    )
                    await self._slices.breathe()

    async def _send(
        self, batch: Batch, clicks: list[tuple[Record, Click]], visits: dict[str, _Visit]
    ) -> None:
        applied = {user_id: iter(visit.applied) for user_id, visit in visits.items()}
        for record, click in clicks:
            self._writer.send(batch, record, click, visits[click.user_id].picks)
            if next(applied[click.user_id]):
                batch.applied(record)
            else:
                batch.duplicate(record)
            await self._slices.breathe()
        batch.when_finished(lambda: self._measure(clicks))

    def _measure(self, clicks: list[tuple[Record, Click]]) -> None:
        now_s = self._clock()
        self._measures.click_to_list([now_s - record.timestamp / 1000 for record, _ in clicks])


def _read(user_id: str, stored: Stored) -> Profile:
    if stored.value is None:
        return Profile()
    try:
        return codec.decode(stored.value)
    except codec.ProfileCorrupt as corrupt:
        raise StateBroken(
            f"the profile of user {printable(user_id)} in the store can't be read: {corrupt}. Run "
            f"the version of lookstream that wrote it, restore it, or delete its key"
        ) from corrupt
