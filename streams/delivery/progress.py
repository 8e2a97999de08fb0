"""How far each owned partition is, and where it ends: for lag, and to notice a deaf worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.delivery.ledger import Ledger, Place
from streams.delivery.outbox import KAFKA, describe
from streams.delivery.retry import Retry

END_OFFSETS_EVERY_S = 10.0


def positions(kafka: AIOKafkaConsumer, places: Iterable[Place]) -> dict[Place, int | None]:
    """The consumer's position in each place, None where it has none yet. Without waiting."""
    subscription = kafka._subscription.subscription
    assignment = None if subscription is None else subscription.assignment
    found: dict[Place, int | None] = {}
    for place in places:
        state = None if assignment is None else assignment.state_value(TopicPartition(*place))
        found[place] = int(state.position) if state and state.has_valid_position else None
    return found


class Progress:
    """Compares what is finished with where the topics end.

    The end is that of the last fetch. Every `END_OFFSETS_EVERY_S`, and while Kafka is down, it is
    asked for by itself, so that a consumer which no longer fetches is noticed too.
    """

    def __init__(
        self,
        ledger: Ledger,
        retry: Retry,
        tell: Callable[[Place, int, int], None],
        *,
        read_committed: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._retry = retry
        self._tell = tell
        self._read_committed = read_committed
        self._clock = clock
        self._asked_s = clock()
        self._ends: dict[Place, int] = {}

    async def report(self, kafka: AIOKafkaConsumer, deadline_s: float) -> None:
        """Tell (place, position, end) for each owned partition of which both are known."""
        epoch = self._ledger.epoch
        if self._clock() - self._asked_s >= END_OFFSETS_EVERY_S or self._retry.is_down(KAFKA):
            await self._ask(kafka, deadline_s)
        if epoch != self._ledger.epoch:
            return
        for place, consumed in positions(kafka, self._ledger.places).items():
            done = self._ledger.position(place, consumed)
            if consumed is None or done is None:
                continue
            end = max(self._fetched_end(kafka, place), self._ends.get(place, 0), done)
            self._tell(place, done, end)

    def _fetched_end(self, kafka: AIOKafkaConsumer, place: Place) -> int:
        tp = TopicPartition(*place)
        end = kafka.last_stable_offset(tp) if self._read_committed else kafka.highwater(tp)
        return max(end or 0, 0)

    async def _ask(self, kafka: AIOKafkaConsumer, deadline_s: float) -> None:
        self._asked_s = self._clock()
        places = [TopicPartition(*place) for place in self._ledger.places]
        if not places:
            return
        try:
            async with asyncio.timeout(deadline_s):
                ends = await kafka.end_offsets(places)
        except (KafkaError, TimeoutError) as error:
            self._retry.failed(KAFKA, f"asking for end offsets: {describe(error)}")
        else:
            self._retry.worked(KAFKA)
            self._ends = {(tp.topic, tp.partition): end for tp, end in ends.items()}
