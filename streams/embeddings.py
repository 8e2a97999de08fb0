"""The records of `item-embeddings`: one small record for each part of an item.

The embedder remembers nothing about an item, so every record stands alone, and compaction keeps
the newest of each part (docs/decisions/item-embeddings-records.md). A reader applies the records
of an item in the order of the log:

    key = item id, "\\0", part       value
    ...\\0v:VIEW                      version, model id, picture hash, time, float16 unit vector
    ...\\0f:labels|group|title|available    version, JSON: the fact, or null where it was cleared
    ...\\0w                           version, time: the item was withdrawn; this takes back all
                                     views and facts before it
    any key, null value              nothing to do: left for the compaction to clear away

All parts of an item lie in one partition (`partition_for`), or the log would have no order.
Numbers are little-endian. Garbage raises ValueError, whose text is safe to show.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import orjson
from kafka.partitioner.default import murmur2
from numpy.typing import NDArray

from streams.facts import DEFAULT_VIEW, FACT_NAMES, FactChanges, FactValue, is_fact

VERSION = 1
MAX_DIM = 8192
MAX_KEY_BYTES = 8192
MAX_MODEL_ID_BYTES = 255

# Rounding a unit vector's components to 11 bits moves its norm by at most 2**-11; twice that,
# and room for a vector that was a unit vector in float32 only nearly.
NORM_TOLERANCE = 2e-3

_VIEW = struct.Struct("<BHBQq")  # version, components, bytes of the model id, picture hash, ms
_WITHDRAWN = struct.Struct("<Bq")  # version, ms
_F16 = np.dtype("<f2")


@dataclass(frozen=True, slots=True, eq=False)
class ViewRecord:
    """One picture of an item. `vector` is float16 [dim], read-only, unit norm (within 2e-3)."""

    item_id: str
    view: str
    model_id: str
    vector: NDArray[np.float16]
    picture_hash: int
    """Perceptual hash, unsigned 64 bits."""
    at_ms: int
    """When the picture was published: timestamp of its record, ms since the epoch."""


@dataclass(frozen=True, slots=True)
class FactRecord:
    """One fact of an item. A `value` of None: the fact was cleared."""

    item_id: str
    name: str
    value: FactValue


@dataclass(frozen=True, slots=True)
class WithdrawnRecord:
    """Everything said of this item before is taken back."""

    item_id: str
    at_ms: int


ItemRecord = ViewRecord | FactRecord | WithdrawnRecord


def partition_for(item_id: str, partitions: int) -> int:
    """Where all records of an item lie: what Kafka's default partitioner makes of its id."""
    return int((murmur2(item_id.encode()) & 0x7FFFFFFF) % partitions)


def encode_view(
    *,
    item_id: str,
    view: str,
    model_id: str,
    vector: NDArray[np.floating],
    picture_hash: int,
    at_ms: int,
) -> tuple[bytes, bytes]:
    """Key and value of one picture. `vector`: [dim], unit norm. Raises ValueError if it is not."""
    half = np.ascontiguousarray(vector, dtype=_F16)
    _check_vector(half)
    model = model_id.encode()
    if not 0 < len(model) <= MAX_MODEL_ID_BYTES:
        raise ValueError(f"a model id of {len(model)} bytes; 1 to {MAX_MODEL_ID_BYTES} can be kept")
    head = _VIEW.pack(VERSION, half.size, len(model), picture_hash, at_ms)
    return _key(item_id, "v:" + view), head + model + half.tobytes()


def encode_facts(item_id: str, changes: FactChanges) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the facts that an event changes."""
    for name, value in changes.items():
        yield _key(item_id, "f:" + name), bytes((VERSION,)) + orjson.dumps(value)


def encode_withdrawal(item_id: str, at_ms: int) -> Iterator[tuple[bytes, bytes | None]]:
    """Keys and values that take an item back.

    The marker is what counts; the tombstones only let the compaction drop what it took back.
    Views by other names are not known here: they stay in the log, before the marker.
    """
    yield _key(item_id, "w"), _WITHDRAWN.pack(VERSION, at_ms)
    yield _key(item_id, "v:" + DEFAULT_VIEW), None
    for name in FACT_NAMES:
        yield _key(item_id, "f:" + name), None


def decode(key: bytes | None, value: bytes | None) -> ItemRecord | None:
    """The record, or None for a tombstone, which changes nothing. Raises ValueError."""
    item_id, part = _split(key)
    if value is None:
        return None
    if not value or value[0] != VERSION:
        raise ValueError(f"not a value of version {VERSION}: written by another lookstream?")
    if part.startswith("v:"):
        return _decode_view(item_id, part[2:], value)
    if part.startswith("f:"):
        return _decode_fact(item_id, part[2:], value)
    if part == "w":
        if len(value) != _WITHDRAWN.size:
            raise ValueError(f"a withdrawal of {len(value)} bytes, not {_WITHDRAWN.size}")
        return WithdrawnRecord(item_id, _WITHDRAWN.unpack(value)[1])
    raise ValueError("an unknown part of an item")


def _decode_view(item_id: str, view: str, value: bytes) -> ViewRecord:
    if len(value) < _VIEW.size:
        raise ValueError(f"a view of {len(value)} bytes ends before its head does")
    _, dim, model_bytes, picture_hash, at_ms = _VIEW.unpack_from(value)
    start = _VIEW.size + model_bytes
    if len(value) != start + dim * _F16.itemsize or not dim or not model_bytes or not view:
        raise ValueError(f"a view of {len(value)} bytes whose head speaks of other lengths")
    vector = np.frombuffer(value, dtype=_F16, offset=start)
    _check_vector(vector)
    model_id = value[_VIEW.size : start].decode()
    return ViewRecord(item_id, view, model_id, vector, picture_hash, at_ms)


def _decode_fact(item_id: str, name: str, value: bytes) -> FactRecord:
    fact = orjson.loads(value[1:])
    if name == "labels" and isinstance(fact, list):
        fact = tuple(fact)
    if not is_fact(name, fact):
        raise ValueError("an unknown fact, or one of the wrong type")
    return FactRecord(item_id, name, fact)


def _key(item_id: str, part: str) -> bytes:
    if not item_id or "\0" in item_id or "\0" in part:
        raise ValueError("an item id or view that is empty or holds the separator")
    return f"{item_id}\0{part}".encode()


def _split(key: bytes | None) -> tuple[str, str]:
    if key is None or len(key) > MAX_KEY_BYTES:
        raise ValueError("a record without a key, or with one too long")
    item_id, separator, part = key.decode().partition("\0")
    if not item_id or not separator:
        raise ValueError("a key without an item id and a part")
    return item_id, part


def _check_vector(vector: NDArray[np.float16]) -> None:
    if vector.ndim != 1 or not 0 < vector.size <= MAX_DIM:
        raise ValueError(f"a vector of shape {vector.shape}; [1..{MAX_DIM}] is expected")
    wide = vector.astype(np.float32)
    norm = float(np.sqrt(wide @ wide))
    if not abs(norm - 1.0) <= NORM_TOLERANCE:  # also refuses nan and infinity
        raise ValueError(f"a vector of norm {norm:.4g}, not 1")
