"""Rows of CSV and JSONL files, with limits. What is wrong with one is said by file, line and field.

A file that begins with "{" is JSONL, another CSV with a header; `.gz` is unpacked as it is read.
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn, cast

from streams.core.rules import KINDS
from streams.errors import EventError, StartRefused
from streams.evaluation.log import Row
from streams.fields import (
    EARLIEST_S,
    LATEST_S,
    EventLimits,
    read_id,
    read_object,
    read_seconds,
    read_time,
)
from streams.text import printable

MOST_LINE_BYTES = 65_536
MOST_ROWS = 20_000_000

_LIMITS = EventLimits()
_FINER = (("milliseconds", 1_000), ("microseconds", 1_000_000), ("nanoseconds", 1_000_000_000))
_BOM = b"\xef\xbb\xbf"


def read_clicks(path: Path) -> list[Row]:
    """The log in `path`: user_id, item_id, and optionally kind, at and dwell_s.

    at       seconds since the epoch or RFC 3339 text; in every row or in none.
    kind     default `click`.
    Raises StartRefused.
    """
    known: dict[str, str] = {}  # an id is kept once, however many rows have it
    rows: list[Row] = []
    for row in _rows(path, needed=("user_id", "item_id")):
        user_id, item_id = row.id("user_id"), row.id("item_id")
        kind, at_s = row.kind(), row.time("at")
        if rows and (at_s is None) != (rows[0].at_s is None):
            row.refuse("some rows have a time in `at` and some have none")
        dwell_s = row.seconds("dwell_s")
        if kind == "dwell" and dwell_s is None:
            row.refuse("a dwell without dwell_s")
        user_id, item_id = known.setdefault(user_id, user_id), known.setdefault(item_id, item_id)
        rows.append(Row(user_id, item_id, kind, at_s, dwell_s))
    if not rows:
        raise StartRefused(f"{_name(path)} holds no events.")
    return rows


def read_since(path: Path) -> dict[str, float]:
    """Item id -> from when it may be recommended, in seconds since the epoch.

    Columns item_id and since; -inf (always) where `since` is empty. Raises StartRefused.
    """
    found: dict[str, float] = {}
    for row in _rows(path, needed=("item_id",)):
        since_s = row.time("since")
        found[row.id("item_id")] = -math.inf if since_s is None else since_s
    return found


def read_split(path: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Pairs (user, item) to learn and to find: columns user, item, part (train or test).

    Raises StartRefused.
    """
    parts: dict[object, list[tuple[str, str]]] = {"train": [], "test": []}
    known: dict[str, str] = {}
    for row in _rows(path, needed=("user", "item", "part")):
        user, item = row.id("user"), row.id("item")
        pair = known.setdefault(user, user), known.setdefault(item, item)
        if row.fields["part"] not in parts:
            row.refuse("part is neither train nor test")
        parts[row.fields["part"]].append(pair)
    if not parts["train"] or not parts["test"]:
        raise StartRefused(f"{_name(path)} needs rows of both parts, train and test.")
    return parts["train"], parts["test"]


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of a file."""

    path: Path
    number: int
    fields: Mapping[str, object]

    def refuse(self, what: str) -> NoReturn:
        _refuse(self.path, self.number, what)

    def id(self, name: str) -> str:
        try:
            return read_id(name, self.fields[name], _LIMITS.max_id_bytes)
        except EventError as error:
            self.refuse(error.detail)

    def kind(self) -> str:
        kind = self._value("kind")
        if kind is None:
            return "click"
        if isinstance(kind, str) and kind.strip().lower() in KINDS:
            return kind.strip().lower()
        self.refuse(f"kind is none of {', '.join(KINDS)}")

    def time(self, name: str) -> float | None:
        value = self._value(name)
        if value is None:
            return None
        number = _number(value)
        if number is None:
            try:
                number = read_time(name, value)
            except EventError as error:
                self.refuse(error.detail)
        if not math.isfinite(number):
            self.refuse(f"{name} is no finite number")
        if not 0.0 <= number < LATEST_S:
            self.refuse(f"{name} is read as seconds, and lies {_where(number)}")
        return number

    def seconds(self, name: str) -> float | None:
        value = self._value(name)
        if value is None:
            return None
        number = _number(value)
        try:
            return read_seconds(name, value if number is None else number, _LIMITS.max_dwell_s)
        except EventError as error:
            self.refuse(error.detail)

    def _value(self, name: str) -> object:
        value = self.fields.get(name)
        return None if value == "" else value


def _where(at_s: float) -> str:
    """Outside which end of what is taken a time lies, and what it may be in truth."""
    if at_s < 0.0:
        return "before 1970"
    for name, factor in _FINER:
        if EARLIEST_S <= at_s / factor < LATEST_S:
            return f"after 2099: these are {name}, divide by {factor:,}"
    return "after 2099"


def _number(value: object) -> float | None:
    """`value` as a number, or None if it is neither one nor the text of one."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def _rows(path: Path, *, needed: tuple[str, ...]) -> Iterator[_Line]:
    try:
        with _open(path) as file:
            for count, row in enumerate(_parsed(path, file, needed)):
                if count == MOST_ROWS:
                    row.refuse(f"more than {MOST_ROWS:,} rows")
                for name in needed:
                    if row.fields.get(name) in (None, ""):
                        row.refuse(f"{name} is missing")
                yield row
    except (OSError, EOFError, zlib.error) as error:
        why = printable(str(getattr(error, "strerror", None) or error), 200)
        raise StartRefused(f"{_name(path)} can't be read: {why}.") from error


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _parsed(path: Path, file: IO[bytes], needed: tuple[str, ...]) -> Iterator[_Line]:
    lines = _lines(path, file)
    first = next(lines, None)
    if first is None:
        return
    if first.lstrip().startswith("{"):
        yield from _jsonl(path, first, lines)
    else:
        yield from _csv(path, first, lines, needed)


def _jsonl(path: Path, first: str, rest: Iterator[str]) -> Iterator[_Line]:
    number, line = 1, first
    while True:
        if line.strip():
            try:
                fields = read_object(line.encode(), MOST_LINE_BYTES)
            except EventError as error:
                _refuse(path, number, error.detail)
            yield _Line(path, number, fields)
        following = next(rest, None)
        if following is None:
            return
        number, line = number + 1, following


def _csv(path: Path, first: str, rest: Iterator[str], needed: tuple[str, ...]) -> Iterator[_Line]:
    names = [name.strip() for name in next(csv.reader([first]), [])]
    if not set(needed) <= set(names):
        columns, said = ", ".join(needed), printable(first.rstrip("\r\n"))
        what = "column" if len(needed) == 1 else "columns"
        _refuse(
            path,
            1,
            f"the header needs the {what} {columns}, separated by commas; it says '{said}'",
        )
    reader = csv.reader(rest, strict=True)
    try:
        for cells in reader:
            if not cells:
                continue
            number = reader.line_num + 1
            if len(cells) != len(names):
                _refuse(path, number, f"{len(cells)} cells under a header of {len(names)}")
            yield _Line(path, number, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        _refuse(path, reader.line_num + 1, printable(str(error), 200))


def _lines(path: Path, file: IO[bytes]) -> Iterator[str]:
    number = 0
    while raw := file.readline(MOST_LINE_BYTES + 1):
        number += 1
        if len(raw) > MOST_LINE_BYTES:
            _refuse(path, number, f"longer than {MOST_LINE_BYTES:,} bytes")
        if number == 1:
            raw = raw.removeprefix(_BOM)
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            _refuse(path, number, "not UTF-8")


def _refuse(path: Path, number: int, what: str) -> NoReturn:
    raise StartRefused(f"{_name(path)}, line {number}: {what}.") from None


def _name(path: Path) -> str:
    return printable(str(path), 300)
