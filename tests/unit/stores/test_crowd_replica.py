from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from streams.core.crowd import Crowd
from streams.core.learning.learner import Learner
from streams.core.learning.signals import ItemSignals
from streams.core.learning.weights_codec import encode_weights
from streams.errors import DependencyDown
from streams.records import RawRecord
from streams.stores.crowd_replica import CrowdReplica
from streams.stores.replica_log import LogChanged, TopicMissing
from tests.unit.core.learning.clicks import RULES, history

NOW_MS = 1_700_000_000_000


class Topic:
    """A log of one partition, in memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.records: list[RawRecord] = []
        self.read_to = 0
        self.opened = 0
        self.trouble: list[Exception] = []

    def add(self, key: bytes, value: bytes | None, at_ms: int = NOW_MS) -> None:
        offset = len(self.records)
        self.records.append(RawRecord(self.name, 0, offset, at_ms, key, value))

    async def open(self) -> None:
        self.opened += 1
        if self.trouble:
            raise self.trouble.pop(0)

    async def close(self) -> None: ...

    async def bounds(self) -> dict[int, tuple[int, int]]:
        return {0: (0, len(self.records))}

    def has_grown(self) -> bool:
        return False

    def read_from(self, offsets: Mapping[int, int]) -> None:
        self.read_to = offsets[0]

    async def read(self, timeout_ms: int) -> list[RawRecord]:
        await asyncio.sleep(0)
        found = self.records[self.read_to :]
        self.read_to = len(self.records)
        return found

    async def position(self, partition: int) -> int:
        return self.read_to


class Stage:
    """A replica over two topics, and what it told."""

    def __init__(self) -> None:
        self.crowd = Crowd(RULES)
        self.topics = {name: Topic(name) for name in ("signals", "ranker")}
        self.items = self.skipped = 0
        self.replica = CrowdReplica(
            self.crowd,
            signals="signals",
            ranker="ranker",
            open_log=self.topics.__getitem__,
            observer=Told(self),
            clock=lambda: NOW_MS / 1000 + 30.0,
        )

    def publish(self, item: ItemSignals) -> None:
        self.topics["signals"].add(f"{item.key:08x}".encode(), item.encode())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Run the replica until that is so."""
        task = asyncio.ensure_future(self.replica.run())
        try:
            async with asyncio.timeout(30):
                while not (self.replica.begun.is_set() and holds()):
                    await asyncio.sleep(0)
                    if task.done():
                        task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def stage() -> Stage:
    return Stage()


class Told:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def crowd(self, *, items: int, left_out: int) -> None:
        self._stage.items = items

    def crowd_skipped(self, records: int) -> None:
        self._stage.skipped += records


def learned(*liked: int) -> Learner:
    learner = Learner(RULES)
    for told in history(*liked):
        learner.learn(told)
    return learner


async def test_it_serves_what_the_learner_published(stage: Stage) -> None:
    learner = learned(1, 2, 3)
    for item in learner.publish():
        stage.publish(item)
    weights = replace(learner.table.weights, events=77)
    stage.topics["ranker"].add(b"weights", encode_weights(weights))
    await stage.until(lambda: True)
    table = stage.crowd.table
    assert stage.items == 3
    assert table.weights.events == 77
    assert table.signals.likes[table.row(2)] == 1.0
    assert stage.replica.age_s == pytest.approx(30.0)


async def test_it_forgets_what_made_room(stage: Stage) -> None:
    for item in learned(1, 2).publish():
        stage.publish(item)
    stage.topics["signals"].add(b"00000002", None)
    await stage.until(lambda: True)
    table = stage.crowd.table
    assert table.signals.likes[table.row(2)] == 0.0
    assert table.signals.likes[table.row(1)] == 1.0


async def test_without_a_learner_lists_begin_and_nothing_is_known(stage: Stage) -> None:
    await stage.until(lambda: True)
    assert not stage.crowd.taught
    assert math.isnan(stage.replica.age_s)


async def test_without_its_topics_lists_begin_too(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.topics["signals"].trouble = [TopicMissing("kafka", "there is no topic signals")]
    with caplog.at_level(logging.WARNING):
        await stage.until(lambda: True)
    assert "there is no topic signals" in caplog.text


async def test_a_broker_that_is_away_is_waited_for_before_lists_begin(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.stores.crowd_replica._BACKOFF_S", (0.0, 0.0))
    for item in learned(1, 2).publish():
        stage.publish(item)
    stage.topics["signals"].trouble = [DependencyDown("kafka", "no answer within 10 s")] * 3
    await stage.until(lambda: True)
    assert stage.crowd.taught


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"1", b"x"), (b"0000000g", b"x"), (b"00000001", b"x"), (None, b"")],
)
async def test_what_can_not_be_read_is_left_out_counted_and_told_once(
    stage: Stage, caplog: pytest.LogCaptureFixture, key: bytes, value: bytes
) -> None:
    stage.topics["signals"].add(key, value)
    stage.topics["signals"].add(key, value)
    stage.topics["ranker"].add(b"weights", None)
    for item in learned(1, 2).publish():
        stage.publish(item)
    with caplog.at_level(logging.ERROR):
        await stage.until(lambda: stage.skipped == 3)
    assert stage.crowd.table.row(2) >= 0
    assert caplog.text.count("can't be read") == 1


async def test_signals_under_another_items_key_are_left_out(stage: Stage) -> None:
    item = next(iter(learned(5).publish()))
    stage.topics["signals"].add(b"00000006", item.encode())
    await stage.until(lambda: stage.skipped == 1)
    assert not stage.crowd.taught


async def test_a_topic_that_was_made_anew_is_read_anew(stage: Stage) -> None:
    for item in learned(1, 2).publish():
        stage.publish(item)
    await stage.until(lambda: True)
    stage.topics["signals"].records.clear()
    for item in learned(9).publish():
        stage.publish(item)
    stage.topics["signals"].trouble = [LogChanged("cut off")]
    table = stage.crowd.table
    await stage.until(lambda: table.row(9) >= 0)
    assert table.signals.likes[table.row(1)] == 0.0
    assert table.all_likes == pytest.approx(float(np.sum(table.signals.likes)))
