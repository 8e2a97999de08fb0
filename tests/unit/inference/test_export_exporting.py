"""Folders of exported models: written once, made again bit for bit, checked by hash."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from inference.errors import ModelError, ModelFileChanged, ModelFileMissing
from inference.export import exporting, fresh
from inference.export.fitting import fit_pca, pca_bytes, ranges_bytes, read_fitted
from inference.export.recipes import RECIPES
from inference.manifest import Source
from inference.preprocess import Preprocessing
from tests.support.small_models import SIZE, export_small, random_pictures, small_trunk


@pytest.fixture
def models(tmp_path):
    export_small(tmp_path)
    return tmp_path


def test_exporting_again_restores_the_same_files(models):
    before = {f.name: f.read_bytes() for f in (models / "small").iterdir()}
    (models / "small" / "fp32.onnx").unlink()
    (models / "small" / "int8.onnx").write_bytes(b"damaged")
    exporting.export_again(models, "small", small_trunk())
    assert {f.name: f.read_bytes() for f in (models / "small").iterdir()} == before


def test_other_weights_are_refused_and_nothing_is_written(models):
    (models / "small" / "fp32.onnx").unlink()
    with pytest.raises(ModelFileChanged, match="--update"):
        exporting.export_again(models, "small", small_trunk(seed=1))
    assert not (models / "small" / "fp32.onnx").exists()


def test_a_changed_pca_is_refused(models):
    (models / "small" / "pca.npz").write_bytes(b"other")
    with pytest.raises(ModelFileChanged, match=r"pca\.npz"):
        exporting.export_again(models, "small", small_trunk())


def test_update_writes_a_manifest_for_the_new_graphs_without_old_figures(models):
    file = models / "small" / "manifest.json"
    content = json.loads(file.read_text())
    content["figures"] = {"speed": {"int8_to_fp32": 9.0}}
    file.write_text(json.dumps(content))
    old = content["model_id"]
    manifest = exporting.update(models, "small", small_trunk(seed=1))
    assert manifest.model_id != old
    assert manifest.figures == {}
    exporting.verify(models, "small")


def test_verify_finds_a_missing_and_a_changed_graph(models):
    exporting.verify(models, "small")
    (models / "small" / "int8.onnx").write_bytes(b"changed")
    with pytest.raises(ModelFileChanged):
        exporting.verify(models, "small")
    (models / "small" / "int8.onnx").unlink()
    with pytest.raises(ModelFileMissing):
        exporting.verify(models, "small")


def test_a_pca_for_another_cnn_is_refused(models):
    with pytest.raises(ModelError, match="12 channels, the CNN has 13"):
        exporting.export_again(models, "small", small_trunk(dim=13))


def test_fitted_files_come_back_as_they_were_written(models):
    _, fitted = exporting.read_fitted_files(models, "small")
    again = read_fitted(pca_bytes(fitted), ranges_bytes(fitted))
    np.testing.assert_array_equal(again.mean, fitted.mean)
    np.testing.assert_array_equal(again.basis, fitted.basis)
    assert again.ranges == fitted.ranges


@pytest.mark.parametrize(
    ("pca", "ranges"), [(b"", b"{}"), (b"x" * 99, b"{}"), (None, b"["), (None, b'{"a": 1}')]
)
def test_damaged_fitted_files_are_refused(models, pca, ranges):
    good = (models / "small" / "pca.npz").read_bytes()
    with pytest.raises(ModelError, match="fitted files cannot be read"):
        read_fitted(good if pca is None else pca, ranges)


def test_the_pca_separates_what_differs_and_is_centred():
    rng = np.random.default_rng(0)
    features = np.abs(rng.normal(size=(600, 300))).astype(np.float32)
    mean, basis = fit_pca(features)
    assert basis.shape == (300, 256)
    root = np.sqrt(features) / np.linalg.norm(np.sqrt(features), axis=1, keepdims=True)
    projected = (root - mean) @ basis
    assert np.abs(projected.mean(axis=0)).max() < 1e-3
    correlation = np.corrcoef(projected[:, :8].T) - np.eye(8)
    assert np.abs(correlation).max() < 0.02


def test_too_few_pictures_for_a_pca_are_refused():
    with pytest.raises(ModelError, match="at least 24"):
        fit_pca(np.ones((23, 12), np.float32))


def _wanted(folder, **changes):
    values = {
        "name": "theirs",
        "trunk": small_trunk(),
        "source": Source(weights="theirs.onnx", sha256="1" * 64, feature="c", licence="CC0-1.0"),
        "preprocessing": Preprocessing(size=SIZE, resize=SIZE, interpolation="bilinear"),
        "pictures": folder,
        "replace": False,
        "measured": False,
        "threads": 1,
    }
    return fresh.Wanted(**{**values, **changes})


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, pixels in enumerate(random_pictures(40)):
        Image.fromarray(pixels).resize((32, 32)).save(folder / f"{i}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def _ignore(_what):
    """Nobody listens to the progress."""


def test_a_fresh_export_fits_on_the_folder_and_says_so(tmp_path, pictures):
    manifest = fresh.export_fresh(tmp_path, _wanted(pictures), _ignore)
    assert manifest.fitted.pca_pictures == "40 of the folder pictures"
    exporting.verify(tmp_path, "theirs")


def test_exporting_it_again_gives_the_same_id_without_fitting(tmp_path, pictures):
    first = fresh.export_fresh(tmp_path, _wanted(pictures), _ignore)
    (tmp_path / "theirs" / "fp32.onnx").unlink()
    for file in pictures.iterdir():
        file.unlink()
    assert fresh.export_fresh(tmp_path, _wanted(pictures), _ignore) == first
    exporting.verify(tmp_path, "theirs")


def test_another_source_under_the_same_name_is_refused(tmp_path, pictures):
    fresh.export_fresh(tmp_path, _wanted(pictures), _ignore)
    other = Source(weights="o.onnx", sha256="2" * 64, feature="c", licence="CC0-1.0")
    with pytest.raises(ModelError, match=r"another --name, or .*--replace"):
        fresh.export_fresh(tmp_path, _wanted(pictures, source=other), _ignore)
    manifest = fresh.export_fresh(tmp_path, _wanted(pictures, source=other, replace=True), _ignore)
    assert manifest.source == other


def test_known_models_name_their_packages_with_a_version():
    assert set(RECIPES) == {"resnet50-thin", "efficientnet-lite0"}
    for recipe in RECIPES.values():
        assert "==" in recipe.package
        assert recipe.licence
