"""`lookstream rebuild` against the live recommender, over the same clicks in the same run."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from tests.bench.race import Course


@dataclass(frozen=True)
class Rebuilt:
    """Clicks a second while they were applied, CPU of the whole process, and its peak memory."""

    hz: float
    cpu_us: float
    peak_bytes: int


def rebuild(course: Course) -> Rebuilt:
    """Throw away the profiles of `course`, and restore them."""
    command = [sys.executable, "-m", "streams.cli", "rebuild", "--from-scratch", "--yes"]
    process = subprocess.Popen(
        command,
        cwd=course.folder,
        env=course.own_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watched = psutil.Process(process.pid)
    peak_bytes, cpu_s = 0, 0.0
    while process.poll() is None:
        try:
            peak_bytes = max(peak_bytes, watched.memory_info().rss)
            times = watched.cpu_times()
            cpu_s = times.user + times.system
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    said = process.communicate(timeout=30)[0]
    found = re.search(r"^([\d,]+) clicks applied.*?([\d,]+) a second$", said, re.MULTILINE)
    if process.returncode != 0 or found is None:
        raise AssertionError(f"rebuild ended with {process.returncode}:\n{said}")
    clicks, hz = (int(number.replace(",", "")) for number in found.groups())
    return Rebuilt(hz, cpu_s / clicks * 1e6, peak_bytes)
