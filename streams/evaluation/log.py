"""The log that is replayed: who did what to which item, in the order of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core.rules import KINDS, TasteRules
from streams.evaluation.method import Event

NO_TIMES_START_S = 1_577_836_800.0
"""2020-01-01: a log without times is replayed as one event a second from here on."""

_NO_DWELL = math.nan


def is_positive(kind: str, dwell_s: float | None, rules: TasteRules) -> bool:
    """Whether an event says that she chose the item."""
    return rules.is_like(kind, rules.weight(kind, dwell_s))


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Columns of equal length, by rising time; users and items are numbers into the ids."""

    user_ids: Sequence[str]
    item_ids: Sequence[str]
    users: NDArray[np.int32]
    items: NDArray[np.int32]
    kinds: NDArray[np.int8]
    """Positions in core.rules.KINDS."""
    at_s: NDArray[np.float64]
    positive: NDArray[np.bool_]
    dwell_s: NDArray[np.float64]
    """nan where it says nothing."""
    since_s: NDArray[np.float64]
    """float64 [items]: from when each may be recommended; inf: from its first event on."""
    timed: bool = True
    """False: the log had no times, `at_s` counts its rows."""

    def __len__(self) -> int:
        return len(self.users)

    def events(self) -> Iterator[Event]:
        """The rows, in order."""
        columns = (
            self.users.tolist(),
            self.items.tolist(),
            self.kinds.tolist(),
            self.at_s.tolist(),
            self.positive.tolist(),
            self.dwell_s.tolist(),
        )
        for user, item, kind, at_s, positive, dwell_s in zip(*columns, strict=True):
            yield Event(
                user, item, KINDS[kind], at_s, positive, None if math.isnan(dwell_s) else dwell_s
            )


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it was read. `at_s` is None where the log has no times."""

    user_id: str
    item_id: str
    kind: str
    at_s: float | None
    dwell_s: float | None = None


def make_log(
    rows: Sequence[Row],
    rules: TasteRules,
    *,
    since_s: Mapping[str, float] | None = None,
    more_items: Sequence[str] = (),
) -> Log:
    """A log of `rows`: ordered by time, rows of the same time as they stand.

    since_s     item id -> from when it may be recommended; such items are part of the catalogue
                even if nobody ever touches them.
    more_items  ids of items of which there are pictures: numbered too, known from their first
                event (or `since_s`) on.
    """
    since_s = since_s or {}
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    timed = not rows or rows[0].at_s is not None
    at_s = np.array(
        [NO_TIMES_START_S + n if row.at_s is None else row.at_s for n, row in enumerate(rows)],
        np.float64,
    )
    order = np.argsort(at_s, kind="stable")
    ordered = [rows[n] for n in order.tolist()]
    # First those that the log doesn't begin with: what arrives at one moment arrives in the order
    # of the numbers, and that must not tell which of it will be clicked.
    for item_id in (*since_s, *more_items):
        items.setdefault(item_id, len(items))
    for row in ordered:
        users.setdefault(row.user_id, len(users))
        items.setdefault(row.item_id, len(items))
    number = {kind: n for n, kind in enumerate(KINDS)}
    return Log(
        user_ids=list(users),
        item_ids=list(items),
        users=np.array([users[row.user_id] for row in ordered], np.int32),
        items=np.array([items[row.item_id] for row in ordered], np.int32),
        kinds=np.array([number[row.kind] for row in ordered], np.int8),
        at_s=at_s[order],
        positive=np.array([is_positive(r.kind, r.dwell_s, rules) for r in ordered], np.bool_),
        dwell_s=np.array(
            [_NO_DWELL if r.dwell_s is None else r.dwell_s for r in ordered], np.float64
        ),
        since_s=np.array([since_s.get(item_id, math.inf) for item_id in items], np.float64),
        timed=timed,
    )
