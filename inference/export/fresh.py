"""Exports a CNN that has no folder in git yet: fit, write, measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.devices import onnx_runtime, open_session
from inference.errors import ModelError
from inference.export import exporting, sets
from inference.export.builder import serialised
from inference.export.feed import PIXELS
from inference.export.fitting import fit
from inference.export.measuring import measure
from inference.export.trunk import Trunk
from inference.export.whole import build_features
from inference.manifest import MANIFEST_FILE, Manifest, Source, load_manifest
from inference.preprocess import Preprocessing

Say = Callable[[str], object]


@dataclass(frozen=True)
class Wanted:
    """What somebody asked to have exported.

    pictures  the folder to fit on; None means OpenMoji, drawn.
    measured  whether to measure the figures, which takes about a minute.
    """

    name: str
    trunk: Trunk
    source: Source
    preprocessing: Preprocessing
    pictures: Path | None
    replace: bool
    measured: bool
    threads: int


def export_fresh(models_dir: Path, wanted: Wanted, say: Say) -> Manifest:
    """Fit and export, or export again what an earlier call fitted. Raises ModelError."""
    folder = models_dir / wanted.name
    if (folder / MANIFEST_FILE).exists() and not wanted.replace:
        return _again(models_dir, wanted)
    try_out(wanted.trunk, wanted.preprocessing.size)
    say("reading pictures")
    pictures, told = _pictures(wanted)
    say(f"fitting on {len(pictures)} pictures")
    calibration = sets.spread(pictures, sets.CALIBRATION)
    size = wanted.preprocessing.size
    fitted = fit(wanted.trunk, size, pictures, calibration, wanted.threads)
    about = exporting.About(
        wanted.source, wanted.preprocessing, told, f"{len(calibration)} of the PCA's pictures"
    )
    graphs = exporting.make_graphs(wanted.trunk, size, fitted)
    manifest = exporting.write_new(folder, about, graphs, fitted, {})
    if not wanted.measured:
        return manifest
    figures = measure(models_dir, wanted.name, stamps=None, rounds=5, say=say)
    manifest = manifest.model_copy(update={"figures": figures})
    exporting.write_manifest(folder, manifest)
    return manifest


def try_out(trunk: Trunk, size: int) -> None:
    """Run the CNN once: black, white and a ramp must give finite features that differ.

    Raises ModelError. A wrong layout or a feature that looks at nothing is found here.
    """
    model = serialised(build_features(trunk, size))
    session, _ = open_session(model, "cpu", 1, onnx_runtime())
    ramp = np.linspace(0, 255, size * size * 3).astype(np.uint8).reshape(size, size, 3)
    pixels = np.stack([np.zeros_like(ramp), np.full_like(ramp, 255), ramp])
    try:
        features: Any = session.run(None, {PIXELS: pixels})[0]
    except Exception as error:  # onnxruntime's errors share no base but Exception
        raise ModelError(
            f"the CNN fails on {size} x {size} pictures ({error!s:.160}): see --layout and --size"
        ) from error
    if features.shape != (3, trunk.dim, 1, 1):
        raise ModelError(f"the CNN gives features of shape {features.shape}: see --feature")
    if not np.isfinite(features).all():
        raise ModelError("the CNN gives infinite features: see --mean and --std")
    if len(np.unique(features.reshape(3, -1), axis=0)) < 3:
        raise ModelError("different pictures give the same features: see --feature, --mean, --std")


def _again(models_dir: Path, wanted: Wanted) -> Manifest:
    manifest = load_manifest(models_dir, wanted.name).manifest
    if (manifest.source, manifest.preprocessing) != (wanted.source, wanted.preprocessing):
        raise ModelError(
            f"{models_dir / wanted.name} holds a model of another source or preprocessing: choose "
            "another --name, or fit it anew with --replace"
        )
    return exporting.export_again(models_dir, wanted.name, wanted.trunk)


def _pictures(wanted: Wanted) -> tuple[list[sets.Pixels], str]:
    if wanted.pictures is None:
        drawn = sets.openmoji(wanted.preprocessing, sequences=True, extras=True)
        pixels = [p.pixels for p in drawn]
        return pixels, f"{len(pixels)} of OpenMoji 17.0.0, drawn"
    pixels = [p.pixels for p in sets.folder(wanted.pictures, wanted.preprocessing)]
    return pixels, f"{len(pixels)} of the folder {wanted.pictures.name}"
