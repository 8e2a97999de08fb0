"""What is asked of everything that ranks: lookstream, and what it is compared with.

Users and items are dense numbers of the log at hand (`log.Log` has their ids).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]

NOT_RETRIEVED = -np.inf


class Event(NamedTuple):
    """One row of the log."""

    user: int
    item: int
    kind: str
    """One of core.rules.KINDS."""
    at_s: float
    positive: bool
    """Whether she chose it: worth a click or more (`log.is_positive`)."""
    dwell_s: float | None = None


class Method(Protocol):
    """Ranks items for users, and learns from one event after another, in the order of time.

    A replay calls `arrive` once for each item, before anything else is said of it; `rank` before
    an event is known; `learn` for every event, whatever its kind. Nothing a method is told before
    a `rank` speaks of what comes after.
    """

    @property
    def name(self) -> str:
        """As in the table and the JSON."""
        ...

    def arrive(self, item: int, at_s: float) -> None:
        """From now on the item may be recommended."""
        ...

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        """How good each item is for her: float64 [items], higher is better.

        unseen  bool [items], not to be written into: the items that are known and that she has not
                touched. The others' scores are not looked at.
        NOT_RETRIEVED (or nan) says that the item was not brought up, which counts as not found.
        The array may be the method's own: it is read before the next call, and not kept.
        """
        ...

    def learn(self, event: Event) -> None:
        """What happened."""
        ...
