"""The demo's workers: separate processes, as in production, watched from outside."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from streams.local.children import Child, free_port
from streams.local.traffic import Task

# The settings that the demo makes itself, and those that are for somebody else's servers.
_OURS = re.compile(
    r"LOOKSTREAM_((KAFKA|REDIS)(_(TLS|SASL|USERNAME|PASSWORD|FILE).*)?|TOPIC_PREFIX|GROUP_PREFIX"
    r"|HTTP|SNAPSHOT_DIR|MODEL)"
)
_HTTP_TIMEOUT_S = 2.0
LOOKSTREAM = (sys.executable, "-P", "-m", "streams.cli")


class Worker:
    """One `lookstream run …` in a process of its own."""

    def __init__(
        self, kind: str, folder: Path, settings: Mapping[str, str], *, politeness: int = 0
    ) -> None:
        """`settings` by their names without LOOKSTREAM_. `politeness` lowers its CPU priority."""
        self.kind = kind
        self._port = free_port()
        snapshots = folder / f"{kind}-snapshots"
        snapshots.mkdir()
        environment = worker_environment(
            {
                **settings,
                "HTTP": f"127.0.0.1:{self._port}",
                "SNAPSHOT_DIR": str(snapshots),
            }
        )
        nice = ["nice", "-n", str(politeness)] if politeness and shutil.which("nice") else []
        self.child = Child(
            kind,
            [*nice, *worker_command(kind)],
            env=environment,
            log=folder / f"{kind}.log",
            grace_s=12.0,
        )

    def ready(self) -> bool:
        """Whether /readyz says yes."""
        return self._get("/readyz")[0] == 200

    def counts(self) -> Counter[str] | None:
        """Its events by outcome, and `items` in its index, by its own metrics; None if silent."""
        status, page = self._get("/metrics")
        return read_counts(page) if status == 200 else None

    def _get(self, path: str) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_HTTP_TIMEOUT_S)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            link.close()


def worker_command(kind: str) -> list[str]:
    """`lookstream run …` with this very Python, whatever lies in the current folder."""
    return [*LOOKSTREAM, "run", kind]


def worker_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Our environment with these settings, and with none of those that would lead elsewhere."""
    kept = {k: v for k, v in os.environ.items() if not _OURS.fullmatch(k)}
    return kept | {f"LOOKSTREAM_{name}": value for name, value in settings.items()}


def read_counts(page: str) -> Counter[str]:
    """What the demo shows of a worker's /metrics page."""
    counts: Counter[str] = Counter()
    for family in text_string_to_metric_families(page):
        if family.name == "lookstream_events":
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    counts[sample.labels["outcome"]] += int(sample.value)
        elif family.name == "lookstream_reasons_proven":
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    held = sample.labels["held"] == "yes"
                    counts["held" if held else "not held"] += int(sample.value)
        elif family.name == "lookstream_index_items":
            counts["items"] += int(sum(sample.value for sample in family.samples))
    return counts


@dataclass(slots=True)
class Watch:
    """The newest counts of every worker, refreshed twice a second by a thread."""

    workers: Sequence[Worker]
    every_s: float = 0.5
    _counts: dict[str, Counter[str]] = field(default_factory=dict)
    _ready: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _task: Task | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = Task("watch", self._watch)
        self._task.start()

    def halt(self) -> None:
        """End, and wait for that."""
        if self._task is not None:
            self._task.halt()

    def check(self) -> None:
        """Raise ChildFailed when a worker has ended."""
        for worker in self.workers:
            worker.child.check()
        if self._task is not None:
            self._task.check()

    def ready(self) -> bool:
        """Whether every worker has been ready."""
        with self._lock:
            return len(self._ready) == len(self.workers)

    def count(self, kind: str, name: str) -> int:
        """`applied`, `duplicate`, `dead-lettered`, `items`, `held` or `not held` of a kind."""
        with self._lock:
            return self._counts.get(kind, Counter())[name]

    def look(self) -> None:
        """Ask every worker once."""
        for worker in self.workers:
            counts = worker.counts()
            ready = worker.kind in self._ready or worker.ready()
            with self._lock:
                if counts is not None:
                    self._counts[worker.kind] = counts
                if ready:
                    self._ready.add(worker.kind)

    def _watch(self) -> None:
        task = self._task
        while task is not None and not task.halted:
            self.look()
            task.pause(self.every_s)
