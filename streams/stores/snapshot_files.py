"""The files of a snapshot: which set of them counts, and whether they are whole."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FORMAT = 1
MANIFEST = "snapshot.json"
_LOCK = "lock"
_PATTERNS = ("items-*.bin", "graph-*.usearch", f"{MANIFEST}.new")


class SnapshotRefused(Exception):
    """The snapshot can't be used; the message says why. The topic has everything."""


class File(BaseModel):
    """One file beside the manifest."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]+\.[a-z]+$")
    size_bytes: int
    sha256: str


class Anchor(BaseModel):
    """How far a partition had been read: the next offset, and one record to know the log by."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    next_offset: int
    last_offset: int | None = None
    last_timestamp_ms: int | None = None


class Manifest(BaseModel):
    """What a snapshot was made from and what it is made of. Written last: it makes the set count.

    cluster  the broker's own id of the cluster; None where it has none.
    rows     rows of vectors in use when it was begun.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    model_id: str
    dim: int
    topic: str
    cluster: str | None
    anchors: dict[str, Anchor]
    rows: int
    items: File
    graph: File | None
    format: int = FORMAT


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of the set that counts; None if there is none. Raises SnapshotRefused."""
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise SnapshotRefused(f"{MANIFEST} does not say what it should: {place}") from error
    if manifest.format != FORMAT:
        raise SnapshotRefused(f"it is of format {manifest.format}; this lookstream reads {FORMAT}")
    return manifest


def describe(path: Path) -> File:
    """Size and hash of a file that is on the disk for good. Reads all of it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return File(name=path.name, size_bytes=path.stat().st_size, sha256=digest)


def checked(folder: Path, entry: File) -> Path:
    """The file's path, if it is the one described. Reads all of it. Raises SnapshotRefused."""
    path = folder / entry.name
    try:
        found = describe(path)
    except OSError as error:
        raise SnapshotRefused(f"{entry.name} can't be read: {error.strerror}") from error
    if found != entry:
        raise SnapshotRefused(f"{entry.name} is torn or was changed")
    return path


def publish(folder: Path, manifest: Manifest) -> int:
    """Make this set the one that counts, and clear the others away; bytes of this one."""
    fresh = folder / f"{MANIFEST}.new"
    with fresh.open("wb") as file:
        file.write(manifest.model_dump_json(indent=1).encode())
        to_disk(file)
    fresh.replace(folder / MANIFEST)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    current = [each for each in (manifest.items, manifest.graph) if each is not None]
    clear_away(folder, keep={each.name for each in current})
    return sum(each.size_bytes for each in current)


def clear_away(folder: Path, keep: set[str]) -> None:
    """Remove the files of sets that don't count: superseded, or never finished."""
    for pattern in _PATTERNS:
        for path in folder.glob(pattern):
            if path.name not in keep:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def try_lock(folder: Path) -> Iterator[bool]:
    """Whether nobody else reads or writes the snapshot now; if so, nobody will until the end."""
    with (folder / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def shared_lock(folder: Path) -> AbstractContextManager[object]:
    """Wait until nobody writes the snapshot; nobody does until the end. No folder: no lock."""
    try:
        file = (folder / _LOCK).open("ab")
    except FileNotFoundError:
        return contextlib.nullcontext()
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
