"""Profiles restored from the log of clicks: what `lookstream rebuild` does.

The same parsing, core and store as the recommender's (agents/applying.py), without searches and
lists, in larger batches. It goes on from the store's own marks: a store that went back holds a
consistent past, and the log from its marks on is what it lacks. Workers may run beside it: those
whose partitions lie behind wait, and a profile takes each click once, whoever brings it.

Memory: the item index, one fetch, and the profiles of one batch of at most `BATCH_EVENTS` clicks;
some 130 MB with 4,000 items, whatever the length of the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.manifest import load_manifest
from streams.agents.applying import ClickApplier
from streams.agents.past import Past
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.delivery import Batch
from streams.errors import StartRefused, StoreBehind
from streams.kafka_greeting import greet
from streams.settings import Settings
from streams.stores import clearing
from streams.stores.item_index import ItemIndex
from streams.stores.log_look import LogLook
from streams.stores.profiles import NO_MARK, Mark, Write
from streams.stores.redis_profiles import RedisProfiles
from streams.stores.replica import IndexReplica
from streams.stores.replica_log import LogChanged, TopicLog
from streams.wires import kafka_options, redis_options
from streams.workers.common import model_refusals
from streams.workers.new_log import forget_offsets

BATCH_EVENTS = 4096
_FETCH_MAX_WAIT_MS = 50
_READ_TIMEOUT_MS = 200
_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is to be applied of one partition: offsets `start` to below `end`.

    mark  what the store holds, -1 for nothing.
    lost  clicks between the mark and `start` are in the log no more.
    """

    partition: int
    mark: int
    start: int
    end: int

    @property
    def lost(self) -> int:
        return max(self.start - self.mark - 1, 0)

    @property
    def anew(self) -> bool:
        """The log ends before what the store holds of it: it is another one, or lost its end."""
        return self.mark >= self.end

    @property
    def offsets(self) -> int:
        return max(self.end - self.start, 0)


@dataclass(slots=True)
class Rebuilt:
    """What came of it. The three sum to the clicks that were read."""

    applied: int = 0
    duplicates: int = 0
    refused: int = 0


def plan(
    bounds: Mapping[int, tuple[int, int]], marks: Mapping[str, int], topic: str
) -> list[Stretch]:
    """What the log has beyond the marks, by partition."""
    stretches = []
    for partition, (first, end) in sorted(bounds.items()):
        mark = marks.get(f"{topic}-{partition}", NO_MARK)
        stretches.append(Stretch(partition, mark, max(mark + 1, first), end))
    return stretches


class Rebuild:
    """One rebuild. `open`, look at `stretches`, then `run`; `close` in any case.

    on_index     hears (records read, records in all) while the item index is read.
    on_progress  hears (offsets done, offsets in all) while clicks are applied.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_index: Callable[[int, int], None] = lambda done, total: None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._settings = settings
        self._topics = settings.topics()
        self._on_index = on_index
        self._on_progress = on_progress
        self._options = kafka_options(settings)
        self._log = TopicLog(
            settings.kafka,
            self._topics.clicks,
            _FETCH_MAX_WAIT_MS,
            self._options,
            at_once=BATCH_EVENTS,
        )
        self._look = LogLook(settings.kafka, _FETCH_MAX_WAIT_MS, self._options)
        self._store = _Rebuilding(
            settings.redis_url,
            prefix=settings.store_prefix,
            ttl_s=settings.profile_ttl_s,
            max_popular=settings.popular_items,
            timeout_s=settings.redis_timeout_s,
            options=redis_options(settings),
        )
        self.stretches: list[Stretch] = []

    async def open(self, *, as_if_empty: bool = False, new_log: bool = False) -> None:
        """Connect, and see what is missing; of an empty store, if asked.

        new_log  `take_as_new_log` will be called.

        Raises DependencyDown or StartRefused.
        """
        await self._store.start()
        if self._options:
            await greet(self._settings.kafka, self._options)
        await self._log.open()
        marks = {} if as_if_empty else await self._store.marks()
        if not marks and not (as_if_empty or new_log) and await self._store.popular(1):
            raise StartRefused(
                "The store holds what is popular, but no marks: a `lookstream rebuild` with "
                "--from-scratch or --new-log was interrupted. Run it again as it was."
            )
        self.stretches = plan(await self._log.bounds(), marks, self._topics.clicks)

    async def close(self) -> None:
        """Let go of the broker and the store."""
        await self._log.close()
        await self._store.close()

    async def forget(self) -> int:
        """Delete all profiles; gives how many. Workers then wait until the rebuild is done."""
        settings = self._settings
        gone = await asyncio.to_thread(
            clearing.forget_profiles,
            settings.redis_url,
            settings.store_prefix,
            redis_options(settings),
        )
        await self._plan_from_the_beginning()
        return gone

    async def take_as_new_log(self) -> int:
        """Forget the offsets of the log before; gives how many profiles had some."""
        changed = await forget_offsets(self._store, self._topics.clicks)
        await self._plan_from_the_beginning()
        return changed

    async def _plan_from_the_beginning(self) -> None:
        # Until now workers went on: what they wait for lies below where the log ends now.
        self.stretches = plan(await self._log.bounds(), {}, self._topics.clicks)

    async def run(self) -> Rebuilt:
        """Apply every stretch. Raises DependencyDown, StartRefused or StateBroken."""
        index = await self._item_index()
        rebuilt = Rebuilt()
        todo = {each.partition: each for each in self.stretches if each.offsets}
        total = sum(each.offsets for each in todo.values())
        self._on_progress(0, total)
        if not todo:
            return rebuilt
        applier = self._applier(index)
        self._log.read_from({partition: each.start for partition, each in todo.items()})
        while True:
            try:
                records = await self._log.read(_READ_TIMEOUT_MS)
            except LogChanged as changed:
                raise StartRefused(
                    f"{self._topics.clicks} loses clicks while it is read: retention removes them "
                    f"faster than they are applied. Raise its retention.ms and begin again."
                ) from changed
            if records:
                await _apply(applier, records, rebuilt)
            at = {number: await self._log.position(number) for number in todo}
            done = sum(min(at[number], todo[number].end) - todo[number].start for number in todo)
            self._on_progress(done, total)
            if done >= total:
                return rebuilt

    async def _item_index(self) -> ItemIndex:
        """As the topic has it now. What clicks mean depends on what is known of their items."""
        settings = self._settings
        with model_refusals():
            model = load_manifest(settings.models_dir, settings.model)
        index = ItemIndex(model.model_id, model.dim, max_items=settings.max_items)
        replica = IndexReplica(
            index,
            kafka=settings.kafka,
            topic=self._topics.item_embeddings,
            snapshot_dir=settings.snapshot_dir,
            options=self._options,
            on_progress=self._on_index,
        )
        reading = asyncio.create_task(replica.run())
        caught_up = asyncio.create_task(replica.caught_up.wait())
        try:
            await asyncio.wait({reading, caught_up}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            caught_up.cancel()
            reading.cancel()
            await asyncio.gather(reading, caught_up, return_exceptions=True)
        return index

    def _applier(self, index: ItemIndex) -> ClickApplier:
        settings = self._settings
        past = Past(self._store, self._look)
        past.begin(
            _EPOCH,
            {f"{self._topics.clicks}-{each.partition}": each.mark for each in self.stretches},
        )
        return ClickApplier(
            catalogue=index,
            store=self._store,
            past=past,
            rules=settings.taste_rules(),
            event_limits=settings.event_limits(),
            popularity_half_life_s=settings.popularity_half_life_s,
            stages=Stages(),
            slices=Slices(),
            measures=_Unmeasured(),
        )


async def _apply(applier: ClickApplier, records: Sequence[Any], rebuilt: Rebuilt) -> None:
    batch = Batch(records, epoch=_EPOCH)
    # What is refused here was refused, and dead-lettered, when it came.
    clicks = applier.parse(batch)
    visits = await applier.apply(batch, clicks)
    applied = sum(sum(visit.applied) for visit in visits)
    rebuilt.applied += applied
    rebuilt.duplicates += len(clicks) - applied
    rebuilt.refused += len(records) - len(clicks)


class _Rebuilding(RedisProfiles):
    """A store that goes back while it is rebuilt is not waited for: nobody else would mend it."""

    async def save(self, writes: Sequence[Write], marks: Sequence[Mark] = ()) -> list[bool]:
        try:
            return await super().save(writes, marks)
        except StoreBehind as behind:
            raise StartRefused(
                f"The store lost data again while it was rebuilt ({behind.source}). Run "
                f"`lookstream rebuild` once more."
            ) from behind


class _Unmeasured:
    def profile_bytes(self, sizes: Iterable[int]) -> None: ...
