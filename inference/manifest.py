"""The description beside an exported model: exported_models/NAME/manifest.json.

It is in git; the graphs it names are not. Whoever loads a graph compares its bytes with the sha256
here, so a vector can only come from the graph that the model id names.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.errors import (
    ManifestInvalid,
    ModelError,
    ModelFileChanged,
    ModelFileMissing,
    UnknownManifestVersion,
)
from inference.preprocess import Preprocessing

VERSION = 1
MANIFEST_FILE = "manifest.json"
Variant = Literal["fp32", "int8"]
VARIANTS: tuple[Variant, ...] = ("fp32", "int8")

_MOST_BYTES = 1_000_000
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_FileName = Annotated[str, Field(pattern=rf"^{_NAME}$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(_Part):
    """One file beside the manifest."""

    file: _FileName
    sha256: _Sha256
    bytes: int = Field(gt=0)


class Files(_Part):
    """The two graphs. Both give vectors of the same space."""

    fp32: ModelFile
    int8: ModelFile


class Source(_Part):
    """Where the weights come from, and under which terms."""

    weights: str
    sha256: _Sha256
    feature: str
    url: str = ""
    licence: str
    attribution: str = ""


class Fitted(_Part):
    """What was fitted once, and on which pictures."""

    pca: ModelFile
    pca_pictures: str
    ranges: ModelFile
    ranges_pictures: str


class Manifest(_Part):
    """Version 1 of the description.

    dim            the vectors are float32 [n, dim], rows of norm 1.
    preprocessing  the pixels are uint8 [n, size, size, 3], RGB, made as it says.
    model_id       names the vector space: two vectors may be compared when their ids are equal.
    figures        what was measured when the model was fitted (docs/models.md says how).
    """

    version: Literal[1]
    name: _FileName
    model_id: str = Field(pattern=rf"^{_NAME}@[0-9a-f]{{12}}$")
    dim: int = Field(gt=0, le=4096)
    preprocessing: Preprocessing
    files: Files
    source: Source
    fitted: Fitted
    figures: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A manifest, and which of its two graphs was asked for."""

    manifest: Manifest
    variant: Variant
    folder: Path

    @property
    def model_id(self) -> str:
        return self.manifest.model_id

    @property
    def dim(self) -> int:
        return self.manifest.dim

    @property
    def preprocessing(self) -> Preprocessing:
        return self.manifest.preprocessing

    @property
    def entry(self) -> ModelFile:
        """The graph's name and hash."""
        return self.manifest.files.int8 if self.variant == "int8" else self.manifest.files.fp32

    def read_graph(self) -> bytes:
        """The graph's bytes, after comparing them with the manifest's sha256.

        Give these bytes to the session, not the path: a file can change between two readings.
        Raises ModelFileMissing or ModelFileChanged.
        """
        return read_checked(self.folder, self.entry, f"lookstream export {self.manifest.name}")


def load_manifest(models_dir: Path, model: str) -> Model:
    """Read the manifest of `NAME` or `NAME:int8`. Reads only JSON, no graph.

    Raises ModelFileMissing, ManifestInvalid or UnknownManifestVersion.
    """
    name, _, wanted = model.partition(":")
    variant = wanted or "fp32"
    if not re.fullmatch(_NAME, name) or variant not in VARIANTS or model.endswith(":"):
        raise ModelError(f"the model {model!r} is neither NAME, NAME:fp32 nor NAME:int8")
    file = models_dir / name / MANIFEST_FILE
    manifest = parse_manifest(_read_manifest(file, models_dir, name), file)
    if manifest.name != name:
        raise ManifestInvalid(f"{file} describes {manifest.name}: rename its folder to that")
    return Model(manifest, variant, file.parent)


def parse_manifest(data: bytes, file: Path) -> Manifest:
    """Check the bytes of a manifest. Raises ManifestInvalid or UnknownManifestVersion."""
    again = "take the one from git, or export the model again with --update"
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"{file} is not JSON ({type(error).__name__}): {again}") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION or isinstance(version, bool):
        raise UnknownManifestVersion(
            f"{file} is of version {version!r:.20}, this lookstream reads version {VERSION}: "
            "export the model again, or use the lookstream that wrote it"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ManifestInvalid(f"{file} is wrong at {where} ({first['msg']}): {again}") from error


def read_checked(folder: Path, entry: ModelFile, remedy: str) -> bytes:
    """Read a file named by a manifest, and compare its hash.

    Raises ModelFileMissing or ModelFileChanged, both with `remedy`, a command.
    """
    file = folder / entry.file
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise ModelFileMissing(f"{file} is missing: make it with `{remedy}`") from error
    except OSError as error:
        raise ModelFileMissing(f"{file} cannot be read ({error.strerror})") from error
    found = hashlib.sha256(data).hexdigest()
    if found != entry.sha256:
        raise ModelFileChanged(
            f"{file} is not the file that its manifest names (sha256 {found[:12]}…, expected "
            f"{entry.sha256[:12]}…): make it again with `{remedy}`"
        )
    return data


def _read_manifest(file: Path, models_dir: Path, name: str) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        known = sorted(p.parent.name for p in models_dir.glob(f"*/{MANIFEST_FILE}"))
        raise ModelFileMissing(
            f"there is no model {name} in {models_dir} (found: {', '.join(known) or 'none'}); "
            "set LOOKSTREAM_MODEL to one of them, or make it with `lookstream export`"
        ) from error
    except OSError as error:
        raise ModelFileMissing(f"{file} cannot be read ({error.strerror})") from error
    if len(data) > _MOST_BYTES:
        raise ManifestInvalid(f"{file} has more than {_MOST_BYTES} bytes: that is no manifest")
    return data
