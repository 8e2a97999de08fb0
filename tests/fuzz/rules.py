"""What must hold after each case."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from streams.commands import listing
from streams.delivery import Batch
from streams.delivery.batch import DEAD_LETTERED, Message
from streams.errors import REASONS, Reason
from streams.recommendations import parse_list
from streams.records import RawRecord
from tests.fuzz.case import MARK, NOW_MS
from tests.fuzz.target import LISTS, Target

MEMORY_BYTES = 800_000_000
"""Most that the process may hold at a case (resident), interpreter and model included."""
DATA_BYTES = 1_300_000_000
"""Most that it may ask for: the kernel's limit, RLIMIT_DATA."""
CPU_S = 4.0
"""Most CPU time of one case, all threads together. What waits is ended by watch.py."""

# A terminal acts on C0 but for the end of a line, on DEL, and on C1, also as UTF-8.
_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]")
_TOO_MUCH = "%s %.1f %s, %.1f are allowed"


class Output:
    """What the process has written to stdout and stderr, which are one file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read = os.fstat(descriptor).st_size

    def wrong(self) -> list[str]:
        """What is wrong with what was written since the last call."""
        size = os.fstat(self._descriptor).st_size
        if size == self._read:
            return []
        said = os.pread(self._descriptor, size - self._read, self._read)
        self._read = size
        return leaks("what it wrote to the terminal", said)


def leaks(where: str, said: bytes) -> list[str]:
    """Whether text for people holds a payload, or what a terminal would act on."""
    wrong = []
    if MARK.encode() in said:
        wrong.append(f"{where} holds the payload: {said[:300]!r}")
    if found := _CONTROL.search(said):
        wrong.append(f"{where} holds {found[0]!r}: {said[:300]!r}")
    return wrong


class Spent:
    """CPU time since it was made."""

    def __init__(self) -> None:
        self._start_s = time.process_time()

    @property
    def cpu_s(self) -> float:
        return time.process_time() - self._start_s

    def wrong(self) -> list[str]:
        return (
            [_TOO_MUCH % ("it took", self.cpu_s, "s of CPU", CPU_S)] if self.cpu_s > CPU_S else []
        )


def forget_peak() -> None:
    """Have `peak_bytes` count from here: what making a case took is not the agent's."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Most memory that this process held since `forget_peak`, all of it counted."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def memory_wrong(target: Target) -> list[str]:
    """Whether memory went beyond its bound, or to the limit."""
    wrong = []
    if peak_bytes() > MEMORY_BYTES:
        wrong.append(_TOO_MUCH % ("it held", peak_bytes() / 1e6, "MB", MEMORY_BYTES / 1e6))
    if target.encoder.out_of_memory:
        target.encoder.out_of_memory = 0
        wrong.append(f"a decoder asked for more than there is ({DATA_BYTES / 1e6:.0f} MB)")
    return wrong


def outcome_wrong(
    batch: Batch, letters: Sequence[Message], record: RawRecord, neighbour: RawRecord
) -> list[str]:
    """One documented outcome; the dead letter is whole; whoever came beside it is served."""
    wrong = []
    if batch.outcome(neighbour) not in ("applied", "duplicate"):
        wrong.append(f"the record beside it is {batch.outcome(neighbour)}")
    if batch.outcome(record) not in ("applied", "duplicate", DEAD_LETTERED):
        wrong.append(f"its outcome is {batch.outcome(record)}")
    for refusal, letter in zip(batch.refusals, letters, strict=True):
        if refusal.record is record:
            wrong += _letter_wrong(letter, record, refusal.reason, refusal.detail)
    return wrong


def _letter_wrong(letter: Message, record: RawRecord, reason: Reason, detail: str) -> list[str]:
    wrong = leaks("the detail", detail.encode("utf-8", "surrogatepass"))
    if reason not in REASONS:
        wrong.append(f"{reason} is no documented reason")
    if not detail.isprintable() or len(detail) > 500:
        wrong.append(f"the detail is no short printable sentence: {detail[:300]!r}")
    whole = (letter.key, letter.value) == (record.key, record.value)
    if not whole or list(letter.headers[: len(record.headers)]) != list(record.headers):
        wrong.append("the dead letter does not hold what came in")
    return wrong


def shown_wrong(sends: Sequence[Message]) -> list[str]:
    """Whether `lookstream list` could show one of the lists without moving a terminal."""
    wrong = []
    for sent in sends:
        if sent.topic == LISTS and sent.value is not None:
            screen = io.StringIO()
            listing._print(parse_list(sent.value), Console(file=screen, width=200), NOW_MS / 1000)
            text = screen.getvalue().encode("utf-8", "surrogatepass").replace(MARK.encode(), b"")
            wrong += leaks("what `lookstream list` shows", text)
    return wrong
