"""Vectors from a file of embeddings, or from pictures by the model in use."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from inference.encoder import Encoder
from inference.errors import PictureError
from streams.embeddings import MAX_DIM
from streams.errors import StartRefused
from streams.evaluation.vectors import Pictures, centre, make_unit
from streams.settings import Settings
from streams.text import printable

MOST_BYTES = 16_000_000_000
_MOST_PICTURES = 1_000_000
_BATCH = 32
_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


def read_embeddings(path: Path) -> Pictures:
    """The arrays `ids` (text or whole numbers [n]) and `emb` (numbers [n, dim]) of an .npz.

    Vectors are made unit vectors, those without a direction left out, and centred, as an exported
    model does with its own. Nothing is unpickled, and what the file says of its size is checked
    against its bytes first. Raises StartRefused.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            ids, emb = _array(path, archive, "ids"), _array(path, archive, "emb")
    except OSError as error:
        raise _refused(path, printable(error.strerror or str(error), 200)) from error
    except (ValueError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise _refused(path, printable(str(error), 200)) from error
    if ids.ndim != 1 or (ids.dtype.kind not in "US" and ids.dtype.kind not in "iu"):
        raise _refused(path, "`ids` is not one row of texts or whole numbers")
    if emb.ndim != 2 or emb.dtype.kind not in "fiu" or not 0 < emb.shape[1] <= MAX_DIM:
        raise _refused(path, f"`emb` is not a table of numbers, at most {MAX_DIM:,} wide")
    if len(ids) != len(emb):
        raise _refused(path, f"{len(ids):,} ids but {len(emb):,} vectors")
    if ids.dtype.kind == "S":
        texts = [each.decode("utf-8", "replace") for each in ids.tolist()]
    else:
        texts = [str(each) for each in ids.tolist()]
    if len(set(texts)) != len(texts):
        raise _refused(path, "an id stands in `ids` twice")
    vectors = emb.astype(np.float32, order="C", copy=False)
    del emb  # of a million items a gigabyte or more
    lengths = make_unit(vectors)
    if not np.isfinite(lengths).all():
        raise _refused(path, "`emb` holds values that are not finite")
    real: NDArray[np.bool_] = np.any(vectors, axis=1)
    if not real.any():
        raise _refused(path, f"all {len(texts):,} vectors are zero")
    if not real.all():
        vectors = vectors[real]
        texts = [text for text, there in zip(texts, real.tolist(), strict=True) if there]
    if not centre(vectors):
        raise _refused(path, "there is no difference between its vectors, or no direction in them")
    return Pictures(f"file:{path.stem[:100]}", texts, vectors, np.zeros(len(texts), np.uint64))


def embed_folder(
    folder: Path, settings: Settings, hear: Callable[[int, int], None]
) -> tuple[Pictures, list[str]]:
    """Vectors of the pictures in `folder`, each named by its item's id, and who was left out.

    Uses the model, device and limits of the settings, as the embedder does. Raises StartRefused,
    or ModelError.
    """
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _ENDINGS)
    except OSError as error:
        raise _refused(folder, printable(error.strerror or "", 200)) from error
    if not files:
        endings = ", ".join(sorted(_ENDINGS))
        raise _refused(folder, f"it holds no pictures: files whose names end in {endings}")
    if len(files) > _MOST_PICTURES:
        raise _refused(folder, f"{len(files):,} pictures; at most {_MOST_PICTURES:,} can be used")
    encoder = Encoder(settings.models_dir, settings.model, device=settings.device)
    limits = settings.picture_limits()
    ids: list[str] = []
    hashes: list[int] = []
    vectors: list[NDArray[np.float32]] = []
    pixels: list[NDArray[np.uint8]] = []
    left_out: list[str] = []
    for number, file in enumerate(files):
        try:
            with file.open("rb") as opened:
                prepared = encoder.prepare(opened.read(limits.max_bytes + 1), limits)
        except (PictureError, OSError) as error:
            left_out.append(f"{printable(file.name)}: {printable(str(error), 200)}")
            continue
        ids.append(file.stem)
        hashes.append(prepared.picture_hash)
        pixels.append(prepared.pixels)
        if len(pixels) == _BATCH:
            vectors.append(encoder.encode(np.stack(pixels)))
            pixels.clear()
            hear(number + 1, len(files))
    if pixels:
        vectors.append(encoder.encode(np.stack(pixels)))
    hear(len(files), len(files))
    if not ids:
        raise _refused(folder, "none of its pictures can be read")
    if len(set(ids)) != len(ids):
        raise _refused(folder, "two pictures of one item: names may differ in more than the ending")
    return (
        Pictures(encoder.model_id, ids, np.concatenate(vectors), np.array(hashes, np.uint64)),
        left_out,
    )


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise _refused(path, f"it holds no array `{name}`") from None
    if entry.file_size > MOST_BYTES:
        raise _refused(path, f"`{name}` takes more than {MOST_BYTES:,} bytes")
    with archive.open(entry) as file:
        shape, dtype = _header(file)
    promised = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.hasobject or promised > entry.file_size:
        raise _refused(path, f"`{name}` holds objects, or promises more than there is")
    with archive.open(entry) as file:
        found: NDArray[np.generic] = npy.read_array(file, allow_pickle=False)
    return found


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _refused(path: Path, why: str) -> StartRefused:
    return StartRefused(f"{printable(str(path), 300)} can't be used: {why}.")
