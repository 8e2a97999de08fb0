"""The exported models for tests: made when they are not there, which takes seconds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from inference.errors import ExtraMissing, ModelError
from inference.export import exporting
from inference.export.recipes import recipe_for
from inference.manifest import load_manifest

MODELS_DIR = Path(__file__).parents[2] / "exported_models"
NAMES = ("resnet50-thin", "efficientnet-lite0")


@cache
def models_dir_with(name: str) -> Path:
    """The folder of exported models, in which `name` is complete.

    Fails the test, loudly, when the packages with the weights are not installed.
    """
    try:
        exporting.verify(MODELS_DIR, name)
    except ModelError:
        recipe = recipe_for(name)
        try:
            exporting.export_again(MODELS_DIR, name, recipe.build(recipe.weights()))
        except ExtraMissing as error:
            pytest.fail(f"{name} can't be tested: {error}")
    return MODELS_DIR


def golden_file(name: str) -> Path:
    """Where the expected vectors of a model are kept."""
    return Path(__file__).parent / f"{name}.npz"


def model_id(name: str) -> str:
    """The id in the manifest in git."""
    return load_manifest(MODELS_DIR, name).model_id
