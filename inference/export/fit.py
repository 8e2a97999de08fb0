"""Maintainers: fit a known model's PCA and int8 ranges once, and write its folder anew.

    python -m inference.export.fit NAME --pictures FOLDER --calibration FOLDER

The PCA is fitted on the pictures of FOLDER and on OpenMoji's extras, none of which the evaluation
looks at. Half of the 256 calibration pictures come from these, half from the other folder.
Run inference.export.evaluate afterwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inference.export import sets
from inference.export.catalogues import EXTRAS
from inference.export.exporting import About, make_graphs, write_new
from inference.export.fitting import fit
from inference.export.recipes import Recipe, recipe_for
from inference.manifest import Source

_HALF = sets.CALIBRATION // 2


def about(recipe: Recipe, pca_pictures: str, ranges_pictures: str) -> About:
    """What the manifest of a known model says beside hashes."""
    source = Source(
        weights=f"{recipe.package}, {recipe.file}",
        sha256=recipe.sha256,
        feature=recipe.feature,
        url=recipe.url,
        licence=recipe.licence,
        attribution=recipe.attribution,
    )
    return About(source, recipe.preprocessing, pca_pictures, ranges_pictures)


def main(
    name: str,
    *,
    pictures: Annotated[Path, typer.Option(help="Folder of pictures for the PCA.")],
    pictures_name: Annotated[str, typer.Option(help="What the manifest calls them.")],
    calibration: Annotated[Path, typer.Option(help="Folder with photographs, for the ranges.")],
    calibration_name: Annotated[str, typer.Option(help="What the manifest calls them.")],
    models_dir: Path = Path("exported_models"),
    threads: int = 2,
) -> None:
    """Fit a model, export it, and write its manifest without figures."""
    recipe = recipe_for(name)
    trunk = recipe.build(recipe.weights())
    drawn = sets.openmoji(recipe.preprocessing, sequences=False, extras=True)
    extras = [p.pixels for p in drawn if p.group == EXTRAS]
    given = [p.pixels for p in sets.folder(pictures, recipe.preprocessing)]
    photos = [p.pixels for p in sets.folder(calibration, recipe.preprocessing)]
    chosen = [*sets.spread([*given, *extras], _HALF), *sets.spread(photos, _HALF)]
    fitted = fit(trunk, recipe.preprocessing.size, [*given, *extras], chosen, threads)
    told = about(
        recipe,
        f"{len(given)} of {pictures_name}, and OpenMoji 17.0.0's {len(extras)} extras",
        f"{len(chosen)}: half from the PCA's pictures, half from {calibration_name}",
    )
    graphs = make_graphs(trunk, recipe.preprocessing.size, fitted)
    manifest = write_new(models_dir / name, told, graphs, fitted, {})
    Console().print(f"{manifest.model_id}: {manifest.fitted.pca_pictures}")


if __name__ == "__main__":
    typer.run(main)
