"""One case: a record as a stranger would publish it, and what it was meant to try."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.records import RawRecord

IMAGES, CLICKS = "images", "clicks"
NOW_MS = 1_800_000_000_000
MARK = "zqxMARKvj"
"""Stands somewhere in every case. Whatever shows it to an operator shows a payload."""


@dataclass(frozen=True, slots=True)
class Case:
    """`topic` is IMAGES or CLICKS; header names are bytes, as Kafka takes them."""

    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[bytes, bytes | None], ...] = ()
    timestamp_ms: int = NOW_MS

    @property
    def marked(self) -> bool:
        """Whether MARK stands somewhere in it."""
        mark = MARK.encode()
        parts = [self.key, self.value, *(part for pair in self.headers for part in pair)]
        return any(mark in part for part in parts if part)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        parts = [self.key, self.value, *(part for pair in self.headers for part in pair)]
        return sum(len(part) for part in parts if part)

    def record(self, offset: int) -> RawRecord:
        """As an agent gets it: names that are no UTF-8 come as delivery reads them."""
        headers = [(name.decode("utf-8", "backslashreplace"), v) for name, v in self.headers]
        return RawRecord(
            self.topic,
            0,
            offset,
            self.timestamp_ms,
            self.key,
            self.value,
            headers,  # type: ignore[arg-type]  # a null header value is a case, too
        )

    def save(self, path: Path) -> None:
        """Write it as JSON, with bytes in base64."""
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {
            "kind": self.kind,
            "topic": self.topic,
            "key": _text(self.key),
            "value": _text(self.value),
            "headers": [[_text(name), _text(value)] for name, value in self.headers],
            "timestamp_ms": self.timestamp_ms,
        }
        path.write_text(json.dumps(said, indent=1))


def load(path: Path) -> Case:
    """A case that `save` wrote."""
    said: dict[str, Any] = json.loads(path.read_text())
    return Case(
        kind=said["kind"],
        topic=said["topic"],
        key=_bytes(said["key"]),
        value=_bytes(said["value"]),
        headers=tuple((_bytes(name) or b"", _bytes(value)) for name, value in said["headers"]),
        timestamp_ms=said["timestamp_ms"],
    )


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
