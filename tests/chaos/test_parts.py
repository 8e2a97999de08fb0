"""The harness's own parts: schedule, journal and load."""

from __future__ import annotations

import json
from itertools import islice

from streams.topics import Topics
from tests.chaos.journal import CUT_OFF, LET_GO, finishes, read
from tests.chaos.load import clicks, pictures
from tests.chaos.schedule import EVERY_S, KINDS, schedule


def test_the_same_seed_is_the_same_schedule_and_another_seed_another() -> None:
    assert schedule(5, 200) == schedule(5, 200)
    assert schedule(5, 200) != schedule(6, 200)


def test_every_kind_of_fault_comes_once_there_are_enough() -> None:
    assert {fault.kind for fault in schedule(1, 30)} == KINDS.keys()


def test_faults_come_as_often_as_said() -> None:
    faults = schedule(1, 1000)
    assert 0.9 * EVERY_S < faults[-1].at_s / 1000 < 1.1 * EVERY_S


def test_the_load_follows_from_its_seed() -> None:
    topics = Topics("t-")
    first = [list(islice(pictures(topics, seed), 300)) for seed in (1, 1, 2)]
    assert first[0] == first[1] != first[2]
    users = [[click.key for click in islice(clicks(topics, seed), 300)] for seed in (1, 1, 2)]
    assert users[0] == users[1] != users[2]


def test_nobody_clicks_an_item_that_changes() -> None:
    named = {
        json.loads(click.value)["item_id"].split("-")[0]
        for click in islice(clicks(Topics(), 1), 2000)
        if click.value and click.value.startswith(b'{"item_id": "') and b'""' not in click.value
    }
    assert named == {"base", "ghost"}


def lines(*said: dict[str, object]) -> list[bytes]:
    return [json.dumps({"t": float(t), **each}).encode() + b"\n" for t, each in enumerate(said)]


def test_a_journal_tells_how_each_batch_ended() -> None:
    account = read(
        "r1",
        lines(
            {"e": "signals"},
            {"e": "begin", "b": 1, "topic": "clicks", "r": [[0, 5], [0, 6]]},
            {"e": "end", "b": 1, "o": ["applied", "duplicate"]},
            {"e": "begin", "b": 2, "topic": "clicks", "r": [[0, 7]]},
            {"e": "let-go", "b": 2},
            {"e": "begin", "b": 3, "topic": "clicks", "r": [[1, 0]]},
        ),
    )
    assert account.listens
    assert [each.ended for each in account.deliveries] == ["", LET_GO, CUT_OFF]
    assert list(finishes(account.deliveries)) == [
        (("clicks", 0, 5), "applied", 2.0),
        (("clicks", 0, 6), "duplicate", 2.0),
    ]


def test_a_line_that_a_kill_tore_ends_a_journal() -> None:
    whole = lines({"e": "begin", "b": 1, "topic": "clicks", "r": [[0, 5]]})
    account = read("r1", [*whole, b'{"t": 1.0, "e": "en'])
    assert [each.ended for each in account.deliveries] == [CUT_OFF]
