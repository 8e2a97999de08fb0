"""What the benchmarks are about: items in clusters, users with a few tastes, and their clicks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.manifest import load_manifest

MODELS = Path(__file__).resolve().parents[2] / "exported_models"
MODEL = "resnet50-thin"
MODEL_ID = load_manifest(MODELS, MODEL).model_id
DIM = 256
TASTES_A_USER = 3


@dataclass(frozen=True)
class World:
    """`items` unit vectors around one centre for every 100 of them; `users` with three tastes."""

    items: int
    users: int = 1000
    seed: int = 1

    @cached_property
    def centres(self) -> int:
        return max(8, self.items // 100)

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """float32 [items, 256], unit rows; item n belongs to centre n modulo `centres`."""
        rng = np.random.default_rng(self.seed)
        centres = rng.standard_normal((self.centres, DIM)).astype(np.float32)
        made = rng.standard_normal((self.items, DIM)).astype(np.float32)
        made += 1.2 * centres[np.arange(self.items) % self.centres]
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return made

    def item_id(self, number: int) -> str:
        return f"item-{number:06d}"

    def clicks(self, count: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of `count` clicks: nine of ten on an item of one of her tastes."""
        rng = np.random.default_rng((self.seed, seed))
        tastes = np.random.default_rng(self.seed).integers(
            self.centres, size=(self.users, TASTES_A_USER)
        )
        per_centre = self.items // self.centres
        for _ in range(count):
            user = int(rng.integers(self.users))
            if rng.random() < 0.9:
                taste = int(tastes[user, rng.integers(TASTES_A_USER)])
                item = taste + self.centres * int(rng.integers(per_centre))
            else:
                item = int(rng.integers(self.items))
            yield f"user-{user:05d}".encode(), json.dumps({"item_id": self.item_id(item)}).encode()
