"""Whether a worker is ready for work, and whether it is alive.

Ready: every named condition holds. A worker that isn't says which one doesn't, and why.
Alive: every partition it holds moves, or stands at its end. 'The process is up' is not enough: a
consumer can be up and deaf.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

log = logging.getLogger(__name__)


class Readiness:
    """Named conditions, each met or not met for a reason. Not ready until all have been met."""

    def __init__(
        self, conditions: Iterable[str], on_change: Callable[[bool], None] = lambda ready: None
    ) -> None:
        self._unmet = dict.fromkeys(conditions, "starting")
        self._conditions = set(self._unmet)
        self._on_change = on_change

    @property
    def ready(self) -> bool:
        return not self._unmet

    @property
    def reasons(self) -> dict[str, str]:
        """What is not met, and why; empty when ready."""
        return dict(self._unmet)

    @property
    def conditions(self) -> set[str]:
        return set(self._conditions)

    def met(self, condition: str) -> None:
        """The condition holds now."""
        was_ready = self.ready
        self._conditions.add(condition)
        self._unmet.pop(condition, None)
        self._tell(was_ready)

    def unmet(self, condition: str, why: str) -> None:
        """The condition doesn't hold now."""
        was_ready = self.ready
        self._conditions.add(condition)
        self._unmet[condition] = why
        self._tell(was_ready)

    def _tell(self, was_ready: bool) -> None:
        if self.ready == was_ready:
            return
        if self.ready:
            log.info("ready")
        else:
            log.warning("not ready: %s", "; ".join(f"{k}: {why}" for k, why in self._unmet.items()))
        self._on_change(self.ready)


@dataclass(slots=True)
class _Partition:
    position: int = -1
    end: int = -1
    heard_s: float = 0.0
    moved_s: float = 0.0


class Progress:
    """Watches the partitions a worker holds. `clock` is monotonic, in seconds.

    While a dependency is down nothing can move and nobody is to blame: time stands still. A
    restart would not help, and would cost a rebalance.
    """

    def __init__(self, stall_timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._stall_timeout_s = stall_timeout_s
        self._clock = clock
        self._topics: dict[str, dict[int, _Partition]] = {}
        self._down: set[str] = set()

    def assigned(self, topic: str, partitions: Iterable[int]) -> None:
        """These partitions of `topic`, and no others, are ours now. Kept ones keep their past."""
        now_s = self._clock()
        old = self._topics.get(topic, {})
        self._topics[topic] = {
            number: old.get(number) or _Partition(heard_s=now_s, moved_s=now_s)
            for number in partitions
        }

    def position(self, topic: str, partition: int, position: int, end: int) -> None:
        """Everything below offset `position` is finished; the partition ends at `end`."""
        state = self._topics.get(topic, {}).get(partition)
        if state is None:
            return
        state.heard_s = self._clock()
        if position != state.position or position >= end:
            state.moved_s = state.heard_s
        state.position = position
        state.end = end

    def positions(self, topic: str) -> dict[int, int]:
        """Partition of ours -> the offset below which all is finished, where that was heard."""
        states = self._topics.get(topic, {})
        return {number: state.position for number, state in states.items() if state.position >= 0}

    def dependency_down(self, dependency: str) -> None:
        """Nothing is expected to move from now on."""
        self._down.add(dependency)

    def dependency_up(self, dependency: str) -> None:
        """Partitions have the whole time-out again to move in."""
        if dependency in self._down:
            self._down.discard(dependency)
            self._forgive()

    def problems(self) -> list[str]:
        """A sentence for each partition that stands still without an excuse; empty: alive."""
        if self._down:
            return []
        now_s = self._clock()
        return [
            problem
            for topic, states in sorted(self._topics.items())
            for number, state in sorted(states.items())
            if (problem := self._problem(f"{topic}-{number}", state, now_s))
        ]

    def _problem(self, name: str, state: _Partition, now_s: float) -> str | None:
        silent_s, still_s = now_s - state.heard_s, now_s - state.moved_s
        if silent_s > self._stall_timeout_s:
            return f"{name}: nothing heard of it for {silent_s:.0f} s"
        if still_s > self._stall_timeout_s:
            return (
                f"{name}: stands at offset {state.position} for {still_s:.0f} s, "
                f"{state.end - state.position} before the end"
            )
        return None

    def _forgive(self) -> None:
        now_s = self._clock()
        for states in self._topics.values():
            for state in states.values():
                state.heard_s = state.moved_s = now_s
