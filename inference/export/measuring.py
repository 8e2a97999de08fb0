"""The figures of an exported model, for its manifest and for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inference.devices import onnx_runtime, open_session
from inference.export import sets
from inference.export.figures import SPEED_BATCH, encode, precision, speeds
from inference.manifest import load_manifest
from inference.preprocess import Preprocessing

_SYMBOLS = "symbols"


def measure(
    models_dir: Path,
    name: str,
    *,
    stamps: Path | None,
    rounds: int,
    say: Callable[[str], object],
) -> dict[str, Any]:
    """Run both graphs over the catalogues: {catalogue: figures, "speed": figures}.

    `stamps` is a folder of pictures in folders, or None. `say` is told what is being measured.
    Raises ModelError.
    """
    models = [load_manifest(models_dir, f"{name}:{variant}") for variant in ("fp32", "int8")]
    runtime = onnx_runtime()
    sessions = [open_session(m.read_graph(), "cpu", 1, runtime)[0] for m in models]
    figures: dict[str, Any] = {}
    drawn: list[sets.Labelled] = []
    for title, pictures in _catalogues(stamps, models[0].preprocessing, say).items():
        drawn = drawn or pictures
        vectors = [encode(session, pictures) for session in sessions]
        full, small = (precision(v, [p.group for p in pictures]) for v in vectors)
        cosines = np.einsum("nd,nd->n", *vectors)
        figures[title] = {
            "pictures": full.pictures,
            "groups": full.groups,
            "chance": round(full.chance, 3),
            "precision_at_10_fp32": round(full.value, 3),
            "precision_at_10_int8": round(small.value, 3),
            "cosine_int8_mean": round(float(cosines.mean()), 4),
            "cosine_int8_least": round(float(cosines.min()), 4),
        }
    say("speed")
    few = np.stack([p.pixels for p in drawn[:: len(drawn) // SPEED_BATCH]])[:SPEED_BATCH]
    fast = speeds(sessions, few, rounds)
    figures["speed"] = {
        "fp32_pictures_per_cpu_s": round(fast[0], 1),
        "int8_pictures_per_cpu_s": round(fast[1], 1),
        "int8_to_fp32": round(fast[1] / fast[0], 2),
        "measured_with": f"onnxruntime {runtime.version}, one thread, batch {SPEED_BATCH}",
    }
    return figures


def _catalogues(
    stamps: Path | None, preprocessing: Preprocessing, say: Callable[[str], object]
) -> dict[str, list[sets.Labelled]]:
    say("OpenMoji")
    drawn = list(sets.openmoji(preprocessing, sequences=True, extras=False))
    found = {
        "OpenMoji": drawn,
        "OpenMoji without flags": [p for p in drawn if p.group != "Flags"],
    }
    if stamps is not None:
        say("stamps")
        given = list(sets.folder(stamps, preprocessing))
        found["stamps"] = given
        # Mirrored twins would find each other.
        found["stamps without symbols and mirrored ones"] = [
            p for p in given if p.group != _SYMBOLS and not p.name.endswith("_mirror")
        ]
    return found
