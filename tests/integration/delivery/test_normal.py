"""Delivery on a real Kafka, nothing broken: all records finish, and are committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from streams.delivery import read_dead_letter
from tests.support.echo import EchoRoad
from tests.support.kafka import Kafka
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def road(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[EchoRoad]:
    with EchoRoad(kafka, tmp_path, topic_prefix) as road:
        yield road


def test_every_record_is_finished_committed_and_in_order(road: EchoRoad) -> None:
    road.produce(0, 500)
    worker = road.start()
    worker.wait_for("500 records applied", lambda: worker.outcomes()["applied"] == 500)
    road.produce(500, 1000)
    worker.wait_for("1000 records applied", lambda: worker.outcomes()["applied"] == 1000)
    wait_until(road.all_committed, 10, "all is committed")
    assert worker.terminate() == 0
    assert road.echoed() == {b"%d" % n: 1 for n in range(1000)}
    for partition in range(road.partitions):
        offsets = [
            int(dict(record.headers)["from"].split(b":")[1])
            for record in road.kafka.read_all(road.out)
            if dict(record.headers)["from"].startswith(b"%d:" % partition)
        ]
        assert offsets == sorted(offsets)


def test_what_was_committed_does_not_come_again(road: EchoRoad) -> None:
    road.produce(0, 200)
    first = road.start()
    first.wait_for("200 records applied", lambda: first.outcomes()["applied"] == 200)
    assert first.terminate() == 0
    assert road.all_committed()
    second = road.start()
    second.wait_until_it_owns(road.partitions, deadline_s=10)
    road.produce(200, 210)
    second.wait_for("10 records applied", lambda: second.outcomes()["applied"] >= 10)
    assert second.outcomes()["applied"] == 10
    assert second.terminate() == 0


def test_a_refused_record_lies_in_the_dead_letters_byte_for_byte(road: EchoRoad) -> None:
    key, value = b"\xff\x00key", b"poison\x00\xfe" + b"p" * 1_500_000
    headers = [("reason", b"mine"), ("ce_id", b"\xff"), ("empty", b"")]
    road.kafka.produce(road.topic, [(key, value)], partition=2, headers=headers)
    road.kafka.produce(road.topic, [(None, b"poison"), (b"k", b"fine")], partition=2)
    worker = road.start()
    worker.wait_for("all finished", lambda: sum(worker.outcomes().values()) == 3)
    assert worker.outcomes() == {"applied": 1, "dead-lettered": 2}
    first, second = road.kafka.read_all(road.dead_letters)
    letter = read_dead_letter(first)
    assert (letter.key, letter.value, list(letter.headers)) == (key, value, headers)
    assert (letter.reason, letter.topic, letter.partition) == ("bad-json", road.topic, 2)
    assert (letter.offset, letter.agent) == (0, "echo")
    assert "\x1b" not in letter.detail
    assert read_dead_letter(second).key is None
    assert worker.terminate() == 0
    assert road.all_committed()


def test_a_result_the_broker_refuses_for_its_size_becomes_a_dead_letter(road: EchoRoad) -> None:
    road.kafka.produce(
        road.topic, [(b"k", b"before"), (b"k", b"huge:1500000"), (b"k", b"after")], partition=0
    )
    worker = road.start()
    worker.wait_for("all finished", lambda: sum(worker.outcomes().values()) == 3)
    assert worker.outcomes() == {"applied": 2, "dead-lettered": 1}
    letter = read_dead_letter(*road.kafka.read_all(road.dead_letters))
    assert (letter.reason, letter.value) == ("result-too-large", b"huge:1500000")
    assert [record.value for record in road.kafka.read_all(road.out)] == [b"before", b"after"]
    assert worker.terminate() == 0


@pytest.mark.parametrize("committed_only", [False, True])
async def test_transaction_markers_stop_neither_commit_nor_position(
    road: EchoRoad, committed_only: bool
) -> None:
    async def transaction(values: list[bytes], *, abort: bool) -> None:
        await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(road.topic, value, key=b"k", partition=1)
        await (producer.abort_transaction() if abort else producer.commit_transaction())

    producer = AIOKafkaProducer(
        bootstrap_servers=road.address, transactional_id=f"{road.prefix}tx{committed_only}"
    )
    await producer.start()
    try:
        await transaction([b"one", b"two"], abort=False)
        await transaction([b"three"], abort=True)
        await transaction([b"four"], abort=False)
    finally:
        await producer.stop()
    expected = 3 if committed_only else 4
    worker = road.start(*(["--read-committed"] if committed_only else []))
    worker.wait_for("all applied", lambda: worker.outcomes()["applied"] == expected)
    # Seven offsets: four records, three markers; the last one is a marker.
    end = {"partition": 1, "position": 7, "end": 7}
    worker.wait_for("the position is the end", lambda: end in worker.events())
    wait_until(road.all_committed, 10, "the end is committed, past the last marker")
    assert worker.terminate() == 0


async def test_an_open_transaction_holds_back_what_is_behind_it_and_nothing_else(
    road: EchoRoad,
) -> None:
    """Nor a stop meanwhile; and who waits for it has read all that there is to read."""
    producer = AIOKafkaProducer(
        bootstrap_servers=road.address, transactional_id=f"{road.prefix}open"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        for value in (b"one", b"two"):
            await producer.send_and_wait(road.topic, value, key=b"k", partition=1)
        road.kafka.produce(road.topic, [(b"k", b"behind")], partition=1)
        road.kafka.produce(road.topic, [(b"k", b"beside")], partition=0)
        first = road.start("--read-committed")
        first.wait_for("one applied", lambda: first.outcomes()["applied"] == 1)
        stands = {"partition": 1, "position": 0, "end": 0}
        first.wait_for("what is open is not there yet", lambda: stands in first.events())
        assert first.terminate() == 0
        assert set(road.echoed()) == {b"beside"}
        second = road.start("--read-committed")
        second.wait_until_it_owns(road.partitions, deadline_s=10)
        await producer.commit_transaction()
    finally:
        await producer.stop()
    second.wait_for("the others applied", lambda: second.outcomes()["applied"] == 3)
    end = {"partition": 1, "position": 4, "end": 4}  # the last one is a marker
    second.wait_for("the position is the end", lambda: end in second.events())
    wait_until(road.all_committed, 10, "all is committed")
    assert second.terminate() == 0
    assert road.echoed() == dict.fromkeys((b"beside", b"one", b"two", b"behind"), 1)


def test_gaps_left_by_compaction_do_not_stop_the_commit(kafka: Kafka, road: EchoRoad) -> None:
    kafka.create_topic(
        f"{road.prefix}compact-in",
        1,
        {
            "cleanup.policy": "compact",
            "segment.ms": "100",
            "min.cleanable.dirty.ratio": "0.01",
            "max.compaction.lag.ms": "100",
            "delete.retention.ms": "0",
        },
    )
    compacted = EchoRoad(kafka, road.folder, f"{road.prefix}compact-")
    kafka.create_topic(compacted.out, 1)
    kafka.create_topic(compacted.dead_letters, 1)
    for round_ in range(6):
        kafka.produce(compacted.topic, [(b"k%d" % n, b"%d" % round_) for n in range(50)])

    def offsets() -> list[int]:
        kafka.produce(compacted.topic, [(b"last", b"last")])
        return [record.offset for record in kafka.read_all(compacted.topic)]

    wait_until(
        lambda: len(found := offsets()) < found[-1] + 1, 40, "Kafka has compacted", poll_s=0.3
    )
    worker = compacted.start()
    try:
        worker.wait_for("committed", compacted.all_committed)
        assert worker.terminate() == 0
    finally:
        worker.process.kill()
