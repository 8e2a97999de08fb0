from __future__ import annotations

import pytest

from streams.delivery import Batch, BatchClosing, OutcomeError
from streams.errors import DependencyDown, Reason
from tests.unit.delivery.conftest import record, records


def test_each_record_gets_one_outcome_and_the_tally_sums_to_the_batch() -> None:
    batch = Batch(given := records(5))
    batch.applied(given[0])
    batch.applied(given[1])
    batch.duplicate(given[2])
    batch.dead_letter(given[3], Reason.BAD_JSON, "no")
    batch.dead_letter(given[4], Reason.BAD_ID, "no")
    batch.check()
    assert batch.tally() == {
        ("applied", None): 2,
        ("duplicate", None): 1,
        ("dead-lettered", Reason.BAD_JSON): 1,
        ("dead-lettered", Reason.BAD_ID): 1,
    }
    assert sum(batch.tally().values()) == 5


def test_a_second_outcome_is_a_bug() -> None:
    batch = Batch(given := records(1))
    batch.applied(given[0])
    with pytest.raises(OutcomeError, match="already is applied"):
        batch.dead_letter(given[0], Reason.BAD_JSON, "no")
    assert batch.refusals == []


def test_a_record_of_another_batch_is_a_bug() -> None:
    batch = Batch(records(1))
    with pytest.raises(OutcomeError, match="offset 7 is not in this batch"):
        batch.applied(record(7))


def test_a_missing_outcome_is_a_bug_that_names_the_record() -> None:
    batch = Batch(given := records(3))
    batch.applied(given[0])
    with pytest.raises(OutcomeError, match=r"2 of 3 records.*in/0 offset 1"):
        batch.check()


def test_records_equal_in_value_are_still_different_records() -> None:
    twin, other = record(1), record(1)
    batch = Batch([twin, other])
    batch.applied(twin)
    assert batch.outcome(twin) == "applied"
    assert batch.outcome(other) is None


def test_a_result_too_large_turns_applied_into_one_dead_letter() -> None:
    batch = Batch(given := records(2))
    batch.applied(given[0])
    batch.applied(given[1])
    assert batch.refuse_result(given[0], "too large")
    assert not batch.refuse_result(given[0], "too large as well")
    assert batch.tally() == {
        ("applied", None): 1,
        ("dead-lettered", Reason.RESULT_TOO_LARGE): 1,
    }


def test_sends_are_kept_in_order_with_their_source() -> None:
    batch = Batch(given := records(1))
    batch.send("out", key=b"a", value=b"1", source=given[0])
    batch.send("out", key=b"b", value=None, place_by=b"item", headers=[("h", b"x")])
    assert [(m.key, m.place_by, m.source) for m in batch.sends] == [
        (b"a", None, given[0]),
        (b"b", b"item", None),
    ]


async def test_an_attempt_gives_the_result_of_the_call() -> None:
    async def call() -> int:
        return 7

    assert await Batch(records(1)).attempt("store", call) == 7


async def test_a_closed_batch_makes_no_further_attempt() -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        batch.close()
        raise DependencyDown("store", "gone")

    batch = Batch(records(1))
    with pytest.raises(BatchClosing):
        await batch.attempt("store", call)
    assert calls == 1
    assert batch.closing
