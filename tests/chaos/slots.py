"""A slot: one place for a worker, with its links, its snapshots and its clock. Workers come and go.

All that is done to a slot is done in the slot's own thread, one thing after the other; what is done
to different slots overlaps.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.pipes import Copier
from tests.chaos.proxy import Link
from tests.support.ports import free_port
from tests.support.processes import die_with_parent, tail
from tests.support.workers import ROOT

# Beside the worker's own LOOKSTREAM_STOP_TIMEOUT_S: the interpreter ends too, on a busy machine.
STOP_MARGIN_S = 5.0


@dataclass(slots=True)
class Life:
    """One process: from its start to its end. Times in seconds since the epoch.

    ended_by  what the harness did to it: "kill", "term", or "" if it ended by itself.
    late      it did not end in time after SIGTERM, and was killed.
    """

    name: str
    kind: str
    pid: int
    started_s: float
    ended_by: str = ""
    asked_s: float = 0.0
    ended_s: float = 0.0
    code: int | None = None
    late: bool = False


class Slot:
    """Runs one worker after the other, of one kind ("recommender", "embedder")."""

    def __init__(
        self,
        name: str,
        kind: str,
        folder: Path,
        settings: Mapping[str, str],
        *,
        kafka: Link,
        redis: Link,
        copier: Copier,
        sabotage: str | None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.folder = folder
        self.kafka = kafka
        self.redis = redis
        self.snapshots = folder / "snapshots"
        self.lives: list[Life] = []
        self.thread = ThreadPoolExecutor(1, name)
        self.stop_timeout_s = float(settings["LOOKSTREAM_STOP_TIMEOUT_S"])
        self._copier = copier
        self._sabotage = sabotage
        self._clock = folder / "clock"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        folder.mkdir(parents=True)
        self.set_clock(0.0)
        mine = {
            "LOOKSTREAM_KAFKA": f"127.0.0.1:{kafka.port}",
            "LOOKSTREAM_REDIS": f"redis://127.0.0.1:{redis.port}/0",
            "LOOKSTREAM_SNAPSHOT_DIR": str(self.snapshots),
            "LOOKSTREAM_HTTP": f"127.0.0.1:{self._port}",
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LOOKSTREAM_")}
        self._environment = {**inherited, "PYTHONPATH": str(ROOT), **settings, **mine}

    @property
    def pid(self) -> int | None:
        """Of the worker that runs now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ready(self) -> bool:
        """Whether its worker says that it can do its job."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def must_run(self) -> None:
        """Raise, with the end of its log, if its worker has ended."""
        if self.pid is None:
            said = tail(self.log(self.lives[-1])) if self.lives else ""
            raise AssertionError(f"{self.name} does not run:\n{said}")

    def journal(self, life: Life) -> Path:
        """What the worker's own account is in."""
        return self.folder / f"{life.name}.journal"

    def log(self, life: Life) -> Path:
        """What the worker printed."""
        return self.folder / f"{life.name}.log"

    def set_clock(self, wrong_by_s: float) -> None:
        """From now on the worker's wall clock is wrong by so much."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(wrong_by_s))
        fresh.replace(self._clock)

    # what may happen to a worker; in this slot's thread

    def start(self) -> None:
        """Start a worker, if none runs."""
        self.look()
        if self._process is not None:
            return
        name = f"{self.name}-{len(self.lives) + 1:04d}"
        life = Life(name, self.kind, 0, time.time())
        journal = self._copier.pipe_to(self.journal(life))
        out = self._copier.pipe_to(self.log(life))
        sabotage = self._sabotage if self.kind == "recommender" else None
        command = [
            *(sys.executable, "-m", "tests.chaos.worker", self.kind),
            *("--journal", str(journal), "--clock", str(self._clock)),
            *(("--sabotage", sabotage) if sabotage else ()),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=self.folder,
            env=self._environment,
            pass_fds=(journal,),
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it takes no lock
        )
        os.close(journal)
        os.close(out)
        life.pid = self._process.pid
        self.lives.append(life)

    def look(self) -> None:
        """Note the end of a worker that ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            self._ended()

    def kill(self) -> None:
        """SIGKILL."""
        self.look()
        if self._process is None:
            return
        self._asked("kill")
        self._process.kill()
        self._process.wait(30)
        self._ended()

    def terminate(self) -> None:
        """SIGTERM, and wait for its end."""
        self.look()
        if self._process is None:
            return
        life = self._asked("term")
        self._process.terminate()
        try:
            self._process.wait(self.stop_timeout_s + STOP_MARGIN_S)
        except subprocess.TimeoutExpired:
            life.late = True
            self._process.kill()
            self._process.wait(30)
        self._ended()

    def suspend(self) -> None:
        """SIGSTOP."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)

    def _asked(self, how: str) -> Life:
        life = self.lives[-1]
        life.ended_by, life.asked_s = how, time.time()
        return life

    def _ended(self) -> None:
        assert self._process is not None
        life = self.lives[-1]
        life.ended_s, life.code = time.time(), self._process.returncode
        self._process = None
