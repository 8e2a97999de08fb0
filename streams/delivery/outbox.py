"""The way out: publishes a batch's messages and waits until the broker has them all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.delivery.batch import Message
from streams.delivery.fence import Fence, NotOurs
from streams.delivery.lease import Lease
from streams.delivery.parcels import Parcel, Result, key_hash, pack, size_of, sort
from streams.delivery.retry import BatchClosing, Retry
from streams.errors import DependencyDown

logger = logging.getLogger(__name__)
T = TypeVar("T")

KAFKA = "kafka"


class Outbox:
    """Delivers messages through one aiokafka producer; makes a new one where that has failed.

    It publishes only while `lease` holds: see docs/decisions/lease.md.

    connect    makes a producer, not yet started.
    slow_s     acknowledgements that take longer make Kafka count as down (the producer itself
               tries on and on).
    """

    def __init__(
        self,
        connect: Callable[[], AIOKafkaProducer],
        retry: Retry,
        lease: Lease,
        *,
        slow_s: float = 2.0,
    ) -> None:
        self._connect = connect
        self._retry = retry
        self._lease = lease
        self._slow_s = slow_s
        self._producer: AIOKafkaProducer | None = None
        self._fence: Fence | None = None
        self._turn = 0
        lease.on_lost.append(self._abort)

    @property
    def producer(self) -> AIOKafkaProducer | None:
        """The producer in use now."""
        return self._producer

    async def start(self, closing: asyncio.Event) -> None:
        """Connect, trying until the broker answers; BatchClosing when `closing` is set."""
        await self._unless(closing, self._connected(closing))
        self._retry.worked(KAFKA)

    async def stop(self, deadline_s: float) -> None:
        """Close the connection. Nothing is waiting in it: batches wait for their acks."""
        producer, fence = self._producer, self._fence
        self._producer = self._fence = None
        if producer is None or fence is None:
            return
        try:
            async with asyncio.timeout(deadline_s):
                await producer.stop()
        except TimeoutError:
            await _drop(producer, fence)

    async def partition_counts(self) -> dict[str, int]:
        """Topic -> number of partitions, of every topic that may be seen. Raises DependencyDown."""
        if self._producer is None:
            raise RuntimeError("the outbox is not connected yet")
        try:
            cluster = await self._producer.client.fetch_all_metadata()
        except KafkaError as error:
            raise DependencyDown(KAFKA, describe(error)) from error
        return {topic: len(cluster.partitions_for_topic(topic)) for topic in cluster.topics()}

    async def deliver(
        self, messages: Sequence[Message], closing: asyncio.Event
    ) -> list[tuple[Message, str]]:
        """Publish all, in order for each partition; return when the broker has acknowledged them.

        What fails is tried again until it works; messages that follow it in its partition are then
        published again too, so that the last one in the log is the last one sent. It waits while
        the lease doesn't hold. Returns the messages that the broker refuses for their size, with a
        detail. Raises BatchClosing if `closing` is set meanwhile, or the partitions were given out
        anew: what was not acknowledged may or may not have been published.
        """
        term = self._lease.term
        waiting = list(messages)
        refused: list[tuple[Message, str]] = []
        alone: set[int] = set()
        failures = 0
        while waiting:
            await self._owned(term, closing)
            result = await self._unless(closing, self._try(waiting, alone, closing))
            refused += [
                (m, f"the result has {size_of(m)} bytes, more than {m.topic} takes")
                for m in result.too_large
            ]
            alone.update(map(id, result.split))
            waiting = result.again
            if result.error is None:
                self._retry.worked(KAFKA)
                continue
            if isinstance(result.error, NotOurs):
                continue
            failures += 1
            self._retry.failed(KAFKA, describe(result.error))
            self._retry.observer.retry(KAFKA)
            await self._retry.pause(self._retry.backoff.pause_s(failures), closing)
        return refused

    async def _owned(self, term: int, closing: asyncio.Event) -> None:
        """Until the lease holds; BatchClosing if the batch must end, or is of an earlier term."""
        if not closing.is_set() and not self._lease.holds():
            if not self._lease.term:
                raise RuntimeError("nothing can be published before the group is joined")
            waits = [
                asyncio.ensure_future(self._lease.regained()),
                asyncio.ensure_future(closing.wait()),
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waits:
                    each.cancel()
        if closing.is_set() or self._lease.term != term:
            raise BatchClosing("its partitions are gone")

    async def _try(
        self, messages: Sequence[Message], alone: set[int], closing: asyncio.Event
    ) -> Result:
        producer = await self._connected(closing)
        parcels: list[Parcel] = []
        error: KafkaError | None = None
        try:
            for place, group in (await self._by_place(producer, messages)).items():
                for builder, packed in pack(producer, group, alone):
                    acked = await producer.send_batch(builder, place[0], partition=place[1])
                    parcels.append(Parcel(place, packed, acked))
        except KafkaError as failed:
            error = failed
        outcomes = await asyncio.gather(*(p.acked for p in parcels), return_exceptions=True)
        result = sort(parcels, outcomes)
        if error is not None:
            # Some never got as far as a parcel: all are published again, in their order.
            result = Result(again=list(messages), error=error)
        if result.again or result.too_large:
            # A refused batch leaves a hole in an idempotent producer's sequence numbers.
            await self._discard()
        return result

    async def _by_place(
        self, producer: AIOKafkaProducer, messages: Sequence[Message]
    ) -> dict[tuple[str, int], list[Message]]:
        groups: dict[tuple[str, int], list[Message]] = {}
        counts: dict[str, int] = {}
        for message in messages:
            topic = message.topic
            count = counts.get(topic)
            if count is None:
                count = counts[topic] = len(await producer.partitions_for(topic))
            by = message.key if message.place_by is None else message.place_by
            partition = self._partition(by, count)
            groups.setdefault((topic, partition), []).append(message)
        return groups

    def _partition(self, key: bytes | None, count: int) -> int:
        if key is not None:
            return key_hash(key) % count
        self._turn += 1
        return self._turn % count

    async def _connected(self, closing: asyncio.Event) -> AIOKafkaProducer:
        failures = 0
        while self._producer is None:
            producer = self._connect()
            fence = Fence(producer, self._lease)
            try:
                await producer.start()
            except KafkaError as error:
                await _drop(producer, fence)
                failures += 1
                self._retry.failed(KAFKA, describe(error))
                await self._retry.pause(self._retry.backoff.pause_s(failures), closing)
            except BaseException:
                await _drop(producer, fence)
                raise
            else:
                self._producer, self._fence = producer, fence
        return self._producer

    async def _unless(self, closing: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
        """Do `work`, but give up, and drop the producer, when `closing` is set."""
        task = asyncio.ensure_future(work)
        closed = asyncio.ensure_future(closing.wait())
        try:
            while True:
                await asyncio.wait(
                    {task, closed}, timeout=self._slow_s, return_when=asyncio.FIRST_COMPLETED
                )
                if task.done():
                    return task.result()
                if closed.done():
                    raise BatchClosing("gave up on kafka")
                self._retry.failed(KAFKA, f"no acknowledgement within {self._slow_s:g} s")
        finally:
            closed.cancel()
            if not task.done():
                # What the producer still holds must not be published after we let go of it.
                if self._fence is not None:
                    self._fence.drop()
                task.cancel()
                await asyncio.wait({task})
                await self._discard()

    async def _discard(self) -> None:
        producer, fence = self._producer, self._fence
        self._producer = self._fence = None
        if producer is not None and fence is not None:
            await _drop(producer, fence)

    def _abort(self, _why: str) -> None:
        if self._fence is not None:
            self._fence.abort()


async def _drop(producer: AIOKafkaProducer, fence: Fence) -> None:
    """Close a producer at once; what it holds is lost to it (and is published again by us).

    Its own stop() would try to deliver that first, for as long as the broker is away; and closing
    its connections gracefully would leave to the kernel what they have not sent yet.
    """
    fence.drop()
    producer._closed = True
    sender = producer._sender.sender_task
    if sender is not None:
        sender.cancel()
    await producer.client.close()
    if sender is not None:
        with suppress(asyncio.CancelledError, KafkaError):
            await asyncio.wait({sender}, timeout=1.0)


def describe(error: BaseException) -> str:
    """An error of the Kafka client in few words; never a payload."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
