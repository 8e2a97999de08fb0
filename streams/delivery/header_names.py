"""Header names that are not UTF-8: read, not stumbled over.

Kafka takes any bytes as the name of a header. aiokafka decodes names strictly while it unpacks a
fetch, so that one such record would stop its partition for ever, before anybody could refuse it.
Here such a batch is read again, by aiokafka's own parser in Python, with bytes that are no UTF-8
written as `\\xff`; a dead letter of the record so has no fewer bytes than came in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, SupportsIndex, overload

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AT = 8
_OVERHEAD_BYTES = 12


def forgive_header_names() -> None:
    """Have every consumer of this process read such records. Doing it twice does no harm."""
    fetcher.MemoryRecords = ForgivingRecords


class ForgivingRecords:
    """aiokafka's MemoryRecords, with forgiving batches."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._start = 0
        self._records = MemoryRecords(data)
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> Any:
        """The next batch, or None."""
        batch = self._records.next_batch()
        if batch is None:
            return None
        (length,) = struct.unpack_from(">i", self._data, self._start + _LENGTH_AT)
        end = self._start + _OVERHEAD_BYTES + length
        start, self._start = self._start, end
        return _Batch(batch, self._data, start, end)


class _Batch:
    """aiokafka's batch; iterated, it goes on where aiokafka stumbles."""

    def __init__(self, batch: Any, data: bytes, start: int, end: int) -> None:
        self._batch = batch
        self._data = data
        self._bounds = slice(start, end)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                yield record
                read += 1
        except UnicodeDecodeError:
            for number, record in enumerate(_ForgivingBatch(self._data[self._bounds])):
                if number >= read:
                    yield record


class _ForgivingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _ForgivingBytes(self._buffer)


class _ForgivingBytes(bytearray):
    """Decodes whatever it holds. Its slices do too."""

    @overload
    def __getitem__(self, at: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> bytearray: ...
    def __getitem__(self, at: SupportsIndex | slice) -> int | bytearray:
        found = super().__getitem__(at)
        return _ForgivingBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "") -> str:
        return super().decode(encoding, "backslashreplace")
