"""The demo's pictures: OpenMoji drawn on the spot, or somebody's own folder.

A catalogue is a shuffled selection, by seed. OpenMoji's pictures come as PNG, JPEG and WebP in
turn, as those of a real shop do.
"""

from __future__ import annotations

import io
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from inference.errors import PictureError
from inference.pictures import PictureLimits, open_picture

_DRAWN_PIXELS = 224
_EXTRAS = "OpenMoji extras"
_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
_MAX_ID_BYTES = 256
_MAX_FILE_BYTES = 10_000_000
# The embedded broker keeps all it is sent in memory, so large photographs are made smaller first.
_PUBLISHED_BYTES = 200_000
_PUBLISHED_PIXELS = 512


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to recommend. `theme` is what a shopper may have a taste for; "" never is."""

    item_id: str
    title: str
    group: str
    labels: tuple[str, ...]
    theme: str
    drawn: bytes | None = field(default=None, repr=False)
    file: Path | None = None

    def picture(self) -> bytes:
        """Its bytes as they are published. Raises OSError when a file can't be read any more."""
        if self.drawn is not None:
            return self.drawn
        if self.file is None:
            raise ValueError(f"item {self.item_id!r} has no picture")
        return _smaller(self.file.read_bytes())


@dataclass(frozen=True, slots=True)
class Collection:
    """What was found: the items in the order they are published, and what was left out and why."""

    name: str
    items: tuple[Item, ...]
    skipped: Counter[str] = field(default_factory=Counter)


def openmoji(
    count: int,
    seed: int,
    *,
    progress: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Collection:
    """Draw OpenMoji (some 1.9 thousand named pictures, then its nameless extras up to `count`).

    Raises inference.errors.ModelError when the package with the font is missing.
    """
    from inference.export.catalogues import openmoji as draw  # noqa: PLC0415 - extra `demo`

    named: list[Item] = []
    extras: list[Item] = []
    taken: set[str] = set()
    for number, drawn in enumerate(draw(_DRAWN_PIXELS, extras=True)):
        if stopped():
            break
        extra = drawn.group == _EXTRAS
        if extra and len(named) + len(extras) >= count:
            break
        item = Item(
            item_id=_unused(_slug(drawn.name), taken),
            title=drawn.name,
            group=drawn.group,
            labels=tuple(dict.fromkeys((drawn.subgroup, *_words(drawn.name)))),
            theme="" if extra else _theme(drawn.group, drawn.subgroup),
            drawn=_encoded(drawn.image, number),
        )
        (extras if extra else named).append(item)
        progress(len(named) + len(extras))
    shuffle = random.Random(seed)  # noqa: S311 - a reproducible shuffle, not a secret
    shuffle.shuffle(named)
    items = (named + extras)[:count]
    shuffle.shuffle(items)
    return Collection("OpenMoji", tuple(items))


def folder(path: Path, count: int, seed: int) -> Collection:
    """Somebody's own pictures: the id is the relative path, the first sub-folder the group.

    Links are not followed. Odd files are skipped and counted; a file that only claims to be a
    picture is published like the others, and becomes a dead letter.

    Raises ValueError, with a sentence for people, where there are none.
    """
    if not path.is_dir():
        raise ValueError(f"There is no folder {str(path)!r} to take pictures from.")
    skipped: Counter[str] = Counter()
    items = [item for file in _files(path, skipped) if (item := _found(path, file, skipped))]
    if not items:
        left_out = ", ".join(f"{why}: {n}" for why, n in skipped.most_common()) or "it is empty"
        raise ValueError(
            f"No pictures in {str(path)!r} ({left_out}). It takes {', '.join(sorted(_ENDINGS))}."
        )
    items.sort(key=lambda item: item.item_id)
    random.Random(seed).shuffle(items)  # noqa: S311 - a reproducible shuffle, not a secret
    if len(items) > count:
        skipped["beyond --items"] += len(items) - count
    return Collection(path.name or str(path), tuple(items[:count]), skipped)


def _files(path: Path, skipped: Counter[str]) -> Iterator[Path]:
    def unreadable(_: OSError) -> None:
        skipped["folders that can't be read"] += 1

    for where, folders, names in os.walk(path, onerror=unreadable, followlinks=False):
        links = [name for name in folders if Path(where, name).is_symlink()]
        if links:
            skipped["links"] += len(links)
        folders[:] = [n for n in folders if n not in links and not n.startswith(".")]
        yield from (Path(where, name) for name in names)


def _found(root: Path, file: Path, skipped: Counter[str]) -> Item | None:
    """The item of a file, or None and why not."""
    relative = file.relative_to(root)
    item_id = relative.as_posix()
    if file.is_symlink():
        skipped["links"] += 1
    elif file.suffix.lower() not in _ENDINGS or not file.is_file():
        skipped["files that aren't pictures"] += 1
    elif not item_id.isprintable() or len(item_id.encode("utf-8", "replace")) > _MAX_ID_BYTES:
        skipped["names that can't be item ids"] += 1
    elif not 0 < file.stat().st_size <= _MAX_FILE_BYTES:
        skipped["empty files or files of more than 10 MB"] += 1
    else:
        group = relative.parts[0] if len(relative.parts) > 1 else ""
        labels = tuple(dict.fromkeys(relative.parts[:-1]))
        title = " ".join(_words(file.stem)) or file.stem
        return Item(item_id, title, group, labels, group, file=file)
    return None


def _theme(group: str, subgroup: str) -> str:
    """What somebody may like: 'face', 'animal', 'food' rather than 'food-fruit' or 'Objects'."""
    return "flag" if group == "Flags" else subgroup.partition("-")[0]


def _encoded(image: Image.Image, number: int) -> bytes:
    """PNG, JPEG and WebP in turn."""
    buffer = io.BytesIO()
    match number % 3:
        case 0:
            image.save(buffer, "PNG", compress_level=3)
        case 1:
            image.save(buffer, "JPEG", quality=88)
        case _:
            image.save(buffer, "WEBP", quality=85, method=1)
    return buffer.getvalue()


def _smaller(data: bytes) -> bytes:
    """A large picture as a JPEG of at most 512 pixels; what can't be opened stays what it is."""
    if len(data) <= _PUBLISHED_BYTES:
        return data
    try:
        image = open_picture(data, PictureLimits(), shortest_side=_PUBLISHED_PIXELS // 2)
    except PictureError:
        return data
    image.thumbnail((_PUBLISHED_PIXELS, _PUBLISHED_PIXELS))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", name) if word]


def _slug(name: str) -> str:
    return "-".join(_words(name.lower())) or "picture"


def _unused(slug: str, taken: set[str]) -> str:
    """The slug, with a number where another item has it already."""
    number, item_id = 1, slug
    while item_id in taken:
        number += 1
        item_id = f"{slug}-{number}"
    taken.add(item_id)
    return item_id
