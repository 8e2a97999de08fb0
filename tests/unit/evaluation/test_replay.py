from __future__ import annotations

import math

import numpy as np

from streams.evaluation.log import Row, make_log
from streams.evaluation.method import Event, Mask, Scores
from streams.evaluation.replay import replay
from tests.unit.evaluation.logs import NOT_FOUND, RULES, log_of


class Witness:
    """Ranks items by their number, and writes down everything it is told."""

    name = "witness"

    def __init__(self, items: int) -> None:
        self.told: list[tuple[object, ...]] = []
        self._items = items

    def arrive(self, item: int, at_s: float) -> None:
        self.told.append(("arrive", item, at_s))

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        self.told.append(("rank", user, np.flatnonzero(unseen).tolist()))
        return -np.arange(self._items, dtype=np.float64)

    def learn(self, event: Event) -> None:
        self.told.append(("learn", event.user, event.item))


def test_each_event_is_ranked_before_it_is_learned():
    log = log_of("ann a, bob a")
    witness = Witness(1)
    replay(log, [witness], warm_up=0)
    assert witness.told == [
        ("rank", 0, []),
        ("arrive", 0, 0.0),
        ("learn", 0, 0),
        ("rank", 1, [0]),
        ("learn", 1, 0),
    ]


def test_only_positive_events_on_items_new_to_her_are_ranked():
    log = log_of("ann a:view, ann a, ann b:view, ann c:dislike, bob c, bob c, bob a:hide, bob b")
    done = replay(log, [Witness(3)], warm_up=0)
    assert done.asked.rows.tolist() == [4, 7]


def test_ranks_are_of_the_known_items_that_she_has_not_touched():
    log = log_of("ann a, ann b, ann c, bob b, bob c")
    done = replay(log, [Witness(3)], warm_up=0.6)
    # bob: b is second of a, b, c; then c is second of a and c.
    assert done.courses["witness"].ranks.tolist() == [2, 2]
    assert done.courses["witness"].tops[1, :3].tolist() == [0, 2, -1]


def test_an_item_that_nobody_touched_is_found_only_if_the_log_says_it_was_there():
    plain = replay(log_of("ann a, ann b"), [Witness(2)], warm_up=0)
    assert plain.courses["witness"].ranks.tolist() == [NOT_FOUND, NOT_FOUND]
    dated = log_of("ann a, ann b", since_s={"a": 0.0, "b": 60.0, "never": 1e9})
    assert replay(dated, [Witness(3)], warm_up=0).courses["witness"].ranks.tolist() == [1, 1]


def test_an_item_touched_before_the_time_it_is_said_to_begin_is_known_from_then_on():
    log = log_of("ann a, bob a", since_s={"a": 1e9})
    witness = Witness(1)
    assert replay(log, [witness], warm_up=0).courses["witness"].ranks.tolist() == [NOT_FOUND, 1]
    assert [told for told in witness.told if told[0] == "arrive"] == [("arrive", 0, 0.0)]


def test_what_was_known_before_each_ranked_event_is_noted():
    log = log_of("ann a, bob b:view, bob a, ann b")
    asked = replay(log, [Witness(2)], warm_up=0).asked
    assert asked.rows.tolist() == [0, 2, 3]
    assert asked.user_events.tolist() == [0, 1, 1]
    assert asked.item_events.tolist() == [0, 1, 1]
    assert asked.known.tolist() == [0, 1, 1]
    assert math.isnan(asked.gaps_s[0])
    assert asked.gaps_s[1:].tolist() == [60.0, 180.0]


def test_warm_up_is_a_share_of_the_events_and_every_takes_some_of_the_rest():
    log = log_of(", ".join(f"ann i{n}" for n in range(10)))
    assert replay(log, [Witness(10)], warm_up=0.5).asked.rows.tolist() == [5, 6, 7, 8, 9]
    assert replay(log, [Witness(10)], warm_up=0.5, every=2).asked.rows.tolist() == [5, 7, 9]


def test_rows_are_taken_in_the_order_of_time_and_those_of_one_moment_as_they_stand():
    rows = [Row("ann", item, "like", at_s) for item, at_s in (("c", 9), ("a", 5), ("b", 5))]
    log = make_log(rows, RULES)
    assert [log.item_ids[item] for item in log.items] == ["a", "b", "c"]


def test_progress_is_told_to_the_end():
    heard: list[tuple[int, int]] = []
    replay(
        log_of("ann a, bob b"),
        [Witness(2)],
        hear=lambda done, total: heard.append((done, total)),
    )
    assert heard[-1] == (2, 2)


def test_items_that_arrive_together_do_so_in_an_order_that_tells_nothing_of_the_clicks():
    log = log_of("ann c, bob b", since_s={"a": 0.0, "b": 0.0, "c": 0.0})
    witness = Witness(3)
    replay(log, [witness])
    arrived = [log.item_ids[told[1]] for told in witness.told if told[0] == "arrive"]  # type: ignore[call-overload]
    assert arrived == ["a", "b", "c"]
