"""What a batch source inside Faust must mind, and the tests that hold each: the room's table.

A trap that can't arise here by design has a test of the reason. tests/integration/delivery/
test_traps.py sees to it that every trap has tests, and that the tests exist.
"""

from __future__ import annotations

from typing import NamedTuple

_UNIT = "tests/unit/delivery/"
_REAL = "tests/integration/delivery/"


class Trap(NamedTuple):
    """What goes wrong, what is done about it, and file::test for each that shows so."""

    what: str
    instead: str
    tests: tuple[str, ...]


HOOKS = (
    Trap(
        "the consumer is plugged in by names that may move",
        "names and signatures are checked at start, one by one",
        (
            _UNIT + "test_hooks.py::test_the_hook_is_there",
            _UNIT + "test_hooks.py::test_a_worker_does_not_start_on_another_faust",
            _UNIT + "test_consumer.py::test_faust_is_given_our_consumer",
        ),
    ),
    Trap(
        "a rebalance must raise the epoch before anything of the next assignment comes",
        "the listener settles, commits and begins anew, on the coordinator's own task",
        (
            _UNIT + "test_consumer.py::test_partitions_go_only_after_settling_and_committing",
            _UNIT + "test_app.py::test_a_new_assignment_drops_what_waits_and_is_told",
        ),
    ),
    Trap(
        "records cross from the consumer's thread to the loop, with a rebalance in between",
        "by design there is no thread: fetched is booked, without an await",
        (
            _UNIT + "test_consumer.py::test_what_is_fetched_is_in_the_books_with_no_thread_between",
            _UNIT
            + "test_consumer.py::test_records_of_partitions_that_went_during_a_fetch_are_not_taken",
        ),
    ),
    Trap(
        "when all buffers are full, Faust sleeps for a second",
        "fetching waits for room, and goes on at once",
        (_UNIT + "test_consumer.py::test_full_buffers_fetch_nothing_until_there_is_room",),
    ),
    Trap(
        "acknowledgements of single events commit too far, or stop at a gap",
        "the commit is the end of the last finished batch; there are no acknowledgements",
        (
            _UNIT + "test_lane.py::test_a_batch_is_published_then_counted_then_committable",
            _UNIT + "test_consumer.py::test_single_events_and_their_acknowledgements_are_not_there",
        ),
    ),
    Trap(
        "partitions go while a batch is in flight",
        "it may end, is told to close, and is dead after that: bounded in time",
        (
            _UNIT + "test_lane.py::test_settling_drops_what_waits_and_lets_the_batch_in_flight_end",
            _UNIT + "test_lane.py::test_a_batch_that_does_not_let_go_is_dead_and_never_counts",
            _REAL + "test_faults.py::test_a_held_batch_of_lost_partitions_is_not_committed",
        ),
    ),
    Trap(
        "aiokafka's idle clock must be touched",
        "by design it never strikes; a loop that hangs loses its partitions by its heartbeats",
        (
            _UNIT + "test_consumer.py::test_aiokafka_never_leaves_the_group_because_nobody_polls",
            _REAL + "test_outage.py::"
            "test_a_loop_that_hangs_loses_its_partitions_and_publishes_nothing_when_it_goes_on",
        ),
    ),
    Trap(
        "a stop hangs",
        "a thread of its own ends the process",
        (_REAL + "test_faults.py::test_a_stop_that_hangs_is_cut_short",),
    ),
)

WENT_WRONG = (
    Trap(
        "outage, full buffers, and the idle clock runs out: alive and deaf for ever",
        "the clock never strikes, and buffers that are full survive rebalances",
        (
            _REAL + "test_outage.py::"
            "test_full_buffers_in_an_outage_survive_rebalances_and_lose_nothing",
        ),
    ),
    Trap(
        "an active set emptied by a rebalance means 'all partitions' to aiokafka",
        "nothing wanted is no fetch at all, and what is not ours is not taken",
        (
            _UNIT + "test_app.py::test_nothing_is_fetched_when_all_are_full",
            _UNIT
            + "test_consumer.py::test_records_of_partitions_that_went_during_a_fetch_are_not_taken",
        ),
    ),
    Trap(
        "a fetch across a rebalance returns records of the new assignment under the old number",
        "they are booked where they are taken, under the epoch of that moment",
        (
            _UNIT + "test_consumer.py::"
            "test_records_of_a_new_assignment_count_for_it_though_the_fetch_began_before",
        ),
    ),
    Trap(
        "perform_seek goes back over records that are held",
        "Faust does not seek; a handover without a crash delivers nothing twice",
        (
            _UNIT + "test_consumer.py::test_faust_does_not_seek",
            _REAL + "test_many_workers.py::test_a_handover_without_a_crash_delivers_nothing_twice",
        ),
    ),
    Trap(
        "a partition without a commit is not sought: what was dropped there would be skipped",
        "aiokafka starts where the group has committed, or at the beginning",
        (
            _REAL + "test_outage.py::"
            "test_full_buffers_in_an_outage_survive_rebalances_and_lose_nothing",
        ),
    ),
    Trap(
        "Faust forgets what was finished before its last commit at a revocation",
        "settle and commit come first",
        (
            _UNIT + "test_consumer.py::test_partitions_go_only_after_settling_and_committing",
            _REAL + "test_many_workers.py::test_a_handover_without_a_crash_delivers_nothing_twice",
        ),
    ),
    Trap(
        "an agent that raised is restarted inside the process, and SIGTERM hangs",
        "a bug ends the process",
        (_REAL + "test_faults.py::test_a_bug_ends_the_process_and_its_records_come_again",),
    ),
    Trap(
        "a transaction's last marker keeps the lag at 1",
        "where nothing is held, the consumer's own position counts",
        (_REAL + "test_normal.py::test_transaction_markers_stop_neither_commit_nor_position",),
    ),
    Trap(
        "what waits is bounded only by the limit and one fetch more",
        "a fetch is told how much room there is, by records and by bytes",
        (
            _UNIT + "test_consumer.py::test_a_fetch_is_told_how_many_records_there_is_room_for",
            _UNIT + "test_buffer.py::test_there_is_no_room_when_it_is_full_by_bytes",
        ),
    ),
)

NOT_TRIED_BEFORE = (
    Trap(
        "gaps that compaction left",
        "nothing is derived from offsets being consecutive",
        (_REAL + "test_normal.py::test_gaps_left_by_compaction_do_not_stop_the_commit",),
    ),
    Trap(
        "read_committed, with aborted records and markers at the end",
        "both isolation levels, to the end",
        (_REAL + "test_normal.py::test_transaction_markers_stop_neither_commit_nor_position",),
    ),
    Trap(
        "read_committed, and a transaction that stays open",
        "what is behind it waits, the rest goes on; the end is the last stable offset",
        (
            _REAL + "test_normal.py::"
            "test_an_open_transaction_holds_back_what_is_behind_it_and_nothing_else",
        ),
    ),
    Trap(
        "the broker dies, hangs, or is not there at the start, and SIGTERM comes meanwhile",
        "waited for; every stop is in time",
        (
            _REAL + "test_broker.py::test_a_broker_that_dies_and_returns_costs_nothing_but_time",
            _REAL + "test_lease.py::test_a_worker_whose_broker_was_away_for_long_goes_on_by_itself",
        ),
    ),
    Trap(
        "TLS and passwords between worker and broker",
        "settings; the whole road is walked under them, with the least rights",
        ("tests/integration/test_wires.py::test_the_road_is_walked_under_the_least_rights",),
    ),
    Trap(
        "tables beside batch topics",
        "refused where they are defined",
        (_UNIT + "test_consumer.py::test_tables_beside_batch_topics_are_refused",),
    ),
    Trap(
        "the store loses data",
        "noticed, waited for, and nothing is published from it",
        (
            "tests/agents/test_anybody.py::test_nothing_is_published_from_a_store_that_lost_its_data",
        ),
    ),
    Trap(
        "more than two workers",
        "five on four partitions, joining and leaving in bursts",
        (
            _REAL + "test_many_workers.py::"
            "test_five_workers_on_four_partitions_join_and_leave_in_bursts",
        ),
    ),
    Trap(
        "long runs",
        "`make chaos FAULTS=1000` by hand, and as many faults as CI has time for",
        ("tests/chaos/test_chaos.py::test_thirty_faults_change_nothing",),
    ),
    Trap(
        "the embedded broker",
        "the same, without an idempotent producer",
        (
            _REAL + "test_embedded.py::"
            "test_workers_share_and_hand_over_and_the_lease_holds_meanwhile",
        ),
    ),
    Trap(
        "a stale owner publishes",
        "the lease: who can't prove ownership publishes nothing",
        (
            _REAL + "test_lease.py::"
            "test_a_zombie_stopped_between_store_and_publish_publishes_nothing",
            _REAL + "test_lease.py::"
            "test_a_request_on_its_way_through_a_cut_network_is_not_delivered_late",
            _REAL + "test_lease.py::"
            "test_what_the_kernel_holds_is_not_delivered_late_even_if_the_worker_sleeps",
            _UNIT + "test_outbox.py::"
            "test_a_batch_of_an_earlier_term_is_not_published_under_the_next_lease",
        ),
    ),
)
