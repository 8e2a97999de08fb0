"""The app: Faust's, with batch agents in lanes. Made in making.py, run in running.py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.app.base import BootStrategy

from streams.delivery.bugs import Bugs
from streams.delivery.connections import KafkaSettings
from streams.delivery.consumer import BatchTransport
from streams.delivery.lane import AgentSpec, Lane
from streams.delivery.lease import Lease
from streams.delivery.ledger import Ledger, Place
from streams.delivery.observer import Everyone, Observer
from streams.delivery.outbox import Outbox
from streams.delivery.placing import Placing
from streams.delivery.retry import Retry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the steps of a rebalance or stop may take, each."""

    grace_s: float
    give_up_s: float
    commit_s: float = 2.0
    leave_s: float = 2.0

    def within(self, stop_timeout_s: float) -> Deadlines:
        """So short that all of them together end well within the timeout of a stop."""
        return Deadlines(
            grace_s=min(self.grace_s, 0.3 * stop_timeout_s),
            give_up_s=min(self.give_up_s, 0.1 * stop_timeout_s),
            commit_s=min(self.commit_s, 0.1 * stop_timeout_s),
            leave_s=min(self.leave_s, 0.15 * stop_timeout_s),
        )

    @property
    def together_s(self) -> float:
        """How long a worker may need to let go of its partitions."""
        return self.grace_s + self.give_up_s + self.commit_s


class _Boot(BootStrategy):
    """What Faust starts: consumer, agents, conductor, tables' manager; nothing that costs."""

    enable_kafka_producer = False
    enable_sensors = False
    enable_web = False


class App(faust.App):
    """A Faust app whose agents get batches. Made by `make_app`."""

    BootStrategy = _Boot
    # For what Faust says of its own steps; a name of its own, or mode puts ours in its place.
    logger = logging.getLogger("faust.batches")

    def __init__(
        self, name: str, settings: KafkaSettings, deadlines: Deadlines, bugs: Bugs
    ) -> None:
        self.delivery_name = name
        self.settings = settings
        self.deadlines = deadlines
        self.bugs = bugs
        self.ledger = Ledger()
        self.lanes: dict[str, Lane] = {}
        self.placing = Placing(self)
        self.observers: list[Observer] = []
        self.retry = Retry(observer=Everyone(self.observers))
        self.lease = Lease(settings.session_timeout_s)
        self.lease.on_lost.append(self._say_lost)
        self.outbox = Outbox(self.new_kafka_producer, self.retry, self.lease)
        super().__init__(
            settings.group,
            broker=";".join(f"kafka://{server}" for server in settings.addresses),
            store="memory://",
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            broker_commit_interval=settings.commit_interval_s,
            broker_session_timeout=settings.session_timeout_s,
            stream_wait_empty=True,
            stream_recovery_delay=0.0,
        )

    # what Faust asks of an app

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: there are no tables, and so no files."""

    def _no_table(self, name: str, **_: Any) -> Any:
        raise NotImplementedError(f"{name}: apps with batch agents have no tables")

    Table = GlobalTable = SetTable = SetGlobalTable = _no_table

    # agents

    def add_agent(self, spec: AgentSpec) -> None:
        """Declare a batch agent; before the app starts."""
        if spec.topic in self.lanes:
            raise ValueError(f"{spec.topic} has an agent already: {spec.name}")
        lane = Lane(
            spec, outbox=self.outbox, ledger=self.ledger, retry=self.retry, on_bug=self.bugs.found
        )
        self.lanes[spec.topic] = lane
        if spec.observer not in self.observers:
            self.observers.append(spec.observer)
        topic = self.topic(spec.topic, key_type=bytes, value_type=bytes)

        async def agent(_stream: object) -> None:
            # Subscribes; records then come by the lane's buffer, not by Faust's stream.
            self.topics.add(topic)
            await lane.run()

        self.agent(topic, name=spec.name)(agent)

    # records in: called by the consumer

    def wanted(self) -> tuple[Sequence[Place], int, bool]:
        """Which partitions to fetch now (none named: all), at most how many records; and whether
        others were left out for lack of room, so that asking again soon makes sense."""
        unplaced = self.placing.places
        places = [place for place in self.ledger.places if place not in unplaced]
        wanted: list[Place] = []
        limit = 0
        for topic, lane in self.lanes.items():
            room = lane.buffer.room()
            mine = [place for place in places if place[0] == topic]
            if room and mine:
                wanted += [p for p in mine if not lane.buffer.greedy(p[1], len(mine))]
                limit = min(limit, room) if limit else room
        if len(wanted) == len(places) and not unplaced:
            # All of them, and those that an assignment adds while aiokafka waits.
            return (), limit or 1, False
        return wanted, (limit if wanted else 0), True

    async def wait_for_room(self) -> None:
        """Until some lane took or dropped records."""
        waits = [asyncio.ensure_future(lane.buffer.wait_for_room()) for lane in self.lanes.values()]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def receive(self, fetched: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Book fetched records and hand them to their lanes. No await, see the consumer."""
        for (topic, partition), records in fetched.items():
            if (topic, partition) in self.placing.places:
                continue
            if self.ledger.fetched((topic, partition), len(records)):
                self.lanes[topic].buffer.put(partition, records)

    # rebalances and the end

    def begin(self, places: Iterable[Place]) -> int:
        """A new assignment, or none."""
        owned = sorted((topic, partition) for topic, partition in places)
        epoch = self.ledger.begin(owned)
        self.placing.begin(owned)
        for topic, lane in self.lanes.items():
            lane.buffer.clear()
            mine = [partition for t, partition in owned if t == topic]
            lane.spec.observer.assigned(topic, mine)
            if mine:
                logger.info("%s: now owns %s, partitions %s", lane.spec.name, topic, mine)
        return epoch

    async def settle(self) -> None:
        """Drop what waits, and let the batches in flight end, within grace_s + give_up_s.

        Without a lease they can't end well: none of them is published.
        """
        grace_s, give_up_s = self.deadlines.grace_s, self.deadlines.give_up_s
        if not self.lease.holds():
            grace_s = 0.0
        await asyncio.gather(*(each.settle(grace_s, give_up_s) for each in self.lanes.values()))

    def progress(self, place: Place, position: int, end: int) -> None:
        """Tell the lane's observer how far a partition is."""
        observer = self.lanes[place[0]].spec.observer
        observer.progress(*place, position, end)
        observer.lag(*place, end - position)

    def _say_lost(self, why: str) -> None:
        logger.warning(
            "lost the lease on its partitions: %s. Another worker may own them by now: nothing is "
            "published until the group says otherwise; what is unfinished comes again",
            why,
        )

    @contextmanager
    def bugs_end_the_process(self, where: str) -> Iterator[None]:
        """aiokafka and Faust log what their callbacks raise, and go on, deaf. Not so here."""
        try:
            yield
        except Exception as bug:
            if not self.should_stop:
                self.bugs.found(where, bug)
            raise

    # the connections

    def new_kafka_consumer(self) -> AIOKafkaConsumer:
        """Not yet started."""
        return self.settings.new_consumer(self.delivery_name, self.deadlines.together_s + 3)

    def new_kafka_producer(self) -> AIOKafkaProducer:
        """Not yet started."""
        return self.settings.new_producer(self.delivery_name)
