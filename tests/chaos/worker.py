"""What the harness starts instead of `lookstream run`: the same worker, watched from inside.

The worker's own code is untouched. Around it: every batch is told to a journal, the wall clock
follows a file, and a switch of sabotage may break a promise, so that the judge can be seen to
notice.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos import sabotage

_true_time = time.time
_LOOK_EVERY_S = 0.2


def main() -> None:
    """Prepare the process, then run the worker as its command line would."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("--journal", type=int, required=True, help="an open file descriptor")
    parser.add_argument("--clock", type=Path, required=True, help="seconds the clock is wrong by")
    parser.add_argument("--sabotage", choices=sabotage.SWITCHES)
    given = parser.parse_args()
    time.time = wrong_clock(given.clock)
    journal = Journal(given.journal)
    journal.note_signals()
    if given.sabotage:
        sabotage.SWITCHES[given.sabotage]()
    journal.note_batches()
    sys.argv = ["lookstream", "run", given.kind]

    from streams.cli import main as lookstream  # noqa: PLC0415 - after the clock is set

    lookstream()


class Journal:
    """Lines of JSON, each written whole at once: what is written survives a kill -9.

    {"e": "signals"}                                       SIGTERM is listened to from now on
    {"e": "begin", "b": batch, "topic": …, "r": [[partition, offset], …]}
    {"e": "end", "b": batch, "o": [outcome, …]}            published, and about to be committed
    {"e": "let-go", "b": batch}                            unfinished; its records come again

    "t" is the true time, in seconds since the epoch, whatever the worker's clock says.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._numbers = itertools.count(1)

    def write(self, event: str, **facts: object) -> None:
        """One line."""
        line = json.dumps({"t": round(_true_time(), 4), "e": event, **facts})
        os.write(self._descriptor, line.encode() + b"\n")

    def note_signals(self) -> None:
        """Tell when the worker begins to listen to SIGTERM."""
        listen = signal.signal

        def listening(number: int, handler: Any) -> Any:
            before = listen(number, handler)
            if number == signal.SIGTERM and callable(handler):
                self.write("signals")
            return before

        signal.signal = listening

    def note_batches(self) -> None:
        """Tell of every batch: when the handler gets it, and how it ends."""
        from streams.delivery.lane import Lane  # noqa: PLC0415 - after the clock is set

        work: Callable[..., Any] = Lane._work

        async def watched(lane: Any, batch: Any, *rest: Any) -> None:
            number = next(self._numbers)
            places = [[record.partition, record.offset] for record in batch.records]
            self.write("begin", b=number, topic=lane.spec.topic, r=places)
            try:
                await work(lane, batch, *rest)
            except BaseException:
                # BatchClosing, or the end of the lane with its batch in flight.
                self.write("let-go", b=number)
                raise
            self.write("end", b=number, o=[batch.outcome(record) for record in batch.records])

        Lane._work = watched  # type: ignore[method-assign]


def wrong_clock(file: Path) -> Callable[[], float]:
    """`time.time`, wrong by the seconds that stand in `file`, which may change at any moment."""
    offset_s = looked_at_s = 0.0

    def now() -> float:
        nonlocal offset_s, looked_at_s
        moment_s = time.monotonic()
        if moment_s - looked_at_s > _LOOK_EVERY_S:
            looked_at_s = moment_s
            offset_s = float(file.read_text())
        return _true_time() + offset_s

    return now


if __name__ == "__main__":
    main()
