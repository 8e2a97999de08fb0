"""The learner on a real Kafka: killed again and again, its topics end as after one clean pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streams import topic_admin
from streams.core.learning.signals import decode_signals
from streams.core.learning.weights_codec import decode_weights
from streams.topics import Topics
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess
from tests.unit.core.learning.test_course import a_log

pytestmark = pytest.mark.integration

EVENTS = 6_000


@dataclass
class School:
    """Two installations on one broker: one whose learner dies, one where it runs through."""

    kafka: Kafka
    folder: Path
    prefix: str
    now_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    workers: list[WorkerProcess] = field(default_factory=list)

    def topics(self, name: str) -> Topics:
        return Topics(f"{self.prefix}{name}-")

    def make(self, name: str) -> None:
        with topic_admin.connect(self.kafka.address) as admin:
            topic_admin.create(admin, self.topics(name), partitions=2, replication_factor=1)

    def teach(self, name: str, first: int, last: int) -> None:
        producer = KafkaProducer(bootstrap_servers=self.kafka.address, acks="all")
        log = a_log(EVENTS)
        for at_ms, event in log[first:last]:
            producer.send(
                self.topics(name).interactions,
                key=b"ann",
                value=event.encode(),
                timestamp_ms=at_ms - log[-1][0] + self.now_ms,  # else it is soon deleted
            )
        producer.flush(30)
        producer.close()

    def start(self, name: str, **settings: str) -> WorkerProcess:
        environment = {
            "LOOKSTREAM_KAFKA": self.kafka.address,
            "LOOKSTREAM_TOPIC_PREFIX": f"{self.prefix}{name}-",
            "LOOKSTREAM_SESSION_TIMEOUT_S": "3",
            "LOOKSTREAM_SNAPSHOT_EVERY_S": "10",
            "LOOKSTREAM_LEARNED_ITEMS": "48",
            "LOOKSTREAM_ITEM_SIGNALS_EVERY_S": "1",
            "LOOKSTREAM_LEARNER_PICTURES": "false",
        }
        environment |= {f"LOOKSTREAM_{key}": value for key, value in settings.items()}
        worker = WorkerProcess("learner", self.folder, environment)
        self.workers.append(worker)
        return worker

    def newest(self, name: str) -> dict[tuple[str, bytes], bytes | None]:
        """The newest value of each key of what the learner publishes."""
        topics = self.topics(name)
        consumer = KafkaConsumer(bootstrap_servers=self.kafka.address, group_id=None)
        places = [
            TopicPartition(topic, partition)
            for topic in (topics.item_signals, topics.ranker)
            for partition in consumer.partitions_for_topic(topic)
        ]
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        found: dict[tuple[str, bytes], bytes | None] = {}
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    found[record.topic.removeprefix(topics.prefix), record.key] = record.value
        consumer.close()
        return found

    def settled(self, name: str, worker: WorkerProcess) -> dict[tuple[str, bytes], bytes | None]:
        """What stands there once nothing more comes."""
        topics = self.topics(name)
        group = f"{topics.prefix}lookstream-learner"
        wait_until(
            lambda: sum(self.kafka.committed(group, topics.interactions).values()) == EVENTS,
            120,
            "all is learned",
        )
        wait_until(
            lambda: self.weights_of(self.newest(name)) == EVENTS, 20, "the last copies are told"
        )
        sent = worker.count("lookstream_signals_published_total")
        self.quiet_since(lambda: worker.count("lookstream_signals_published_total"), sent)
        return self.newest(name)

    def quiet_since(self, count: Callable[[], float], before: float) -> None:
        seen = [before]

        def still() -> bool:
            seen.append(count())
            return len(seen) > 4 and len(set(seen[-4:])) == 1

        wait_until(still, 30, "nothing more is told", poll_s=0.5)

    def weights_of(self, newest: dict[tuple[str, bytes], bytes | None]) -> int:
        value = newest.get(("ranker", b"weights"))
        return decode_weights(value).events if value else 0


@pytest.fixture
def school(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[School]:
    school = School(kafka, tmp_path, topic_prefix)
    yield school
    for worker in school.workers:
        worker.kill()


def test_killed_in_the_middle_its_topics_end_as_after_one_clean_pass(school: School) -> None:
    for name in ("clean", "killed"):
        school.make(name)
    school.teach("clean", 0, EVENTS)
    clean = school.start("clean").wait_ready()
    wanted = school.settled("clean", clean)
    assert clean.stop() == 0
    taught = 0
    for upto in (1_500, 3_000, 4_500):
        worker = school.start("killed").wait_ready()
        school.teach("killed", taught, upto)
        taught = upto
        wait_until(
            lambda worker=worker: worker.count("lookstream_interactions_total") > 200,
            60,
            "some is learned",
        )
        worker.kill()
    school.teach("killed", taught, EVENTS)
    stopped = school.start("killed").wait_ready()
    wait_until(lambda: stopped.count("lookstream_interactions_total") > 200, 60, "some is learned")
    assert stopped.stop() == 0
    last = school.start("killed").wait_ready()
    found = school.settled("killed", last)
    assert "a snapshot of 48 items" in last.log.read_text()
    assert found == wanted
    assert None in found.values()
    assert len(found) > 50
    for (topic, key), value in found.items():
        if topic == "item-signals" and value is not None:
            assert b"%08x" % decode_signals(value).key == key
    assert last.stop() == 0


def test_a_second_learner_stands_by_and_takes_over(school: School) -> None:
    school.make("two")
    first = school.start("two").wait_ready()
    school.teach("two", 0, 500)
    wait_until(lambda: first.count("lookstream_learned_likes") > 0, 30, "the first learns")
    second = school.start("two").wait_ready()
    first.kill()
    school.teach("two", 500, EVENTS)
    school.settled("two", second)
    assert second.count("lookstream_interactions_total", outcome="learned") > 0
    assert second.stop() == 0
