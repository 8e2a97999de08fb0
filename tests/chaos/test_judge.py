"""The judge, on small made-up runs: a clean one passes, and each kind of difference is found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from streams import embeddings
from streams.records import RawRecord
from tests.chaos.journal import CUT_OFF, LET_GO, Account, Delivery
from tests.chaos.judge import Evidence, judge, stale_lists
from tests.chaos.oracle import Event, Expected, stale_items
from tests.chaos.slots import Life
from tests.chaos.stalls import Stall, stalls

CLICKS, IMAGES = "clicks", "images"
ANN_1, ANN_2, BAD = (CLICKS, 0, 0), (CLICKS, 0, 1), (CLICKS, 0, 2)
PICTURE = (IMAGES, 1, 0)


def clean_run() -> Evidence:
    """Two clicks of Ann, a bad one, and a picture. r1 was killed after it had stored the first."""
    return Evidence(
        clicks=[
            Event(ANN_1, "ann", False, 10.0),
            Event(ANN_2, "ann", False, 11.0),
            Event(BAD, "ann", True, 12.0),
        ],
        images=[Event(PICTURE, "shoe", False, 10.0)],
        expected=Expected({"ann": b"both"}, {"shoe": 2.0}, {(0, 0): b"first", (0, 1): b"next"}),
        lives=[
            Life("r1", "recommender", 1, 0.0, "kill", 11.0, 11.0, -9),
            Life("r2", "recommender", 2, 0.0, "term", 20.0, 21.0, 0),
            Life("e1", "embedder", 3, 0.0, "term", 20.0, 21.0, 0),
        ],
        accounts=[
            Account("r1", [Delivery("r1", [ANN_1], 10.5)], listens=True),
            Account(
                "r2",
                [
                    Delivery(
                        "r2",
                        [ANN_1, ANN_2, BAD],
                        14.0,
                        "",
                        15.0,
                        ["duplicate", "applied", "dead-lettered"],
                    )
                ],
                listens=True,
            ),
            Account("e1", [Delivery("e1", [PICTURE], 10.1, "", 10.2, ["applied"])], listens=True),
        ],
        lists=[("ann", "clicks-0-0"), ("ann", "clicks-0-1")],
        letters={BAD: 1},
        stored={"ann": b"both"},
        stored_popularity={"shoe": 2.0},
        items={"shoe": "a vector"},
        indexes={"r2": {"shoe": "a vector"}},
        published_stories={"shoe": "a picture"},
        embedded_stories={"shoe": "a picture"},
        lessons={(0, 0): b"first", (0, 1): b"next"},
        learned={b"weights": b"w", b"0000002a": b"shoe"},
        to_be_learned={b"weights": b"w", b"0000002a": b"shoe"},
        learner_topic="interactions",
        stalls=[Stall(CLICKS, 0, 10.0, 9.0, 5.0)],
        stall_limit_s=6.0,
    )


def test_a_clean_run_has_no_differences() -> None:
    assert judge(clean_run()) == []


def second_batch(seen: Evidence) -> Delivery:
    return seen.accounts[1].deliveries[0]


def profile_lost(seen: Evidence) -> None:
    seen.stored = {"ann": None}


def profile_other(seen: Evidence) -> None:
    seen.stored = {"ann": b"only one"}


def counted_twice(seen: Evidence) -> None:
    seen.stored_popularity = {"shoe": 2.0 + 1e-8}


def never_finished(seen: Evidence) -> None:
    batch = second_batch(seen)
    batch.places, batch.outcomes = [ANN_1, BAD], ["duplicate", "dead-lettered"]


def applied_twice(seen: Evidence) -> None:
    first = seen.accounts[0].deliveries[0]
    first.ended, first.outcomes = "", ["applied"]
    second_batch(seen).outcomes = ["applied", "applied", "dead-lettered"]


def nobody_applied(seen: Evidence) -> None:
    seen.accounts[0].deliveries.clear()


def good_one_refused(seen: Evidence) -> None:
    second_batch(seen).outcomes = ["duplicate", "dead-lettered", "dead-lettered"]


def bad_one_applied(seen: Evidence) -> None:
    second_batch(seen).outcomes = ["duplicate", "applied", "applied"]


def refused_and_applied(seen: Evidence) -> None:
    first = seen.accounts[0].deliveries[0]
    first.ended, first.outcomes = "", ["dead-lettered"]


def from_nowhere(seen: Evidence) -> None:
    batch = second_batch(seen)
    batch.places = [ANN_1, ANN_2, BAD, (CLICKS, 0, 99)]
    batch.outcomes = [*batch.outcomes, "applied"]


def no_outcome(seen: Evidence) -> None:
    second_batch(seen).outcomes = ["duplicate", "applied"]


def batch_forgotten(seen: Evidence) -> None:
    seen.accounts[1].deliveries.append(Delivery("r2", [ANN_2], 19.0, CUT_OFF))


def two_batches_cut_off(seen: Evidence) -> None:
    seen.accounts[0].deliveries.append(Delivery("r1", [ANN_2], 10.6, CUT_OFF))


def no_letter(seen: Evidence) -> None:
    seen.letters = {}


def letter_of_a_good_one(seen: Evidence) -> None:
    seen.letters = {BAD: 1, ANN_1: 1}


def letter_copied(seen: Evidence) -> None:
    seen.letters = {BAD: 2}


def list_missing(seen: Evidence) -> None:
    seen.lists = [("ann", "clicks-0-1")]


def list_under_another_key(seen: Evidence) -> None:
    seen.lists = [("bob", "clicks-0-0"), *seen.lists]


def old_list_last(seen: Evidence) -> None:
    seen.lists = [*seen.lists, ("ann", "clicks-0-0")]


def stale_list(seen: Evidence) -> None:
    seen.lists = lists_of("ann", 1, 0, 2)


def stale_item(seen: Evidence) -> None:
    seen.stale_items = ["shoe: 1 after 2, until 3"]


def index_behind(seen: Evidence) -> None:
    seen.indexes = {"r2": {}}


def picture_forgotten(seen: Evidence) -> None:
    seen.embedded_stories = {}


def never_told(seen: Evidence) -> None:
    seen.lessons = {(0, 0): b"first"}


def told_of_no_click(seen: Evidence) -> None:
    seen.lessons = {**seen.lessons, (0, 2): b"bad"}


def told_otherwise(seen: Evidence) -> None:
    seen.lessons = {**seen.lessons, (0, 1): b"first"}


def learned_twice(seen: Evidence) -> None:
    seen.learned = {**seen.learned, b"0000002a": b"shoes"}


def signals_lost(seen: Evidence) -> None:
    seen.learned = {b"weights": b"w"}


def deaf(seen: Evidence) -> None:
    seen.stalls = [Stall(CLICKS, 0, 10.0, 9.0, 7.0)]


def not_drained(seen: Evidence) -> None:
    seen.undrained = ["clicks-0: 2 of 3 are done"]


def not_published(seen: Evidence) -> None:
    seen.unpublished = ["KafkaTimeoutError"]


def stop_late(seen: Evidence) -> None:
    seen.lives[1].late, seen.lives[1].code = True, -9


def stop_cut_short(seen: Evidence) -> None:
    seen.lives[1].code = 75


def died(seen: Evidence) -> None:
    seen.lives[1].ended_by, seen.lives[1].code = "", 70


def orphaned(seen: Evidence) -> None:
    seen.orphans = ["4711: python"]


@pytest.mark.parametrize(
    ("spoil", "what", "whom"),
    [
        (profile_lost, "profiles that differ", "user ann, last click clicks-0@1 (no profile)"),
        (profile_other, "profiles that differ", "user ann"),
        (counted_twice, "popularity that differs", "item shoe"),
        (never_finished, "events never finished", "clicks-0@1"),
        (applied_twice, "events applied twice", "clicks-0@0"),
        (nobody_applied, "taken for duplicates", "clicks-0@0"),
        (good_one_refused, "wrong outcome", "clicks-0@1 is good"),
        (bad_one_applied, "wrong outcome", "clicks-0@2 is bad"),
        (refused_and_applied, "applied and dead-lettered", "clicks-0@0"),
        (from_nowhere, "not in the log", "clicks-0@99"),
        (no_outcome, "without exactly one outcome", "r2 from clicks-0@0"),
        (batch_forgotten, "lost sight of a batch", "r2: 1 batches"),
        (two_batches_cut_off, "lost sight of a batch", "r1: 2 batches"),
        (no_letter, "without a dead letter", "clicks-0@2"),
        (letter_of_a_good_one, "dead letters of good events", "clicks-0@0"),
        (letter_copied, "more dead letters than deliveries", "clicks-0@2: 2 copies of 1"),
        (list_missing, "never published", "clicks-0@0"),
        (list_under_another_key, "follow from no click", "bob: clicks-0-0"),
        (old_list_last, "last list", "user ann: clicks-0-0 after clicks-0-1"),
        (stale_list, "older than one before", "user ann: 0 after 1, until 2"),
        (stale_item, "embeddings older", "shoe: 1 after 2"),
        (index_behind, "items of r2 that differ", "shoe"),
        (picture_forgotten, "another story", "shoe"),
        (never_told, "never told of", "0@1"),
        (told_of_no_click, "follow from no click", "0@2"),
        (told_otherwise, "something else", "0@1"),
        (learned_twice, "signals and weights", "0000002a"),
        (signals_lost, "signals and weights", "0000002a"),
        (deaf, "stood still", "clicks-0 for 7.0 s"),
        (not_drained, "not worked off", "clicks-0"),
        (not_published, "producer", "KafkaTimeoutError"),
        (stop_late, "took too long", "r2: killed 1.0 s after SIGTERM"),
        (stop_cut_short, "not 0", "r2: exit code 75"),
        (died, "ended by themselves", "r2: exit code 70"),
        (orphaned, "left behind", "4711"),
    ],
)
def test_each_kind_of_difference_is_found(
    spoil: Callable[[Evidence], None], what: str, whom: str
) -> None:
    seen = clean_run()
    spoil(seen)
    found = [str(difference) for difference in judge(seen)]
    assert any(what in each and whom in each for each in found), found


def test_what_a_worker_let_go_of_may_have_been_stored() -> None:
    seen = clean_run()
    seen.accounts[0].deliveries[0].ended = LET_GO
    assert judge(seen) == []


def test_an_embedder_may_apply_again_what_came_again() -> None:
    seen = clean_run()
    seen.accounts[2].deliveries.append(Delivery("e1", [PICTURE], 12.0, "", 12.5, ["applied"]))
    assert judge(seen) == []


def test_a_dead_letter_may_be_copied_where_its_event_was_delivered_again() -> None:
    seen = clean_run()
    seen.letters = {BAD: 2}
    seen.accounts[0].deliveries[0].places = [ANN_1, BAD]
    assert judge(seen) == []


def test_before_a_worker_listens_to_sigterm_it_may_die_of_it() -> None:
    seen = clean_run()
    seen.lives.append(Life("r3", "recommender", 4, 0.0, "term", 20.0, 20.1, -15))
    seen.accounts.append(Account("r3", [], listens=False))
    assert judge(seen) == []
    seen.accounts[-1].listens = True
    assert [difference.whom for difference in judge(seen)] == [["r3: exit code -15"]]


def test_a_stall_begins_when_something_waits_and_ends_when_something_is_finished() -> None:
    events = [
        Event((CLICKS, 0, 0), "ann", False, 10.0),
        Event((CLICKS, 0, 1), "ann", False, 50.0),
        Event((CLICKS, 0, 2), "ann", False, 51.0),
    ]
    finished = {(CLICKS, 0, 0): 11.0, (CLICKS, 0, 1): 54.0, (CLICKS, 0, 2): 60.0}
    assert stalls(events, finished) == [
        Stall(CLICKS, 0, 54.0, 6.0, 6.0),
        Stall(CLICKS, 0, 50.0, 4.0, 4.0),
        Stall(CLICKS, 0, 10.0, 1.0, 1.0),
    ]
    outages = [(58.0, 59.0), (55.0, 58.5), (49.0, 51.0)]
    assert stalls(events, finished, outages) == [
        Stall(CLICKS, 0, 50.0, 4.0, 3.0),
        Stall(CLICKS, 0, 54.0, 6.0, 2.0),
        Stall(CLICKS, 0, 10.0, 1.0, 1.0),
    ]


def lists_of(user: str, *offsets: int) -> list[tuple[str, str]]:
    return [(user, f"clicks-0-{offset}") for offset in offsets]


@pytest.mark.parametrize("offsets", [(0, 1, 2), (0, 1, 0, 1, 2), (0, 1, 1, 2), (0, 5, 0, 5)])
def test_lists_published_again_in_their_order_are_not_stale(offsets: tuple[int, ...]) -> None:
    seen = clean_run()
    seen.lists = lists_of("ann", *offsets)
    assert stale_lists(seen) == []


def test_a_list_is_stale_when_an_older_one_stands_until_the_next_click() -> None:
    seen = clean_run()
    seen.lists = lists_of("ann", 0, 1, 0, 2)
    assert stale_lists(seen) == ["user ann: 0 after 1, until 2"]


def at(at_ms: int, record: tuple[bytes, bytes | None]) -> RawRecord:
    return RawRecord("items", 0, at_ms, at_ms, *record)


def view(at_ms: int) -> tuple[bytes, bytes]:
    unit = np.array([1.0, 0.0])
    return embeddings.encode_view(
        item_id="shoe", view="main", model_id="m@1", vector=unit, picture_hash=0, at_ms=at_ms
    )


def test_an_item_is_stale_when_an_older_picture_stands_until_its_next_event() -> None:
    gone = next(iter(embeddings.encode_withdrawal("shoe", 3)))
    again = [at(n, record) for n, record in enumerate([view(1), view(2), view(1), view(2), gone])]
    assert stale_items(again) == []
    stale = [at(n, record) for n, record in enumerate([view(1), view(2), view(1), gone])]
    assert stale_items(stale) == ["shoe: 1 after 2, until 3"]
