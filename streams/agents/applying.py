"""Clicks into profiles: parsed, folded in by the core, stored by compare-and-set.

What a recommender does with each batch before it makes lists, and all that `lookstream rebuild`
does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from streams.agents.past import Past, source_of
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.core import codec
from streams.core.apply import apply
from streams.core.catalogue import Catalogue
from streams.core.crowd import Crowd
from streams.core.learning.interaction import Interaction
from streams.core.lessons import interaction_of, popular_by
from streams.core.profile import ClickFact, Profile
from streams.core.rules import TasteRules
from streams.delivery import Batch
from streams.errors import EventError, StateBroken
from streams.events import Click, EventLimits, parse_click
from streams.records import Record
from streams.stores.profiles import ProfileStore, Stored, Write
from streams.text import printable


@dataclass(slots=True)
class Visit:
    """One user's clicks in a batch, in order, and what became of them."""

    user_id: str
    clicks: list[tuple[Record, Click]] = field(default_factory=list)
    applied: list[bool] = field(default_factory=list)
    told: list[Interaction] = field(default_factory=list)
    """What the applied ones teach."""
    profile: Profile = field(default_factory=Profile)


class Teaching(Protocol):
    """Where the crowd learns: agents/teaching.py is one."""

    @property
    def crowd(self) -> Crowd: ...

    async def tell(self, batch: Batch, lessons: Sequence[tuple[str, Interaction]]) -> None:
        """Publish what users' clicks teach; return when that is acknowledged."""
        ...


class ProfileSizes(Protocol):
    """Hears how large profiles are. `streams/metrics.py` is one."""

    def profile_bytes(self, sizes: Iterable[int]) -> None: ...


class ClickApplier:
    """Applies batches of clicks, one batch at a time."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        store: ProfileStore,
        past: Past,
        rules: TasteRules,
        event_limits: EventLimits,
        popularity_half_life_s: float,
        stages: Stages,
        slices: Slices,
        measures: ProfileSizes,
        teaching: Teaching | None = None,
    ) -> None:
        self._teaching = teaching
        self._catalogue = catalogue
        self._store = store
        self._past = past
        self._rules = rules
        self._event_limits = event_limits
        self._popularity_half_life_s = popularity_half_life_s
        self._stages = stages
        self._slices = slices
        self._measures = measures

    def parse(self, batch: Batch) -> list[tuple[Record, Click]]:
        """The clicks of a batch; what is none becomes a dead letter."""
        clicks = []
        for record in batch.records:
            try:
                clicks.append((record, parse_click(record, self._event_limits)))
            except EventError as refused:
                batch.dead_letter(record, refused.reason, refused.detail)
        return clicks

    async def apply(self, batch: Batch, clicks: Sequence[tuple[Record, Click]]) -> list[Visit]:
        """Store, by compare-and-set, until every click is part of its user's profile.

        The store is asked even where there are no clicks: the batch's end must be part of it, and
        a store that lost its data must be noticed before anything is published.
        """
        marks = await batch.attempt("redis", partial(self._past.marks, batch))
        visits = _by_user(clicks)
        left = visits
        while True:
            writes, changed = await self._fold_all(batch, left)
            if self._teaching is not None and changed:
                # Before the profiles are stored: a click that comes again after that teaches no
                # more. What is told twice, before that, the learner knows by its offset.
                lessons = [(visit.user_id, told) for visit in changed for told in visit.told]
                # In the order of the clicks: the learner takes an earlier one for a copy.
                lessons.sort(key=_place)
                with self._stages.time("tell"):
                    await self._teaching.tell(batch, lessons)
            with self._stages.time("store"):
                saved = await batch.attempt("redis", partial(self._store.save, writes, marks))
            self._measures.profile_bytes([len(write.value) for write in writes])
            left = [visit for visit, done in zip(changed, saved, strict=True) if not done]
            if not left:
                self._past.stored(marks)
                return visits

    async def _fold_all(
        self, batch: Batch, visits: Sequence[Visit]
    ) -> tuple[list[Write], list[Visit]]:
        """Load the profiles and apply the clicks: the writes, and whose they are."""
        writes: list[Write] = []
        changed: list[Visit] = []
        users = [visit.user_id for visit in visits]
        with self._stages.time("load"):
            found = await batch.attempt("redis", partial(self._store.load, users)) if users else []
        for visit, stored in zip(visits, found, strict=True):
            increments = self._fold(visit, stored)
            if any(visit.applied):
                value = codec.encode(visit.profile)
                writes.append(Write(visit.user_id, stored.version, value, increments))
                changed.append(visit)
            await self._slices.breathe()
        return writes, changed

    def _fold(self, visit: Visit, stored: Stored) -> list[tuple[str, float]]:
        """Apply her clicks to what is stored; what they add to the items' popularity."""
        visit.profile = _read(visit.user_id, stored)
        visit.applied, visit.told = [], []
        increments = []
        for record, click in visit.clicks:
            fact = ClickFact(click.item_id, click.kind, click.at_s, click.dwell_s)
            source, offset = source_of(record), record.offset
            popular = popular_by(visit.profile, fact, self._rules)
            told = None
            if self._teaching is not None and not visit.profile.applied(source, offset):
                told = interaction_of(visit.profile, fact, record.partition, offset, self._rules)
            new = apply(
                visit.profile,
                fact,
                source,
                offset,
                catalogue=self._catalogue,
                rules=self._rules,
            )
            if self._teaching is not None and told is not None:
                visit.told.append(told)
                if told.liked:
                    visit.profile.residual = self._teaching.crowd.residual_after(told)
            visit.applied.append(new)
            if new and popular > 0.0:
                decayed = math.log2(popular) + click.at_s / self._popularity_half_life_s
                increments.append((click.item_id, decayed))
        return increments


def _place(lesson: tuple[str, Interaction]) -> tuple[int, int]:
    return lesson[1].partition, lesson[1].offset


def _by_user(clicks: Iterable[tuple[Record, Click]]) -> list[Visit]:
    visits: dict[str, Visit] = {}
    for record, click in clicks:
        visit = visits.get(click.user_id)
        if visit is None:
            visit = visits[click.user_id] = Visit(click.user_id)
        visit.clicks.append((record, click))
    return list(visits.values())


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
