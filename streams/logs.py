"""Logs for operators: one line an event that matters, to stderr, as key=value text or JSON.

Whatever came from outside is escaped, so that no log line can forge another one or move a
terminal. Secrets the process knows of are blotted out wherever they turn up. What other libraries
say is kept at warning and above, and one that repeats itself is counted instead of written.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from streams.text import printable

_LONGEST_MESSAGE = 2_000
_LONGEST_VALUE = 500
_OURS = ("streams", "inference")
# A library that loses its broker says so many times a second.
_REPEAT_EVERY_S = 10.0
_REPEATS_KEPT = 500
# What these say is about our code, not about somebody's data.
_SPEAKING_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    NameError,
    OSError,
    TypeError,
)


def configure(
    *,
    level: Literal["debug", "info", "warning", "error"] = "info",
    style: Literal["text", "json"] = "text",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every log of this process to `stream` (default: stderr), in our form.

    secrets  texts that must not be shown, such as a password; short ones too.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    hidden = tuple(secret for secret in secrets if secret)
    handler.setFormatter(JsonLines(hidden) if style == "json" else KeyValues(hidden))
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(capture=True)


def fields(**values: object) -> dict[str, Any]:
    """Facts beside a message: `log.info("caught up", extra=fields(items=3, seconds=0.2))`."""
    return {"fields": values}


class Repeats(logging.Filter):
    """Lets a foreign line pass once every `every_s`; the next one says how many were left out."""

    def __init__(
        self, every_s: float = _REPEAT_EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._every_s = every_s
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if record.name.partition(".")[0] in _OURS:
            return True
        key = (record.name, str(record.msg)[:200])
        now_s = self._clock()
        said_s, left_out = self._said.get(key, (-self._every_s, 0))
        if now_s - said_s < self._every_s:
            self._said[key] = (said_s, left_out + 1)
            return False
        if left_out:
            record.fields = {**getattr(record, "fields", {}), "left_out": left_out}
        if len(self._said) >= _REPEATS_KEPT:
            self._said.clear()
        self._said[key] = (now_s, 0)
        return True


class _Formatter(logging.Formatter):
    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self.line(list(self._pairs(record)))

    def line(self, pairs: list[tuple[str, object]]) -> str:
        raise NotImplementedError

    def _pairs(self, record: logging.LogRecord) -> Iterator[tuple[str, object]]:
        at = datetime.fromtimestamp(record.created, UTC)
        yield "time", at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield "level", record.levelname.lower()
        yield "logger", record.name
        yield "message", self._safe(record.getMessage(), _LONGEST_MESSAGE)
        for name, value in getattr(record, "fields", {}).items():
            number = isinstance(value, bool | int | float) or value is None
            yield name, value if number else self._safe(str(value), _LONGEST_VALUE)
        if record.exc_info and record.exc_info[1] is not None:
            yield "exception", self._safe(describe(record.exc_info[1]), 20 * _LONGEST_VALUE)

    def _safe(self, text: str, limit: int) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return printable(text, limit)


class JsonLines(_Formatter):
    """One JSON object a line."""

    def line(self, pairs: list[tuple[str, object]]) -> str:
        """Names and values as JSON; anything but ASCII is escaped."""
        return json.dumps(dict(pairs))


class KeyValues(_Formatter):
    """`key=value` pairs in one line, quoted where they hold spaces, quotes or an equals sign."""

    def line(self, pairs: list[tuple[str, object]]) -> str:
        """Names and values, in order."""
        return " ".join(f"{name}={_quoted(value)}" for name, value in pairs)


def _quoted(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    if text and not any(c in text for c in ' "='):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def describe(error: BaseException, depth: int = 4) -> str:
    """Where an exception came from, in one line, without data that may lie in its message.

    The messages of our own errors and of those that speak of code are kept. A ValueError of a
    parser may quote what it parsed, so of others only the type is told.
    """
    frames = " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
    ours = type(error).__module__.partition(".")[0] in _OURS
    said = f": {error}" if ours or isinstance(error, _SPEAKING_ERRORS) else ""
    cause = error.__cause__ or error.__context__
    because = f" because of {describe(cause, depth - 1)}" if cause is not None and depth else ""
    return f"{type(error).__name__}{said} at {frames or '?'}{because}"
