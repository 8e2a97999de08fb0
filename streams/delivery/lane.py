"""A lane: one agent, its waiting records, and the one batch it has in flight."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streams.delivery.batch import Batch, Handler
from streams.delivery.buffer import Buffer, Limits
from streams.delivery.dead_letters import dead_letter
from streams.delivery.ledger import Ledger
from streams.delivery.observer import Observer
from streams.delivery.outbox import Outbox
from streams.delivery.parcels import MessageRefused
from streams.delivery.placing import StartAt
from streams.delivery.retry import BatchClosing, Retry
from streams.records import Record

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """What the app was told about one agent."""

    name: str
    topic: str
    handler: Handler
    limits: Limits
    dead_letters: str
    observer: Observer
    start_at: StartAt | None = None


class Lane:
    """Runs an agent's handler on one batch after the other.

    on_bug  called with whatever leaves the handler and is no BatchClosing; ends the process.
    """

    def __init__(
        self,
        spec: AgentSpec,
        *,
        outbox: Outbox,
        ledger: Ledger,
        retry: Retry,
        on_bug: Callable[[str, BaseException], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.spec = spec
        self.buffer = Buffer(spec.limits)
        self._outbox = outbox
        self._ledger = ledger
        self._retry = retry
        self._on_bug = on_bug
        self._clock = clock
        self._current: Batch | None = None
        self._dead = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """The agent's loop. Ends only by being cancelled."""
        while True:
            records = await self.buffer.take()
            epoch = self._ledger.epoch
            batch = Batch(records, self._retry, epoch)
            self._current, self._dead = batch, False
            self._idle.clear()
            try:
                await self._work(batch, epoch)
            except BatchClosing:
                logger.info("%s: let go of %d records unfinished", self.spec.name, len(records))
            except Exception as bug:
                self._on_bug(f"{self.spec.name}, at {places(records)}", bug)
                raise
            finally:
                self._current = None
                self._idle.set()

    async def settle(self, grace_s: float, give_up_s: float) -> None:
        """Drop what waits; let the batch in flight end, first by itself, then by asking it to.

        After `grace_s` the batch is told to close; after `give_up_s` more it is dead: whatever it
        still does counts no more. Where a dependency is down, grace is at most a second.
        """
        self.buffer.clear()
        batch = self._current
        if batch is None or self._dead:
            return
        if self._retry.anything_down:
            grace_s = min(grace_s, 1.0)
        if await self._ends_within(grace_s):
            return
        batch.close()
        if await self._ends_within(give_up_s):
            return
        self._dead = True
        logger.warning(
            "%s: a batch of %d records does not let go; its end will not be committed",
            self.spec.name,
            len(batch.records),
        )

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _work(self, batch: Batch, epoch: int) -> None:
        spec = self.spec
        start_s = self._clock()
        await spec.handler(batch)
        batch.check()
        await self._publish(batch)
        if self._dead or not self._ledger.finished(batch.records, epoch):
            raise BatchClosing("its partitions are gone")
        for tell in batch.listeners:
            tell()
        for (outcome, reason), count in batch.tally().items():
            spec.observer.outcome(spec.name, outcome, reason, count)
        spec.observer.batch(spec.name, len(batch.records), self._clock() - start_s)

    async def _publish(self, batch: Batch) -> None:
        """Messages first, then dead letters, since a message's refusal may make one more."""
        spec = self.spec
        closing = batch.closing_event
        if batch.sends:
            for message, detail in await self._outbox.deliver(batch.sends, closing):
                if message.source is None:
                    raise MessageRefused(f"{detail}; it follows from no consumed record")
                batch.refuse_result(message.source, detail)
        letters = [dead_letter(spec.dead_letters, each, spec.name) for each in batch.refusals]
        while letters:
            refused = await self._outbox.deliver(letters, closing)
            if not refused:
                break
            # Dropping it would lose it, and nothing else can be done with it here.
            largest = max(len(m.value or b"") for m, _ in refused)
            self._retry.failed(
                "kafka",
                f"{spec.dead_letters} refuses a dead letter with a value of {largest} bytes: "
                f"raise its max.message.bytes",
            )
            letters = [message for message, _ in refused]
            await self._retry.pause(self._retry.backoff.longest_s, closing)
            if closing.is_set():
                raise BatchClosing("a dead letter is too large for its topic")


def places(records: Sequence[Record]) -> str:
    """Where records lie, for a log: the first and last offset of each partition."""
    by_source: dict[str, list[int]] = {}
    for record in records:
        by_source.setdefault(f"{record.topic}-{record.partition}", []).append(record.offset)
    return ", ".join(
        f"{source} offset {offsets[0]}"
        if len(offsets) == 1
        else f"{source} offsets {offsets[0]} to {offsets[-1]}"
        for source, offsets in by_source.items()
    )
