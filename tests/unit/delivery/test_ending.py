from __future__ import annotations

import subprocess
import sys

WORKER = """
import logging, threading
from concurrent.futures import ThreadPoolExecutor
from streams.delivery import end_process

logging.basicConfig()
busy = threading.Event()
def decode():
    busy.set()
    threading.Event().wait()
ThreadPoolExecutor(1).submit(decode)
busy.wait()
logging.warning("stopped")
print("said", end="")
end_process(7)
"""


def test_a_stopped_process_waits_for_no_thread_and_loses_no_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WORKER], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 7
    assert ended.stdout == "said"
    assert "stopped" in ended.stderr
