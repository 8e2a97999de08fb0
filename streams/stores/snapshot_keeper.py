"""Writes a snapshot of the index now and then, and one at the end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path

from streams.stores import snapshot
from streams.stores.item_index import ItemIndex
from streams.stores.replica_start import Places
from streams.stores.snapshot import Origin

_LAST_ONE_S = 5.0

_log = logging.getLogger(__name__)


class SnapshotKeeper:
    """Keeps the snapshot of one topic and model in a folder of its own within `directory`.

    Two workers, topics or models may share a directory. A snapshot that can't be written costs the
    next start some time and nothing now: it is said in the log, no more.

    origin  what the index is made from, once that is known.
    """

    def __init__(self, index: ItemIndex, topic: str, directory: Path, every_s: float) -> None:
        self._index = index
        self.every_s = every_s
        self.origin: Origin | None = None
        self._saved_changes = 0
        model = hashlib.sha256(index.model_id.encode()).hexdigest()[:12]
        self.folder = directory / f"{topic}-{model}"

    async def save_last(self, places: Places) -> None:
        """Save what has changed, if it can be done while a worker stops."""
        try:
            await asyncio.wait_for(self.save(places), _LAST_ONE_S)
        except TimeoutError:
            _log.warning("no time for a last index snapshot; the one before it still holds")

    async def save(self, places: Places) -> None:
        """Save, unless nothing was read since the last time."""
        changes = places.changes
        if self.origin is None or changes == self._saved_changes:
            return
        try:
            size_bytes = await snapshot.save(
                self._index, places.anchors(), self.origin, self.folder
            )
        except OSError as error:
            _log.error("no index snapshot could be written to %s: %s", self.folder, error.strerror)
            return
        if size_bytes is not None:
            self._saved_changes = changes
            _log.info("index snapshot of %d items, %d bytes", len(self._index), size_bytes)
