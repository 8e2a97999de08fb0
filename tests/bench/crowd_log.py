r"""A simulated log for `lookstream evaluate`: python -m tests.bench.crowd_log OUT [--stamps FOLDER]

Writes OUT/clicks.csv, OUT/items.csv and OUT/embeddings.npz: a crowd (streams/local/crowd.py) over
OpenMoji's pictures, or over the folders of Debian's tuxpaint-stamps-default, and the vectors that
the exported model gives for them. Then:

    lookstream evaluate --clicks OUT/clicks.csv --items OUT/items.csv \
        --embeddings OUT/embeddings.npz
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from inference.encoder import Encoder
from inference.errors import PictureError
from inference.export import catalogues
from inference.pictures import PictureLimits
from streams.local.crowd import Crowd, Nature

MODELS = Path(__file__).resolve().parents[2] / "exported_models"
FIRST_DAY_S = 1_750_000_000
LIMITS = PictureLimits()
BATCH = 64


def catalogue(stamps: Path | None) -> Iterator[tuple[str, str, bytes]]:
    """(item id, theme, picture)."""
    if stamps is None:
        for number, drawn in enumerate(catalogues.openmoji(224)):
            out = io.BytesIO()
            drawn.image.save(out, "PNG", compress_level=1)
            yield f"openmoji-{number}", f"{drawn.group}/{drawn.subgroup}", out.getvalue()
        return
    for found in catalogues.folder(stamps):
        if found.group != "symbols":
            theme = f"{found.group}/{found.subgroup}"
            yield str(found.path.relative_to(stamps)), theme, found.path.read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--stamps", type=Path, help="the folder `stamps` of the package, unpacked")
    parser.add_argument("--model", default="resnet50-thin:int8")
    parser.add_argument("--users", type=int, default=Nature().users)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    encoder = Encoder(MODELS, given.model, device="cpu", threads=2)
    ids: list[str] = []
    themes: list[str] = []
    vectors: list[np.ndarray] = []
    pixels: list[np.ndarray] = []
    for item_id, theme, data in catalogue(given.stamps):
        try:
            pixels.append(encoder.prepare(data, LIMITS).pixels)
        except (PictureError, Image.DecompressionBombError) as refused:
            print(f"left out {item_id}: {refused}")
            continue
        ids.append(item_id)
        themes.append(theme)
        if len(pixels) == BATCH:
            vectors.append(encoder.encode(np.stack(pixels)))
            pixels.clear()
    if pixels:
        vectors.append(encoder.encode(np.stack(pixels)))
    crowd = Crowd(themes, np.random.default_rng(given.seed), Nature(users=given.users))
    given.out.mkdir(parents=True, exist_ok=True)
    rows = 0
    with (given.out / "clicks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("user_id", "item_id", "kind", "at"))
        for click in crowd.clicks():
            at = f"{FIRST_DAY_S + click.at_s:.3f}"
            writer.writerow((f"user-{click.user}", ids[click.item], click.kind, at))
            rows += 1
    with (given.out / "items.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("item_id", "since"))
        for item_id, since_s in zip(ids, crowd.since_s.tolist(), strict=True):
            writer.writerow((item_id, f"{FIRST_DAY_S + since_s:.3f}"))
    np.savez(given.out / "embeddings.npz", ids=np.array(ids), emb=np.concatenate(vectors))
    print(f"{rows:,} clicks of {given.users:,} users on {len(ids):,} items in {given.out}")


if __name__ == "__main__":
    main()
