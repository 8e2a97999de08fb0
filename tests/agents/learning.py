"""A log of interactions, a learner's process that may die, and what others see of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from streams.agents.learn import LearnerAgent
from streams.agents.learned_copies import IDLE_S, LearnedCopies
from streams.agents.slices import Slices
from streams.agents.told import Told
from streams.core.learning.course import Course
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.delivery import Batch, Bounds, Message, Retry
from streams.records import RawRecord
from streams.stores.learner_snapshot import LearnerSnapshot, Written

RULES = LearningRules(items=48, trusted_items=1)
SCHEDULE = Schedule(every_s=1.0, every_events=40, item_every_s=10.0)
SIGNALS, RANKER = "item-signals", "ranker"


class Heard:
    """Measures, remembered."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.losses: list[float] = []
        self.lag_s = -1.0
        self.items = 0
        self.snapshots: list[Written] = []

    def learned(self, outcome: str, interactions: int) -> None:
        self.outcomes[outcome] += interactions

    def loss(self, loss: float) -> None:
        self.losses.append(loss)

    def stands(self, course: Course, lag_s: float) -> None:
        self.lag_s = lag_s

    def published(self, items: int) -> None:
        self.items += items

    def snapshot(self, written: Written) -> None:
        self.snapshots.append(written)


@dataclass
class Log:
    """The topics, as brokers keep them."""

    records: list[RawRecord]
    first: int = 0
    committed: int | None = None
    newest: dict[tuple[str, bytes], bytes | None] = field(default_factory=dict)
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.first, len(self.records), self.committed)

    def put(self, messages: list[Message]) -> None:
        for each in messages:
            assert each.key is not None
            self.newest[each.topic, each.key] = each.value
            self.sent.append((each.topic, each.key))


class Process:
    """One process of the learner, on a clock of its own."""

    def __init__(
        self,
        log: Log,
        folder: Path,
        rules: LearningRules = RULES,
        *,
        frozen: bool = False,
    ) -> None:
        self.log = log
        self.now_s = 0.0
        self.heard = Heard()
        self.in_charge = True
        self.snapshot = LearnerSnapshot(folder, "interactions", rules, SCHEDULE)
        self.agent = LearnerAgent(
            snapshot=self.snapshot,
            signals_topic=SIGNALS,
            ranker_topic=RANKER,
            pictures=None,
            frozen=frozen,
            told=Told(SCHEDULE.item_every_s, lambda: self.now_s),
            slices=Slices(longest_s=0.0),
            measures=self.heard,
            clock=lambda: 0.0,
        )
        self.copies = LearnedCopies(
            self.agent,
            snapshot=self.snapshot,
            snapshot_every_s=100.0,
            signals_topic=SIGNALS,
            ranker_topic=RANKER,
            retry=Retry(),
            deliver=self.deliver,
            in_charge=lambda: self.in_charge,
            slices=Slices(longest_s=0.0),
            measures=self.heard,
            clock=lambda: self.now_s,
        )
        self.position = -1

    async def deliver(self, messages: list[Message]) -> None:
        self.log.put(messages)

    @property
    def course(self) -> Course:
        assert self.agent.course is not None
        return self.agent.course

    async def start(self) -> Process:
        self.position = await self.agent.start_at(0, self.log.bounds)
        return self

    async def take(self, most: int, *, finish: bool = True) -> Batch:
        """One batch of up to `most` records; unless `finish`, it dies with what it published."""
        batch = Batch(self.log.records[self.position : self.position + most])
        await self.agent.handle(batch)
        batch.check()
        if finish:
            self.log.put(batch.sends)
            for tell in batch.listeners:
                tell()
            self.position += len(batch.records)
            self.log.committed = max(self.position, self.log.committed or 0)
        return batch

    async def take_all(self, most: int = 100) -> None:
        while self.position < len(self.log.records):
            await self.take(most)

    async def idle(self) -> None:
        """Nothing comes for a while."""
        for _ in range(3):
            await self.copies.step()
            self.now_s += IDLE_S

    async def rest(self) -> None:
        """Nothing comes until all that waits may be told."""
        await self.idle()
        self.now_s += SCHEDULE.item_every_s
        await self.copies.step()
