"""A small worker for the delivery tests: echoes each record, with faults on request.

It uses the public API of `streams.delivery` only. What it does follows from a record's value:

    bug           raises
    block         blocks the event loop for an hour
    block:N       blocks it for N seconds, and then is echoed like anything else
    poison…       is refused
    huge:N        sends N bytes
    anything else is sent to the output topic, with headers that say where it came from

While the file `--gate` exists, its "store" is down. While `--hold` exists, it hangs in its batch,
between its store and what it publishes.
What its observer hears is appended to the file `--events`, one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from streams.delivery import Batch, NoObserver, agent, make_app, run
from streams.errors import DependencyDown, Reason
from streams.records import Record
from tests.support.waiting import wait_until_async


class Journal(NoObserver):
    """Appends what it hears to a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def say(self, **facts: object) -> None:
        self._file.write(json.dumps(facts) + "\n")

    def outcome(self, agent: str, outcome: str, reason: Reason | None, count: int) -> None:
        self.say(outcome=outcome, reason=reason, count=count)

    def batch(self, agent: str, size: int, seconds: float) -> None:
        self.say(batch=size)

    def dependency_down(self, dependency: str, detail: str) -> None:
        self.say(down=dependency)

    def dependency_up(self, dependency: str) -> None:
        self.say(up=dependency)

    def assigned(self, topic: str, partitions: Iterable[int]) -> None:
        self.say(assigned=sorted(partitions))

    def progress(self, topic: str, partition: int, position: int, end: int) -> None:
        self.say(partition=partition, position=position, end=end)


class Echo:
    def __init__(self, options: argparse.Namespace, journal: Journal) -> None:
        self._options = options
        self._journal = journal

    async def start(self) -> None:
        self._journal.say(started=True)

    async def handle(self, batch: Batch) -> None:
        await batch.attempt("store", self._store)
        if self._options.hold:
            self._journal.say(holding=len(batch.records))
            # No `batch.attempt` here: a handler that does not listen.
            await wait_until_async(
                lambda: not self._options.hold.exists(), 600.0, "the batch is let go"
            )
        for record in batch.records:
            self._one(batch, record)
        self._journal.say(publishing=len(batch.records))

    async def _store(self) -> None:
        if self._options.gate and self._options.gate.exists():
            raise DependencyDown("store", "the gate is shut")

    def _one(self, batch: Batch, record: Record) -> None:
        value = record.value or b""
        if value == b"bug":
            raise RuntimeError(f"what must not be logged: {record.key!r}")
        if value.startswith(b"block") and not self._options.never_block:
            seconds = float(value[6:] or 3600)
            self._journal.say(blocking=seconds)
            threading.Event().wait(seconds)
        if value.startswith(b"poison"):
            batch.dead_letter(record, Reason.BAD_JSON, "poison \x1b[31m")
            return
        if value.startswith(b"huge:"):
            value = b"x" * int(value[5:])
        came_from = f"{record.partition}:{record.offset}".encode()
        batch.send(
            self._options.out,
            key=record.key,
            value=value,
            headers=[("from", came_from)],
            source=record,
        )
        batch.applied(record)


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("kafka", "group", "topic", "out", "dead-letters"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--gate", type=Path)
    parser.add_argument("--hold", type=Path)
    parser.add_argument("--never-block", action="store_true")
    parser.add_argument("--read-committed", action="store_true")
    parser.add_argument("--not-idempotent", action="store_true")
    parser.add_argument("--max-events", type=int, default=256)
    parser.add_argument("--stop-timeout-s", type=float, default=10.0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    app = make_app(
        "echo",
        kafka=options.kafka,
        group=options.group,
        session_timeout_s=3.0,
        fetch_max_wait_ms=200,
        read_committed=options.read_committed,
        idempotent=not options.not_idempotent,
    )
    journal = Journal(options.events)
    echo = Echo(options, journal)
    agent(
        app,
        topic=options.topic,
        handler=echo.handle,
        dead_letters=options.dead_letters,
        max_events=options.max_events,
        observer=journal,
    )
    return run(app, on_start=echo.start, stop_timeout_s=options.stop_timeout_s)


if __name__ == "__main__":
    sys.exit(main())
