"""Dead letters for people and machines: nothing in them can move a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inference.containers import sniff
from streams.letters import Letter
from streams.recommendations import rfc3339
from streams.text import printable

_SHOWN_BYTES = 2_000


def print_table(found: Sequence[Letter]) -> None:
    """The letters as a table, one a row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("place", "refused", "reason", "origin", "key", "detail"):
        table.add_column(heading, overflow="fold")
    for letter in found:
        what = letter.what
        table.add_row(
            letter.place,
            _when(letter.at_ms),
            Text(printable(what.reason)),
            Text(printable(letter.origin, 300)),
            Text("" if what.key is None else printable(_text(what.key))),
            Text(printable(what.detail, 200)),
        )
    Console().print(table)


def facts(letter: Letter) -> dict[str, object]:
    """For machines. json.dumps escapes all but ASCII."""
    what = letter.what
    return {
        "place": letter.place,
        "refused_at": _when(letter.at_ms),
        "reason": what.reason,
        "detail": what.detail,
        "topic": what.topic,
        "partition": what.partition,
        "offset": what.offset,
        "published_at": _when(what.timestamp),
        "agent": what.agent,
        "key": None if what.key is None else _text(what.key),
        "value_bytes": letter.value_bytes,
    }


def lines(letter: Letter) -> Iterator[str]:
    """All there is to say of one letter; a picture by its kind."""
    what = letter.what
    yield f"refused: {_when(letter.at_ms)} by {printable(what.agent)}"
    yield f"reason: {printable(what.reason)}"
    yield f"detail: {printable(what.detail, 1_000)}"
    yield f"origin: {printable(letter.origin, 400)}, published {_when(what.timestamp)}"
    yield f"key: {_bytes(what.key)}"
    for name, value in what.headers:
        yield f"header {printable(name)}: {_bytes(value)}"
    yield f"value: {_value(what.value)}"


def _when(at_ms: int) -> str:
    try:
        return rfc3339(at_ms / 1000)
    except (ValueError, OverflowError, OSError):
        return f"{at_ms} ms"  # a refused record may claim any time


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _bytes(value: bytes | None) -> str:
    return "none" if value is None else printable(_text(value[:_SHOWN_BYTES]), _SHOWN_BYTES)


def _value(value: bytes | None) -> str:
    if value is None:
        return "null"
    kind = sniff(value)
    size = f"{len(value):,} bytes"
    if kind is not None:
        return f"{kind}, {size} (--out FILE writes it)"
    more = f" ({size})" if len(value) > _SHOWN_BYTES else ""
    return _bytes(value) + more
