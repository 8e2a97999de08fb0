"""The end of the process on a bug: the only safe answer, since the events then come again.

Faust would log the exception, count the event as done and go on.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable

logger = logging.getLogger(__name__)

EXIT_BUG = 70


def _exit(code: int) -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Bugs:
    """Logs a bug, and ends the process by `end` (os._exit: nothing may catch it)."""

    def __init__(self, end: Callable[[int], None] = _exit) -> None:
        self._end = end

    def found(self, where: str, bug: BaseException) -> None:
        """Say where it happened, and end. The exception's text is left out: it may hold payload."""
        logger.critical(
            "%s: bug (%s), ending the process; its records come again.\n%s",
            where,
            type(bug).__name__,
            without_payload(bug),
        )
        self._end(EXIT_BUG)


def without_payload(bug: BaseException) -> str:
    """A traceback of files, lines and exception types, with its causes, without their texts.

    The text of our own exceptions is shown: it holds none by the rules of the house.
    """
    parts: list[str] = []
    seen: set[int] = set()
    error: BaseException | None = bug
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
        kind = type(error)
        ours = kind.__module__.split(".")[0] in {"streams", "inference"}
        text = f": {error}" if ours else ""
        parts.append(f"{frames}{kind.__module__}.{kind.__qualname__}{text}")
        error = error.__cause__ or error.__context__
    return "\ncaused by\n".join(parts)
