"""Loggers of the libraries below: what they say in an outage, said once, not ten thousand times."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class OnceInAWhile(logging.Filter):
    """Lets each kind of line (logger, level, template) through once every `every_s` seconds."""

    def __init__(
        self, every_s: float = 30.0, clock: Callable[[], float] = time.monotonic, kinds: int = 1000
    ) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._kinds = kinds
        self._said: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (record.name, record.levelno, str(record.msg))
        now_s = self._clock()
        said_s, left_out = self._said.get(kind, (-self._every_s, 0))
        if now_s - said_s < self._every_s:
            self._said[kind] = (said_s, left_out + 1)
            return False
        if len(self._said) >= self._kinds:
            self._said.clear()
        self._said[kind] = (now_s, 0)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} times more before)"
        return True


_LOUD = (
    "aiokafka",
    "aiokafka.client",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.consumer.subscription_state",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
)


def quiet_loggers() -> None:
    """Faust, mode and aiokafka log warnings and errors only, and aiokafka not again and again.

    Below INFO Faust builds a log record for each message; its INFO is about its own innards.
    """
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Warns that a commit takes longer than the time between two, as it does in every outage.
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    for name in _LOUD:
        quiet = logging.getLogger(name)
        # A filter counts only on the logger it is attached to, not on those below it.
        if not any(isinstance(each, OnceInAWhile) for each in quiet.filters):
            quiet.addFilter(OnceInAWhile())
