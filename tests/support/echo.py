"""Starting, watching and ending the echo workers of the delivery tests."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.kafka import Kafka
from tests.support.processes import spawn, tail
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "integration" / "delivery" / "echo_worker.py"


class EchoWorker:
    """One process of tests/integration/delivery/echo_worker.py."""

    def __init__(self, road: EchoRoad, number: int, *options: str) -> None:
        self.log = road.folder / f"worker-{number}.log"
        self.events_file = road.folder / f"worker-{number}.events"
        self.process: subprocess.Popen[bytes] = spawn(
            [
                *(sys.executable, SCRIPT, "--kafka", road.address, "--group", road.group),
                *("--topic", road.topic, "--out", road.out, "--dead-letters", road.dead_letters),
                *("--events", self.events_file),
                *options,
            ],
            log=self.log,
            cwd=road.folder,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
        )

    def events(self) -> list[dict[str, Any]]:
        """All that its observer heard so far."""
        if not self.events_file.exists():
            return []
        lines = self.events_file.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def outcomes(self) -> Counter[str]:
        """Outcome -> how many records."""
        counts: Counter[str] = Counter()
        for event in self.events():
            if "outcome" in event:
                counts[event["outcome"]] += event["count"]
        return counts

    def owns(self) -> list[int]:
        """The partitions of its latest assignment."""
        return next((e["assigned"] for e in reversed(self.events()) if "assigned" in e), [])

    def heard(self, name: str, value: object) -> bool:
        """Whether an event with this name and value was heard."""
        return any(event.get(name) == value for event in self.events())

    def count(self, name: str) -> int:
        """How many events of this name were heard."""
        return sum(name in event for event in self.events())

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def wait_for(self, what: str, condition: Any, deadline_s: float = 30.0) -> None:
        """Until the condition holds; fails at once if the worker ended."""

        def check() -> Any:
            assert self.process.poll() is None, f"the worker ended:\n{tail(self.log)}"
            return condition()

        wait_until(check, deadline_s, what)

    def wait_until_it_owns(self, count: int, deadline_s: float = 30.0) -> None:
        self.wait_for(f"owns {count} partitions", lambda: len(self.owns()) == count, deadline_s)

    def ended(self, deadline_s: float) -> int:
        """Its exit code; fails if it does not end in time."""
        wait_until(lambda: self.process.poll() is not None, deadline_s, "the worker has ended")
        assert self.process.returncode is not None
        return self.process.returncode

    def terminate(self, deadline_s: float = 10.0) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.ended(deadline_s)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def suspend(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@dataclass
class EchoRoad:
    """Topics of one test, and its workers; all end with it."""

    kafka: Kafka
    folder: Path
    prefix: str
    partitions: int = 4
    workers: list[EchoWorker] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def address(self) -> str:
        return self.kafka.address

    @property
    def topic(self) -> str:
        return f"{self.prefix}in"

    @property
    def out(self) -> str:
        return f"{self.prefix}out"

    @property
    def dead_letters(self) -> str:
        return f"{self.prefix}dead"

    @property
    def group(self) -> str:
        return f"{self.prefix}group"

    def __enter__(self) -> EchoRoad:
        self.kafka.create_topic(self.topic, self.partitions, {"max.message.bytes": "2000000"})
        self.kafka.create_topic(self.out, self.partitions)
        self.kafka.create_topic(self.dead_letters, 1, {"max.message.bytes": "3000000"})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
            if error is not None:
                print(f"--- {worker.log.name}\n{tail(worker.log)}")

    def start(self, *options: str) -> EchoWorker:
        worker = EchoWorker(self, next(self._numbers), *options)
        self.workers.append(worker)
        return worker

    def produce(self, first: int, last: int) -> None:
        """Records with the values b"<n>" for first <= n < last, spread over the partitions."""
        self.kafka.produce(self.topic, ((b"k%d" % n, b"%d" % n) for n in range(first, last)))

    def echoed(self) -> Counter[bytes]:
        """Value -> how many times it was echoed."""
        return Counter(record.value for record in self.kafka.read_all(self.out))

    def all_committed(self) -> bool:
        """Whether the group's committed offsets are the topic's ends, where it has records."""
        ends = {n: end for n, end in self.kafka.end_offsets(self.topic).items() if end}
        committed = self.kafka.committed(self.group, self.topic)
        return {n: committed.get(n) for n in ends} == ends
