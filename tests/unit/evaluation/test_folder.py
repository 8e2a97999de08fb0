"""Vectors made of a folder of pictures, by a real encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streams.errors import StartRefused
from streams.evaluation.loading import embed_folder
from streams.settings import Settings, defaults
from tests.support.small_models import export_small, random_pictures


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    models = tmp_path_factory.mktemp("models")
    export_small(models)
    given = {"models_dir": models, "model": "small", "device": "cpu"}
    return defaults().model_copy(update=given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, pixels in enumerate(random_pictures(40)):
        Image.fromarray(pixels).save(tmp_path / f"item-{number}.png")
    return tmp_path


def test_pictures_are_named_by_their_items_and_become_unit_vectors(
    folder: Path, settings: Settings
) -> None:
    heard: list[tuple[int, int]] = []
    found, left_out = embed_folder(folder, settings, lambda done, of: heard.append((done, of)))
    assert sorted(found.ids) == sorted(f"item-{number}" for number in range(40))
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1, abs=1e-3)
    assert found.hashes.shape == (40,)
    assert left_out == []
    assert heard[-1] == (40, 40)


def test_a_picture_that_cant_be_read_is_left_out_and_named(
    folder: Path, settings: Settings
) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "notes.txt").write_text("no picture, and not counted as one")
    found, left_out = embed_folder(folder, settings, lambda done, of: None)
    assert len(found.ids) == 40
    assert [line.partition(":")[0] for line in left_out] == ["broken.png"]


def test_two_pictures_of_one_item_are_refused(folder: Path, settings: Settings) -> None:
    Image.new("RGB", (20, 20)).save(folder / "item-3.jpg")
    with pytest.raises(StartRefused, match="two pictures of one item"):
        embed_folder(folder, settings, lambda done, of: None)


def test_a_folder_without_pictures_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(StartRefused, match=r"no pictures: .* \.bmp, .*, \.webp"):
        embed_folder(tmp_path, settings, lambda done, of: None)
