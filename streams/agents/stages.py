"""How long each stage of an agent's work takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stages:
    """Times stages with a monotonic clock and hands (stage, seconds) to `observe`."""

    def __init__(
        self,
        observe: Callable[[str, float], None] = lambda stage, seconds: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._observe = observe
        self._clock = clock

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Time one stage, also when it fails."""
        start_s = self._clock()
        try:
            yield
        finally:
            self._observe(stage, self._clock() - start_s)
