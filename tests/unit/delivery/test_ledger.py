from __future__ import annotations

from streams.delivery.ledger import Ledger
from tests.unit.delivery.conftest import record, records

P0, P1 = ("in", 0), ("in", 1)


def owning(*places: tuple[str, int]) -> tuple[Ledger, int]:
    ledger = Ledger()
    return ledger, ledger.begin(places)


def test_nothing_is_committed_before_a_batch_is_finished() -> None:
    ledger, _ = owning(P0)
    assert ledger.fetched(P0, 10)
    assert ledger.committable({P0: 10}) == {}
    assert ledger.position(P0, 10) is None


def test_the_end_of_the_last_finished_batch_is_committed_per_partition() -> None:
    ledger, epoch = owning(P0, P1)
    ledger.fetched(P0, 10)
    ledger.fetched(P1, 10)
    assert ledger.finished([*records(4), *records(2, partition=1, first=50)], epoch)
    assert ledger.committable({P0: 10, P1: 60}) == {P0: 4, P1: 52}


def test_gaps_in_the_offsets_do_not_matter() -> None:
    ledger, epoch = owning(P0)
    ledger.fetched(P0, 3)
    ledger.finished([record(3), record(400), record(9000)], epoch)
    assert ledger.committable({P0: 9001}) == {P0: 9001}


def test_where_nothing_is_held_the_consumers_position_counts_past_trailing_markers() -> None:
    ledger, epoch = owning(P0)
    ledger.fetched(P0, 2)
    ledger.finished(records(2), epoch)
    assert ledger.committable({P0: 5}) == {P0: 5}
    ledger.fetched(P0, 1)
    assert ledger.position(P0, 8) == 2
    ledger.finished([record(7)], epoch)
    assert ledger.position(P0, 8) == 8


def test_nothing_is_committed_twice() -> None:
    ledger, epoch = owning(P0)
    ledger.fetched(P0, 4)
    ledger.finished(records(4), epoch)
    ledger.committed(ledger.committable({P0: 4}), epoch)
    assert ledger.committable({P0: 4}) == {}
    assert ledger.committable({P0: 6}) == {P0: 6}


def test_a_batch_of_an_assignment_that_is_over_never_counts() -> None:
    ledger, old = owning(P0)
    ledger.fetched(P0, 4)
    ledger.begin([P0])
    assert not ledger.finished(records(4), old)
    assert ledger.committable({P0: 4}) == {}
    ledger.committed({P0: 4}, old)
    assert ledger.position(P0, None) is None


def test_records_of_partitions_that_are_not_ours_are_refused() -> None:
    ledger, _ = owning(P0)
    assert not ledger.fetched(P1, 1)
    assert list(ledger.places) == [P0]
