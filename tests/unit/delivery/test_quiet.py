from __future__ import annotations

import logging

from streams.delivery.quiet import OnceInAWhile, quiet_loggers
from tests.unit.delivery.conftest import Clock


def line(message: str, *args: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", level, "x.py", 1, message, args, None)


def test_a_line_is_said_once_in_a_while_with_the_count_of_those_left_out(clock: Clock) -> None:
    quiet = OnceInAWhile(every_s=30, clock=clock)
    assert quiet.filter(line("node %s is gone", 1))
    assert not any(quiet.filter(line("node %s is gone", n)) for n in range(5000))
    clock.now_s += 31
    again = line("node %s is gone", 7)
    assert quiet.filter(again)
    assert again.getMessage() == "node 7 is gone (and 5000 times more before)"


def test_other_lines_are_said(clock: Clock) -> None:
    quiet = OnceInAWhile(clock=clock)
    assert quiet.filter(line("a"))
    assert quiet.filter(line("b"))
    assert quiet.filter(line("a", level=logging.ERROR))


def test_memory_is_bounded(clock: Clock) -> None:
    quiet = OnceInAWhile(clock=clock, kinds=10)
    for n in range(1000):
        quiet.filter(line(f"kind {n}"))
    assert len(quiet._said) <= 10


def test_the_libraries_below_are_quiet_and_ours_is_not() -> None:
    quiet_loggers()
    quiet_loggers()
    for name in ("faust", "mode", "aiokafka", "aiokafka.producer.sender"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    fetcher = logging.getLogger("aiokafka.consumer.fetcher")
    assert sum(isinstance(each, OnceInAWhile) for each in fetcher.filters) == 1
    assert not logging.getLogger("streams.delivery").filters
