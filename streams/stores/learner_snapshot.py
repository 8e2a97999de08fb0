"""What a learner has learned, on disk: one file for each topic of interactions.

It holds the offset up to which it goes, so the next start reads only the rest of the log. Without
it, or if it doesn't fit, all is learned again from the records that the log still holds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from streams.core.learning.course import Course, course_of
from streams.core.learning.learner import Learner
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.core.learning.state import StateRefused, fingerprint
from streams.stores.array_file import Abandoned, ArrayFileRefused, read_arrays, write_arrays
from streams.stores.threads import in_thread

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """One snapshot that was written."""

    size_bytes: int
    took_s: float


class LearnerSnapshot:
    """Keeps a course's snapshot in a folder of its own within `directory`.

    One that can't be written costs the next start some time and nothing now: it is said in the
    log, no more.
    """

    def __init__(
        self,
        directory: Path,
        topic: str,
        rules: LearningRules,
        schedule: Schedule,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._schedule = schedule
        self._topic = topic
        self._clock = clock
        self.path = directory / f"{topic}-learned" / "learner.bin"
        self._abandon = Event()
        self._saved_offset = -1

    def new(self) -> Course:
        """A course at the beginning of the log."""
        return Course(Learner(self._rules), self._schedule)

    async def load(self) -> Course:
        """The course of the snapshot, or a new one; in a thread. What is refused is said."""
        return await in_thread(self._load)

    async def save(self, course: Course) -> Written | None:
        """Write it, unless nothing has come since the last time; in a thread.

        Nobody may learn meanwhile: the arrays are the learner's own.
        """
        if course.offset == self._saved_offset:
            return None
        offset, started_s = course.offset, self._clock()
        meta = {"fingerprint": fingerprint(self._rules), "topic": self._topic}
        try:
            await in_thread(self.path.parent.mkdir, parents=True, exist_ok=True)
            arrays = course.state()
            size_bytes = await in_thread(write_arrays, self.path, meta, arrays, self._abandon)
        except OSError as error:
            _log.error("no snapshot could be written to %s: %s", self.path, error.strerror)
            return None
        except Abandoned:
            _log.warning("no time for a last snapshot; the one before it still holds")
            return None
        self._saved_offset = offset
        return Written(size_bytes, self._clock() - started_s)

    async def save_last(self, course: Course, within_s: float) -> None:
        """Write it if that can be done within `within_s`, while a worker stops."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(within_s, self._abandon.set)
        try:
            await self.save(course)
        finally:
            timer.cancel()

    def set_aside(self) -> None:
        """The snapshot is of another log: have the next start learn from this one's beginning."""
        self.path.replace(self.path.with_suffix(".of-another-log"))

    def _load(self) -> Course:
        try:
            found = read_arrays(self.path)
            if found is None:
                _log.info("there is no snapshot at %s: learning from the beginning", self.path)
                return self.new()
            meta, arrays = found
            for what, wanted in (
                ("rules", fingerprint(self._rules)),
                ("topic", self._topic),
            ):
                if meta.get("fingerprint" if what == "rules" else what) != wanted:
                    raise ArrayFileRefused(f"it was learned by other {what}")
            course = course_of(arrays, self._rules, self._schedule)
        except (ArrayFileRefused, StateRefused) as refused:
            _log.warning(
                "the snapshot at %s is not used: %s. Learning again from the beginning of the log",
                self.path,
                refused,
            )
            return self.new()
        self._saved_offset = course.offset
        _log.info("a snapshot of %d items, to offset %d", course.learner.size, course.offset)
        return course
