"""What the demo measures, put together from clicks sent and lists read. No clock of its own.

Click-to-list is the time from handing a click to the producer to having read a list that takes it
into account: the first one of that user whose trigger is the click or a later one of hers. The
broker's acknowledgement and the list may arrive in either order.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from streams.recommendations import RecommendationList

_MOST_WAITING = 10_000


@dataclass(slots=True)
class _User:
    waiting: deque[tuple[int, int, float]] = field(default_factory=deque)
    """Clicks without a list: partition, offset, when sent."""
    newest: dict[int, tuple[int, float]] = field(default_factory=dict)
    """By partition, the newest trigger a list was read for, and when."""


class Tally:
    """Thread-safe: clicks and lists are told by different threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[str, _User] = defaultdict(_User)
        self._times_s: list[float] = []
        self._fits: list[tuple[float, float]] = []
        self._list_ids: set[str] = set()
        self._clicks = 0
        self._repeated = 0

    def click_accepted(self, user_id: str, partition: int, offset: int, sent_at_s: float) -> None:
        """The broker has the click there; it was sent at `sent_at_s` (monotonic)."""
        with self._lock:
            self._clicks += 1
            user = self._users[user_id]
            newest = user.newest.get(partition)
            if newest is not None and newest[0] >= offset:  # the list was here before the ack
                self._times_s.append(newest[1] - sent_at_s)
            elif len(user.waiting) < _MOST_WAITING:
                user.waiting.append((partition, offset, sent_at_s))

    def list_read(
        self, got: RecommendationList, at_s: float, fit: tuple[float, float] | None = None
    ) -> None:
        """A list was read at `at_s` (monotonic). `fit`: her hit rate on it, and a random one's."""
        with self._lock:
            if got.list_id in self._list_ids:
                self._repeated += 1
                return
            self._list_ids.add(got.list_id)
            if fit is not None:
                self._fits.append(fit)
            if got.trigger is None:
                return
            partition, offset = got.trigger.partition, got.trigger.offset
            user = self._users[got.user_id]
            known = user.newest.get(partition)
            if known is None or known[0] < offset:
                user.newest[partition] = (offset, at_s)
            still: deque[tuple[int, int, float]] = deque()
            for click in user.waiting:
                if click[0] == partition and click[1] <= offset:
                    self._times_s.append(at_s - click[2])
                else:
                    still.append(click)
            user.waiting = still

    @property
    def clicks(self) -> int:
        """Clicks the broker has."""
        with self._lock:
            return self._clicks

    @property
    def lists(self) -> int:
        """Lists read, each list id once."""
        with self._lock:
            return len(self._list_ids)

    @property
    def waiting(self) -> int:
        """Clicks that no list has answered yet."""
        with self._lock:
            return sum(len(user.waiting) for user in self._users.values())

    def click_to_list_s(self) -> tuple[float | None, float | None]:
        """Median and 99th percentile; None without any."""
        with self._lock:
            return quantiles(self._times_s)

    def fit(self) -> tuple[float | None, float | None]:
        """Mean taste hit rate over lists, and that of as many random items at the same moments."""
        with self._lock:
            if not self._fits:
                return None, None
            hits, random = np.mean(np.asarray(self._fits), axis=0)
            return float(hits), float(random)


def quantiles(times_s: Sequence[float]) -> tuple[float | None, float | None]:
    """Median and 99th percentile (linear between ranks), None of nothing."""
    if not times_s:
        return None, None
    p50, p99 = np.quantile(np.asarray(times_s), (0.5, 0.99))
    return float(p50), float(p99)
