"""Measure an exported model: precision@10 by category, int8 against fp32, speed.

    python -m inference.export.evaluate NAME [--stamps FOLDER] [--record]

FOLDER is the folder `stamps` of Debian's package tuxpaint-stamps-default, unpacked. `--record`
(maintainers) writes the figures into the manifest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inference.errors import ModelError
from inference.export.exporting import write_manifest
from inference.export.measuring import measure
from inference.export.report import refuse, show
from inference.manifest import load_manifest


def main(
    name: str,
    *,
    stamps: Annotated[Path | None, typer.Option(help="Folder of pictures in folders.")] = None,
    record: Annotated[bool, typer.Option(help="Write the figures into the manifest.")] = False,
    models_dir: Path = Path("exported_models"),
    rounds: Annotated[int, typer.Option(help="Turns of the speed measurement.")] = 7,
) -> None:
    """Measure both graphs of NAME and print a table."""
    progress = Console(stderr=True)
    try:
        before = load_manifest(models_dir, name)
        with progress.status("measuring …") as status:
            figures = measure(
                models_dir,
                name,
                stamps=stamps,
                rounds=rounds,
                say=lambda what: status.update(f"measuring {name}: {what} …"),
            )
        model = load_manifest(models_dir, name)
        if model.manifest.files != before.manifest.files:
            raise ModelError(f"{name} was exported anew while it was measured: measure it again")
    except ModelError as error:
        refuse(progress, error)
    manifest = model.manifest.model_copy(update={"figures": figures})
    if record:
        write_manifest(model.folder, manifest)
    show(Console(), manifest, models_dir)


if __name__ == "__main__":
    typer.run(main)
