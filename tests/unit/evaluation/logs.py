"""Tiny logs, written as one would say them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from streams.core.rules import TasteRules
from streams.evaluation.log import Log, Row, make_log
from streams.evaluation.method import Event

RULES = TasteRules()


def log_of(story: str, *, since_s: Mapping[str, float] | None = None, timed: bool = True) -> Log:
    """A log of "user item[:kind]" events, a minute apart, from second 0 on."""
    rows = []
    for number, words in enumerate(story.split(",")):
        user, thing = words.split()
        item, _, kind = thing.partition(":")
        at_s = 60.0 * number if timed else None
        rows.append(Row(user, item, kind or "like", at_s))
    return make_log(rows, RULES, since_s=since_s)


def teach(method: object, log: Log) -> None:
    """Every event of the log, learned."""
    for event in log.events():
        method.learn(event)  # type: ignore[attr-defined]


def like(user: int, item: int) -> Event:
    return Event(user, item, "like", 0.0, True)


NOT_FOUND = math.inf
