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

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from streams.agents.applying import ClickApplier, ProfileSizes, Visit
from streams.agents.fallback import FallbackItems
from streams.agents.list_maker import ListMaker, Wanted
from streams.agents.proving import Proving
from streams.agents.publishing import ListWriter
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.core.crowd import Crowd
from streams.core.picks import Pick
from streams.core.rules import TasteRules
from streams.delivery import Batch
from streams.events import Click
from streams.recommendations import list_id
from streams.records import Record
from streams.stores.item_index import ItemIndex


class Measures(ProfileSizes, Protocol):
    """What the recommender tells of its work. `streams/metrics.py` is one."""

    def click_to_list(self, seconds: Iterable[float]) -> None: ...


class Recommender:
    """Handles one batch of clicks at a time. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        *,
        applier: ClickApplier,
        index: ItemIndex,
        fallback: FallbackItems,
        writer: ListWriter,
        rules: TasteRules,
        remembered_searches: int,
        stages: Stages,
        slices: Slices,
        clock: Callable[[], float],
        measures: Measures,
        crowd: Crowd | None = None,
        proving: Proving | None = None,
    ) -> None:
        self._applier = applier
        self._lists = ListMaker(
            index=index,
            fallback=fallback,
            rules=rules,
            remembered_searches=remembered_searches,
            stages=stages,
            slices=slices,
            crowd=crowd,
            proving=proving,
        )
        self._writer = writer
        self._slices = slices
        self._clock = clock
        self._measures = measures

    async def handle(self, batch: Batch) -> None:
        """Apply the batch's clicks and send a list for each."""
        clicks = self._applier.parse(batch)
        visits = await self._applier.apply(batch, clicks)
        if visits:
            picks = await self._make_lists(visits)
            await self._send(batch, clicks, visits, picks)

    async def _make_lists(self, visits: Sequence[Visit]) -> dict[str, list[Pick]]:
        """User -> her list."""
        wanted = []
        for visit in visits:
            last, _ = visit.clicks[-1]
            id_ = list_id(last.topic, last.partition, last.offset)
            wanted.append(Wanted(visit.profile, id_))
        made = await self._lists.make(wanted)
        return {visit.user_id: picks for visit, picks in zip(visits, made, strict=True)}

    async def _send(
        self,
        batch: Batch,
        clicks: Sequence[tuple[Record, Click]],
        visits: Sequence[Visit],
        picks: Mapping[str, Sequence[Pick]],
    ) -> None:
        applied = {visit.user_id: iter(visit.applied) for visit in visits}
        for record, click in clicks:
            self._writer.send(batch, record, click, picks[click.user_id])
            if next(applied[click.user_id]):
                batch.applied(record)
            else:
                batch.duplicate(record)
            await self._slices.breathe()
        batch.when_finished(lambda: self._measure(clicks))

    def _measure(self, clicks: Sequence[tuple[Record, Click]]) -> None:
        now_s = self._clock()
        self._measures.click_to_list([now_s - record.timestamp / 1000 for record, _ in clicks])
