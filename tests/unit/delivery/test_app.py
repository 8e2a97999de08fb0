from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from streams.delivery import App, Batch, agent, make_app
from streams.delivery.app import Deadlines
from tests.unit.delivery.conftest import Journal, records


async def handle(batch: Batch) -> None:
    for each in batch.records:
        batch.applied(each)


@pytest.fixture
def codes() -> list[int]:
    return []


@pytest.fixture
def app(journal: Journal, codes: list[int]) -> App:
    app = make_app("worker", kafka="a:1, b:2", group="group", on_bug=codes.append)
    for topic in ("images", "clicks"):
        agent(
            app,
            topic=topic,
            handler=handle,
            dead_letters="dead",
            name=topic,
            max_events=10,
            observer=journal,
        )
    return app


def fetch(app: App, topic: str, partition: int, count: int) -> None:
    app.receive({TopicPartition(topic, partition): records(count, partition=partition)})


def test_an_app_writes_no_files(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app._create_directories()
    assert list(tmp_path.iterdir()) == []


def test_each_topic_has_one_agent(app: App) -> None:
    with pytest.raises(ValueError, match="has an agent already"):
        agent(app, topic="clicks", handler=handle, dead_letters="dead")


async def test_all_partitions_are_fetched_while_there_is_room(app: App) -> None:
    app.begin([("clicks", 0), ("images", 0)])
    wanted, limit, soon = app.wanted()
    assert (wanted, limit, soon) == ((), 30, False)


async def test_a_full_topic_is_left_out_and_the_other_goes_on(app: App) -> None:
    app.begin([("clicks", 0), ("images", 0), ("images", 1)])
    fetch(app, "images", 0, 30)
    wanted, limit, soon = app.wanted()
    assert (wanted, limit, soon) == ([("clicks", 0)], 30, True)


async def test_nothing_is_fetched_when_all_are_full(app: App) -> None:
    app.begin([("clicks", 0)])
    fetch(app, "clicks", 0, 30)
    assert app.wanted() == ([], 0, True)


async def test_a_partition_that_filled_half_the_buffer_waits_for_the_others(app: App) -> None:
    app.begin([("clicks", 0), ("clicks", 1)])
    fetch(app, "clicks", 0, 20)
    wanted, limit, _ = app.wanted()
    assert (wanted, limit) == ([("clicks", 1)], 10)


async def test_fetched_records_are_booked_and_wait_in_their_lane(app: App) -> None:
    app.begin([("clicks", 0)])
    fetch(app, "clicks", 0, 3)
    fetch(app, "clicks", 1, 3)
    assert app.lanes["clicks"].buffer.count == 3
    assert app.ledger.position(("clicks", 0), 99) is None


async def test_a_new_assignment_drops_what_waits_and_is_told(app: App, journal: Journal) -> None:
    app.begin([("clicks", 0)])
    fetch(app, "clicks", 0, 3)
    epoch = app.begin([("clicks", 1), ("clicks", 3)])
    assert app.lanes["clicks"].buffer.count == 0
    assert epoch == app.ledger.epoch == 2
    assert journal.owned[-2:] == [[], [1, 3]]


async def test_progress_is_told_with_its_lag(app: App, journal: Journal) -> None:
    app.progress(("clicks", 2), 10, 12)
    assert journal.seen == [("clicks", 2, 10, 12)]
    assert journal.lags == [("clicks", 2, 2)]


async def test_a_bug_in_a_callback_ends_the_process(app: App, codes: list[int]) -> None:
    with pytest.raises(ZeroDivisionError), app.bugs_end_the_process("rebalance"):
        raise ZeroDivisionError
    assert codes == [70]


def test_dependencies_are_told_once_to_each_observer(app: App, journal: Journal) -> None:
    app.retry.failed("kafka", "gone")
    app.retry.failed("kafka", "gone")
    app.retry.worked("kafka")
    assert journal.said == ["down kafka", "up kafka"]


def test_the_steps_of_a_stop_fit_into_its_timeout() -> None:
    asked = Deadlines(grace_s=60, give_up_s=60, commit_s=60, leave_s=60)
    for timeout_s in (1.0, 10.0, 60.0):
        steps = asked.within(timeout_s)
        assert steps.together_s + steps.leave_s < 0.75 * timeout_s
    assert Deadlines(3.0, 1.0).within(100.0) == Deadlines(3.0, 1.0)


@pytest.mark.parametrize("session_timeout_s", [0.1, 1000.0])
def test_a_senseless_session_timeout_is_refused(session_timeout_s: float) -> None:
    make: Callable[..., App] = make_app
    with pytest.raises(ValueError, match="session_timeout_s"):
        make("w", kafka="a:1", group="g", session_timeout_s=session_timeout_s)
