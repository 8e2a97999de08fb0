"""Writes a model's two graphs and compares them with the manifest that git keeps."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from inference.errors import ModelError, ModelFileChanged
from inference.export.builder import serialised
from inference.export.fitting import Fitted, pca_bytes, ranges_bytes, read_fitted
from inference.export.quantize import quantize
from inference.export.trunk import Trunk
from inference.export.whole import build_whole
from inference.manifest import (
    MANIFEST_FILE,
    VERSION,
    Files,
    Manifest,
    ModelFile,
    Source,
    load_manifest,
    read_checked,
)
from inference.manifest import (
    Fitted as FittedFiles,
)
from inference.preprocess import Preprocessing

PCA_FILE = "pca.npz"
RANGES_FILE = "int8_ranges.json"


@dataclass(frozen=True)
class Graphs:
    """The bytes of both graphs of one model."""

    fp32: bytes
    int8: bytes


@dataclass(frozen=True)
class About:
    """What a manifest says beside hashes."""

    source: Source
    preprocessing: Preprocessing
    pca_pictures: str
    ranges_pictures: str


def make_graphs(trunk: Trunk, size: int, fitted: Fitted) -> Graphs:
    """Build both graphs. The same trunk and the same fitted files give the same bytes."""
    if len(fitted.mean) != trunk.dim:
        raise ModelError(
            f"the PCA is for {len(fitted.mean)} channels, the CNN has {trunk.dim}: fit it again"
        )
    whole: onnx.ModelProto = build_whole(trunk, size, fitted.mean, fitted.basis)
    return Graphs(serialised(whole), serialised(quantize(whole, fitted.ranges)))


def write_new(
    folder: Path, about: About, graphs: Graphs, fitted: Fitted, figures: Mapping[str, Any]
) -> Manifest:
    """Write the graphs, the fitted files and a new manifest. The manifest comes last."""
    files = {
        "fp32.onnx": graphs.fp32,
        "int8.onnx": graphs.int8,
        PCA_FILE: pca_bytes(fitted),
        RANGES_FILE: ranges_bytes(fitted),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_atomically(folder / name, data)
    entries = {name: describe_file(name, data) for name, data in files.items()}
    manifest = Manifest(
        version=VERSION,
        name=folder.name,
        model_id=f"{folder.name}@{entries['fp32.onnx'].sha256[:12]}",
        dim=fitted.basis.shape[1],
        preprocessing=about.preprocessing,
        files=Files(fp32=entries["fp32.onnx"], int8=entries["int8.onnx"]),
        source=about.source,
        fitted=FittedFiles(
            pca=entries[PCA_FILE],
            pca_pictures=about.pca_pictures,
            ranges=entries[RANGES_FILE],
            ranges_pictures=about.ranges_pictures,
        ),
        figures=dict(figures),
    )
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json, in the order of its fields."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False)
    write_atomically(folder / MANIFEST_FILE, f"{text}\n".encode())


def read_fitted_files(models_dir: Path, name: str) -> tuple[Manifest, Fitted]:
    """The manifest in git, and the fitted files that it names, checked by hash."""
    model = load_manifest(models_dir, name)
    parts, remedy = model.manifest.fitted, f"git checkout -- {model.folder}"
    pca = read_checked(model.folder, parts.pca, remedy)
    ranges = read_checked(model.folder, parts.ranges, remedy)
    return model.manifest, read_fitted(pca, ranges)


def export_again(models_dir: Path, name: str, trunk: Trunk) -> Manifest:
    """Make the graphs that the manifest names, and write them when their hashes agree.

    Raises ModelFileChanged, and writes nothing, when they don't.
    """
    manifest, fitted = read_fitted_files(models_dir, name)
    graphs = make_graphs(trunk, manifest.preprocessing.size, fitted)
    pairs = ((manifest.files.fp32, graphs.fp32), (manifest.files.int8, graphs.int8))
    for entry, data in pairs:
        found = hashlib.sha256(data).hexdigest()
        if found != entry.sha256:
            raise ModelFileChanged(
                f"{entry.file} came out with sha256 {found[:12]}…, the manifest of {name} says "
                f"{entry.sha256[:12]}…: install the version of onnx that pyproject.toml names; "
                "maintainers who changed the export write a new manifest with --update"
            )
    for entry, data in pairs:
        write_atomically(models_dir / name / entry.file, data)
    return manifest


def update(models_dir: Path, name: str, trunk: Trunk) -> Manifest:
    """Maintainers: make the graphs from the fitted files in git, and a manifest that names them.

    The figures are dropped, because they were measured on other graphs.
    """
    manifest, fitted = read_fitted_files(models_dir, name)
    graphs = make_graphs(trunk, manifest.preprocessing.size, fitted)
    about = About(
        manifest.source,
        manifest.preprocessing,
        manifest.fitted.pca_pictures,
        manifest.fitted.ranges_pictures,
    )
    return write_new(models_dir / name, about, graphs, fitted, {})


def verify(models_dir: Path, name: str) -> Manifest:
    """Compare every file that the manifest names with its hash. Raises ModelError."""
    manifest, _ = read_fitted_files(models_dir, name)
    for entry in (manifest.files.fp32, manifest.files.int8):
        read_checked(models_dir / name, entry, f"lookstream export {name}")
    return manifest


def describe_file(name: str, data: bytes) -> ModelFile:
    """A manifest's entry for a file."""
    return ModelFile(file=name, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def write_atomically(file: Path, data: bytes) -> None:
    """A reader sees the old file or the new one, never a part."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
