"""Faust's consumer, replaced: whole fetched batches, on the worker's own event loop.

Faust runs aiokafka in a thread and moves every record through a chain of futures. Here aiokafka
runs on the main loop, and what it fetched goes into the lanes' buffers in one step, with no await
between taking records from aiokafka and having them in the books. Faust keeps the app, agents and
their supervisor, the subscription, the steps of a rebalance and the timer that calls `commit`.
See docs/decisions/batches-inside-faust.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import aiokafka
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import Transport
from faust.types import TP

from streams.delivery.lease import follow
from streams.delivery.outbox import KAFKA, describe
from streams.delivery.progress import Progress, positions
from streams.delivery.vitals import check_vitals

if TYPE_CHECKING:
    from streams.delivery.app import App

logger = logging.getLogger(__name__)

POLL_MS = 5000
POLL_SOON_MS = 50


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hears of rebalances, on aiokafka's coordinator task, before and after each."""

    def __init__(self, consumer: BatchConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        consumer = self._consumer
        with consumer.delivery.bugs_end_the_process("rebalance"):
            consumer.app.on_rebalance_start()
            await consumer.on_partitions_revoked({TP(*each) for each in revoked})

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        consumer = self._consumer
        with consumer.delivery.bugs_end_the_process("rebalance"):
            places = {TP(*each) for each in assigned}
            epoch = consumer.delivery.begin(places)
            consumer.delivery.placing.follow(consumer.kafka)
            # Faust compares this number to notice that another rebalance came in between.
            consumer.app.consumer_generation_id = epoch
            await consumer.on_partitions_assigned(places, epoch)


class BatchConsumer(Consumer):
    """One aiokafka consumer for all agents of the app."""

    # For what Faust says of its own steps; a name of its own, or mode puts ours in its place.
    logger = logging.getLogger("faust.batches")
    consumer_stopped_errors: ClassVar[tuple[type[BaseException], ...]] = (
        aiokafka.errors.ConsumerStoppedError,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kafka: AIOKafkaConsumer | None = None
        self._committing = asyncio.Lock()
        app = self.delivery
        self._progress = Progress(
            app.ledger, app.retry, app.progress, read_committed=app.settings.read_committed
        )

    @property
    def delivery(self) -> App:
        """The app, by its own type."""
        return cast("App", self.app)

    @property
    def kafka(self) -> AIOKafkaConsumer:
        """aiokafka's consumer; only after `on_start`."""
        if self._kafka is None:
            raise RuntimeError("the consumer is not connected yet")
        return self._kafka

    # life

    async def on_start(self) -> None:
        """Connect, trying until the broker answers."""
        retry = self.delivery.retry
        failures = 0
        while not self.should_stop:
            kafka = self.delivery.new_kafka_consumer()
            try:
                await kafka.start()
            except KafkaError as error:
                await kafka.stop()
                failures += 1
                retry.failed(KAFKA, describe(error))
                await self.sleep(retry.backoff.pause_s(failures))
            else:
                retry.worked(KAFKA)
                follow(kafka._coordinator, self.delivery.lease)
                self._kafka = kafka
                return

    async def on_stop(self) -> None:
        """Settle, commit, leave the group; each within its time, also while the broker is away."""
        kafka = self._kafka
        if kafka is None:
            return
        self.delivery.placing.stop()
        await self.delivery.settle()
        if self.assignment():
            await self.commit()
        self.delivery.lease.given_back()
        try:
            async with asyncio.timeout(self.delivery.deadlines.leave_s):
                await kafka.stop()
        except TimeoutError:
            logger.warning("left the group without a word: Kafka does not answer")
            await kafka._client.close()

    def close(self) -> None:
        """Called by Faust when a rebalance comes while stopping; `on_stop` closes."""

    # records in

    async def _drain_messages(self, fetcher: Any) -> None:
        """Fetch, and put into the lanes' buffers, until stopped. Called by Faust's Fetcher."""
        try:
            with self.delivery.bugs_end_the_process("fetch"):
                while not (self.should_stop or fetcher.should_stop):
                    if self.flow_active:
                        await self._fetch()
                    else:
                        await self.wait(self.can_resume_flow.wait())
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _fetch(self) -> None:
        wanted, limit, hurry = self.delivery.wanted()
        if not limit:
            await self.delivery.wait_for_room()
            return
        try:
            fetched = await self.kafka.getmany(
                *(TopicPartition(*place) for place in wanted),
                timeout_ms=POLL_SOON_MS if hurry else POLL_MS,
                max_records=limit,
            )
        except KafkaError as error:
            if isinstance(error, self.consumer_stopped_errors):
                raise
            self.delivery.retry.failed(KAFKA, describe(error))
            await self.sleep(self.delivery.retry.backoff.longest_s)
            return
        # No await from here on: what aiokafka counts as consumed is in the books at once, and a
        # rebalance sees either both or neither.
        if fetched:
            self.delivery.receive(fetched)

    # commit

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what is finished, and report progress. Faust's timer calls it each second."""
        kafka = self._kafka
        if kafka is None:
            return False
        if not self.app.should_stop:
            with self.delivery.bugs_end_the_process("aiokafka"):
                check_vitals(kafka, self.delivery.outbox.producer)
        async with self._committing:
            done = await self._commit_finished(kafka)
            if not self.app.should_stop:
                await self._progress.report(kafka, self.delivery.deadlines.commit_s)
        return done

    async def _commit_finished(self, kafka: AIOKafkaConsumer) -> bool:
        ledger = self.delivery.ledger
        epoch = ledger.epoch
        offsets = ledger.committable(positions(kafka, ledger.places))
        done = bool(offsets) and await self._commit(offsets)
        if done:
            ledger.committed(offsets, epoch)
        return done

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        try:
            async with asyncio.timeout(self.delivery.deadlines.commit_s):
                await self.kafka.commit({TopicPartition(*place): n for place, n in offsets.items()})
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions are somebody else's by now: the records come again, there.
            logger.info("commit refused: %s", describe(error))
            return False
        except (KafkaError, TimeoutError) as error:
            self.delivery.retry.failed(KAFKA, f"commit: {describe(error)}")
            return False
        self.delivery.retry.worked(KAFKA)
        return True

    # rebalance

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Settle and commit while the partitions are still ours; then Faust's own steps."""
        await self.wait_empty()
        self.delivery.lease.given_back()
        self.delivery.begin(())
        await super().on_partitions_revoked(revoked)

    async def wait_empty(self) -> None:
        """Drop what waits, let the batches in flight end, commit. Bounded in time."""
        await self.delivery.settle()
        await self.commit()

    async def perform_seek(self) -> None:
        """Nothing: after an assignment aiokafka starts at what is committed, by itself.

        Faust seeks there once more, which would fetch again what is held already.
        """

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Nothing either; see perform_seek."""
        return {}

    async def verify_all_partitions_active(self) -> None:
        """Nothing: `progress` tells health what it needs."""

    # what Faust asks of a consumer

    async def subscribe(self, topics: Iterable[str]) -> None:
        self.kafka.subscribe(topics=set(topics), listener=_Listener(self))

    def assignment(self) -> set[TP]:
        return {TP(*each) for each in self._kafka.assignment()} if self._kafka else set()

    def topic_partitions(self, topic: str) -> int | None:
        found = self.kafka.partitions_for_topic(topic)
        return len(found) if found else None

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    # Faust's base class asks for these; tables and streams of single events would use them

    def _unused(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("apps with batch agents have no tables or single-event streams")

    create_topic = _unused
    earliest_offsets = _unused
    highwater = _unused
    highwaters = _unused
    key_partition = _unused
    position = _unused
    seek_wait = _unused
    _seek = _unused
    _getmany = _unused
    _to_message = _unused


class BatchTransport(Transport):
    """Faust's Kafka transport with our consumer."""

    Consumer: ClassVar[type[Consumer]] = BatchConsumer


__all__ = ["BatchConsumer", "BatchTransport"]
