"""Worker processes for tests: started as an operator would, by `lookstream run`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import end, spawn, tail
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """One `lookstream run NAME`, with its log and its health page."""

    def __init__(self, name: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.name = name
        self.port = free_port()
        self.log = folder / f"{name}-{self.port}.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOOKSTREAM_")}
        environment |= {
            "LOOKSTREAM_HTTP": f"127.0.0.1:{self.port}",
            "LOOKSTREAM_SNAPSHOT_DIR": str(folder / "snapshots"),
            "LOOKSTREAM_MODELS_DIR": str(ROOT / "exported_models"),
            **settings,
        }
        self.process: subprocess.Popen[bytes] = spawn(
            [sys.executable, "-m", "streams.cli", "run", name],
            log=self.log,
            cwd=folder,
            env=environment,
        )

    def wait_ready(self, deadline_s: float = 60.0) -> WorkerProcess:
        """Until /readyz says yes; fails with the end of the log if the process ends first."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"{self.name} ended with {self.process.returncode}:\n{tail(self.log)}"
                )
            return self.get("/readyz")[0] == 200

        wait_until(ready, deadline_s, f"{self.name} is ready")
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page; (0, "") while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def readiness(self) -> dict[str, object]:
        """What /readyz says."""
        said = json.loads(self.get("/readyz")[1])
        assert isinstance(said, dict)
        return said

    def count(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            name = line.split("{")[0].split(" ")[0]
            if name == metric and all(label in line for label in wanted):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def stop(self, deadline_s: float = 15.0) -> int:
        """SIGTERM; its exit code."""
        return end(self.process, graceful_s=deadline_s)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)
