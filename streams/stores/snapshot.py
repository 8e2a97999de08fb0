"""The item index on disk, with the offsets it had read to: the next start reads only the rest.

A folder of its own, with a manifest (snapshot_files.py) and beside it

    items-N.bin         chunks: two lengths, JSON of some items, and their float16 vectors
    graph-N.usearch     the graph, if there is one: building it takes far longer than reading it

The index goes on changing while it is written, some hundred items at a time. That does no harm: the
offsets are those of the beginning, and records that are in already may be applied again. Only the
graph has to hold still meanwhile; new vectors wait in the exact tier.

Whatever doesn't fit is refused with SnapshotRefused, and the index is read from the topic: a torn
or changed file, another format, model, topic or cluster. Nothing in here is ever unpickled.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from streams.stores import snapshot_files as files
from streams.stores.graph_tier import GraphUnreadable
from streams.stores.item_index import ItemIndex
from streams.stores.item_state import SavedItem, SavedView
from streams.stores.item_table import Facts
from streams.stores.snapshot_files import Anchor, Manifest, SnapshotRefused
from streams.stores.threads import in_thread

_ITEMS_AT_ONCE = 200
_CHUNK = struct.Struct("<II")  # bytes of JSON, bytes of vectors


@dataclass(frozen=True, slots=True)
class Origin:
    """What an index was made from. `cluster` is the broker's own id, None where it has none."""

    topic: str
    cluster: str | None


async def save(
    index: ItemIndex, anchors: Mapping[int, Anchor], origin: Origin, folder: Path
) -> int | None:
    """Write the index as of `anchors` (by partition); gives the bytes written. Raises OSError.

    None: another process is writing there now, which will do just as well. Files are written in a
    thread; the event loop is held for some milliseconds at a time. Whatever ends it early, the
    snapshot that was there before stays whole.
    """
    anchored = {str(partition): anchor for partition, anchor in anchors.items()}
    await in_thread(folder.mkdir, parents=True, exist_ok=True)
    with files.try_lock(folder) as locked:
        return await _save(index, anchored, origin, folder) if locked else None


async def _save(index: ItemIndex, anchored: dict[str, Anchor], origin: Origin, folder: Path) -> int:
    name = os.urandom(6).hex()
    items, graph_file = folder / f"items-{name}.bin", folder / f"graph-{name}.usearch"
    graph, rows = index.state.search.graph, index.state.rows.end
    try:
        with contextlib.nullcontext() if graph is None else graph.freeze():
            with items.open("wb") as file:
                async for chunk in _chunks(index):
                    await in_thread(file.write, chunk)
            if graph is not None:
                await in_thread(graph.save, graph_file)
        manifest = Manifest(
            model_id=index.model_id,
            dim=index.dim,
            topic=origin.topic,
            cluster=origin.cluster,
            anchors=anchored,
            rows=rows,
            items=await in_thread(files.describe, items),
            graph=None if graph is None else await in_thread(files.describe, graph_file),
        )
        return await in_thread(files.publish, folder, manifest)
    except BaseException:
        for path in (items, graph_file):
            path.unlink(missing_ok=True)
        raise


async def load(
    index: ItemIndex,
    origin: Origin,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[int, Anchor] | None:
    """Fill `index`, and say from where to read on, by partition. None: there is no snapshot.

    progress(bytes done, bytes in all). Raises SnapshotRefused, and leaves the index empty.
    """
    index.clear()
    try:
        with await in_thread(files.shared_lock, folder):
            manifest = await in_thread(files.read_manifest, folder)
            if manifest is None:
                return None
            _check(manifest, index, origin)
            await _restore(manifest, index, folder, progress)
        return {int(partition): anchor for partition, anchor in manifest.anchors.items()}
    except SnapshotRefused:
        index.clear()
        raise
    except (OSError, ValueError, TypeError, struct.error, GraphUnreadable) as error:
        index.clear()
        raise SnapshotRefused(f"it can't be read ({type(error).__name__})") from error


def _check(manifest: Manifest, index: ItemIndex, origin: Origin) -> None:
    for what, theirs, ours in (
        ("model", manifest.model_id, index.model_id),
        ("vector size", manifest.dim, index.dim),
        ("topic", manifest.topic, origin.topic),
        ("cluster", manifest.cluster, origin.cluster),
    ):
        if theirs != ours:
            raise SnapshotRefused(f"it is of another {what}: {theirs}, not {ours}")


async def _restore(
    manifest: Manifest, index: ItemIndex, folder: Path, progress: Callable[[int, int], None]
) -> None:
    path = await in_thread(files.checked, folder, manifest.items)
    in_graph: list[int] = []
    done = 0
    index.state.rows.begin_restore(manifest.rows)
    with path.open("rb") as file:
        for items, vectors, size_bytes in _read_chunks(file, index.dim):
            start = 0
            for item in items:
                stop = start + len(item.views)
                index.state.restore(item, vectors[start:stop])
                in_graph += (view.row for view in item.views if view.in_graph)
                start = stop
            done += size_bytes
            progress(done, manifest.items.size_bytes)
            await asyncio.sleep(0)
    index.state.rows.end_restore()
    if manifest.graph is not None:
        graph = await in_thread(files.checked, folder, manifest.graph)
        rows = np.array(in_graph, dtype=np.int32)
        await in_thread(index.state.search.load_graph, graph, rows)
        index.state.drop_unlisted(in_graph)
    elif in_graph:
        raise SnapshotRefused("its graph is missing")


async def _chunks(index: ItemIndex) -> AsyncIterator[bytes]:
    """The items as bytes, some hundred at a time; other tasks run in between."""
    number = 0
    while number < len(index.state.table):
        stop = min(number + _ITEMS_AT_ONCE, len(index.state.table))
        items = [item for n in range(number, stop) if (item := index.state.saved(n)) is not None]
        number = stop
        rows = [view.row for item in items for view in item.views]
        vectors = index.state.rows.vectors[rows]
        text = orjson.dumps([_plain(item) for item in items])
        yield _CHUNK.pack(len(text), vectors.nbytes) + text + vectors.tobytes()
        await asyncio.sleep(0)


def _read_chunks(
    file: BinaryIO, dim: int
) -> Iterator[tuple[list[SavedItem], NDArray[np.float16], int]]:
    while head := file.read(_CHUNK.size):
        text_bytes, vector_bytes = _CHUNK.unpack(head)
        text, raw = file.read(text_bytes), file.read(vector_bytes)
        vectors = np.frombuffer(raw, dtype=np.float16).reshape(-1, dim)
        items = [_item(plain) for plain in orjson.loads(text)]
        yield items, vectors, len(head) + len(text) + len(raw)


def _plain(item: SavedItem) -> list[object]:
    facts = item.facts
    return [
        item.item_id,
        item.at_ms,
        [facts.labels, facts.group, facts.title, facts.available],
        [[view.row, view.name, view.picture_hash, view.in_graph] for view in item.views],
    ]


def _item(plain: Any) -> SavedItem:
    item_id, at_ms, (labels, group, title, available), views = plain
    facts = Facts(tuple(labels), group, title, available)
    return SavedItem(item_id, at_ms, facts, [SavedView(*view) for view in views])
