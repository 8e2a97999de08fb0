"""Records as an agent gets them, made by hand."""

from __future__ import annotations

import io
import itertools
import json

from PIL import Image

from streams.records import RawRecord

NOW_MS = 1_800_000_000_000
_offsets = itertools.count()


def record(
    topic: str,
    key: str | None,
    value: bytes | None,
    *,
    offset: int | None = None,
    partition: int = 0,
    headers: tuple[tuple[str, bytes], ...] = (),
    timestamp_ms: int = NOW_MS,
) -> RawRecord:
    """One record; offsets count on by themselves unless given."""
    return RawRecord(
        topic=topic,
        partition=partition,
        offset=next(_offsets) if offset is None else offset,
        timestamp=timestamp_ms,
        key=None if key is None else key.encode(),
        value=value,
        headers=headers,
    )


def click(user: str, item: str, *, offset: int | None = None, **fields: object) -> RawRecord:
    """A click of `user` on `item`."""
    value = json.dumps({"item_id": item, **fields}).encode()
    return record("clicks", user, value, offset=offset)


def picture(colour: tuple[int, int, int], form: str = "PNG") -> bytes:
    """The bytes of a small picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, form)
    return out.getvalue()


def image(item: str, value: bytes | None, **headers: str) -> RawRecord:
    """An event on `images`."""
    pairs = tuple((name, text.encode()) for name, text in headers.items())
    return record("images", item, value, headers=pairs)
