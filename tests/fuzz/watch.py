"""The process beside the limited one: ends a case that takes too long, and keeps the account."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.cases import make
from tests.support.processes import die_with_parent, tail
from tests.support.small_models import export_small

WAIT_S = 60.0
"""Most time between a case's start and its end by the clock, also when it only waits."""
DEFAULT_TARGET = "tests.fuzz.target:Target"
_MAKE_S = 300.0
"""The same for starting up, and for making a case: hypothesis takes its time."""


@dataclass
class Account:
    """What became of the cases."""

    cases: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int, str] = (0.0, -1, "")
    """(CPU seconds, number, kind)"""
    peak_bytes: int = 0
    findings: list[tuple[int, str]] = field(default_factory=list)

    def done(self, said: dict[str, Any]) -> None:
        """Add one case that came to its end."""
        number, kind = said["done"], said["kind"]
        self.cases += 1
        self.kinds[kind.partition(", in ")[0]] += 1
        self.ends[said["reason"] or said["outcome"]] += 1
        self.slowest = max(self.slowest, (said["cpu_s"], number, kind))
        self.peak_bytes = max(self.peak_bytes, said["peak_bytes"])
        self.findings += [(number, wrong) for wrong in said["wrong"]]


def run(
    seed: int,
    cases: int,
    *,
    case: Path | None = None,
    target: str = DEFAULT_TARGET,
    wait_s: float = WAIT_S,
    most_findings: int = 20,
    on_progress: Callable[[Account], None] = lambda account: None,
) -> Account:
    """Run the cases 0 to `cases`, or the one in the file `case`, and say what became of them.

    A process that dies, or is ended for taking too long, is a finding; another goes on behind it.
    """
    account, first = Account(), 0
    with tempfile.TemporaryDirectory(prefix="lookstream-fuzz-") as folder:
        export_small(Path(folder))
        while first < cases and len(account.findings) < most_findings:
            running, why, log = -1, "", Path(folder) / f"from-{first}.log"
            command = ["--seed", seed, "--first", first, "--count", cases - first]
            command += ["--models", folder, "--target", target, *(("--case", case) if case else ())]
            for said in _lines([str(word) for word in command], wait_s, log):
                if "make" in said or "start" in said:
                    running = said.get("make", running)
                elif "done" in said:
                    account.done(said)
                    on_progress(account)
                    first, running = said["done"] + 1, -1
                    if len(account.findings) >= most_findings:
                        break
                else:
                    why = said["ended"]
            if first < cases and len(account.findings) < most_findings:
                account.findings.append((max(running, first), f"{why}\n{tail(log)}"))
                if running < 0:  # it did not even start
                    break
                first = running + 1
    return account


def keep(seed: int, number: int, folder: Path) -> Path:
    """Write a case, made again from its number, into a file."""
    path = folder / f"seed-{seed}-case-{number}.json"
    make(seed, number).save(path)
    return path


def _lines(arguments: list[str], wait_s: float, log: Path) -> Iterator[dict[str, Any]]:
    """What the limited process says; at the end {"ended": why} if it did not end well."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "tests.fuzz.limited", *arguments, "--pipe", str(writing)]
    with log.open("ab+") as out, os.fdopen(reading, "rb", buffering=0) as pipe:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=(writing,),
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no other threads hold locks here
        )
        os.close(writing)
        try:
            late = yield from _until_it_ends(pipe, wait_s)
        finally:
            code = _ended(child)
    if late:
        yield {"ended": f"it took more than {wait_s:g} s, and was ended"}
    elif code != 0:
        yield {"ended": f"the process died ({code})"}


def _ended(child: subprocess.Popen[bytes]) -> int:
    """The exit code, a second after its pipe was closed at the latest."""
    try:
        return child.wait(1.0)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _until_it_ends(pipe: Any, wait_s: float) -> Iterator[dict[str, Any]]:
    """Each line as it comes; returns whether one took too long to come."""
    selector = selectors.DefaultSelector()
    selector.register(pipe, selectors.EVENT_READ)
    rest, patience_s = b"", _MAKE_S
    asked_s = time.monotonic()
    while True:
        if not selector.select(max(0.0, asked_s + patience_s - time.monotonic())):
            return True
        some = pipe.read(65536)
        if not some:
            return False
        *lines, rest = (rest + some).split(b"\n")
        for line in lines:
            said = json.loads(line)
            patience_s = wait_s if "start" in said else _MAKE_S
            yield said
        asked_s = time.monotonic()
