"""The exported models give the vectors they gave when they were fitted, and nothing else."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from inference.encoder import Encoder
from inference.export import exporting
from inference.export.recipes import recipe_for
from tests.golden.models import NAMES, golden_file, models_dir_with
from tests.golden.pictures import golden_pictures

# The expected vectors are rounded to float16, which alone costs about 1e-7 of cosine. Other
# processors sum in another order: 1e-6 in fp32. In int8 a value that lies between two levels may
# fall to the other one, and that goes on through the layers.
LEAST_COSINE = {"fp32": 0.9999, "int8": 0.995}


@pytest.fixture(
    scope="module", params=[(n, v) for n in NAMES for v in ("fp32", "int8")], ids=":".join
)
def loaded(request: pytest.FixtureRequest) -> tuple[str, str, Encoder]:
    name, variant = request.param
    encoder = Encoder(models_dir_with(name), f"{name}:{variant}", device="cpu", threads=2)
    return name, variant, encoder


def test_vectors_are_those_of_the_fitted_model(loaded):
    name, variant, encoder = loaded
    with np.load(golden_file(name), allow_pickle=False) as expected:
        assert str(expected["model_id"]) == encoder.model_id, "run python -m tests.golden.make"
        wanted = expected[variant].astype(np.float32)
    vectors = encoder.encode(golden_pictures())
    cosines = (vectors * wanted).sum(axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosines.min() >= LEAST_COSINE[variant], cosines


def test_vectors_are_float32_unit_rows(loaded):
    _, _, encoder = loaded
    vectors = encoder.encode(golden_pictures())
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, 256)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_different_pictures_have_different_vectors(loaded):
    _, _, encoder = loaded
    vectors = encoder.encode(golden_pictures())
    similarity = vectors @ vectors.T - np.eye(5)
    assert similarity.max() < 0.9


def test_a_vector_is_the_same_bit_for_bit_whatever_else_is_in_the_batch(loaded):
    name, variant, encoder = loaded
    pictures = golden_pictures()
    one_thread = Encoder(models_dir_with(name), f"{name}:{variant}", device="cpu", threads=1)
    alone = [encoder.encode(picture[None])[0] for picture in pictures]
    for order in (
        [0, 1, 2, 3, 4],
        [4, 2, 0],
        [3, 3, 3, 1, 3, 3, 3],
        [2, 1],
        [1, 4, 0, 3] * 4 + [2],
    ):
        together = encoder.encode(pictures[order])
        for row, number in zip(together, order, strict=True):
            assert row.tobytes() == alone[number].tobytes()
        assert one_thread.encode(pictures[order]).tobytes() == together.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_int8_stays_near_fp32(name):
    folder = models_dir_with(name)
    pictures = golden_pictures()[[0, 2, 4]]
    full = Encoder(folder, name, device="cpu", threads=2).encode(pictures)
    small = Encoder(folder, f"{name}:int8", device="cpu", threads=2).encode(pictures)
    assert (full * small).sum(axis=1).min() > 0.8


@pytest.mark.parametrize("name", NAMES)
def test_exporting_again_gives_the_hashes_of_the_manifest(name):
    manifest, fitted = exporting.read_fitted_files(models_dir_with(name), name)
    recipe = recipe_for(name)
    trunk = recipe.build(recipe.weights())
    graphs = exporting.make_graphs(trunk, manifest.preprocessing.size, fitted)
    assert hashlib.sha256(graphs.fp32).hexdigest() == manifest.files.fp32.sha256
    assert hashlib.sha256(graphs.int8).hexdigest() == manifest.files.int8.sha256


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_recorded_at_export_hold_what_is_promised(name):
    manifest, _ = exporting.read_fitted_files(models_dir_with(name), name)
    catalogues = [row for row in manifest.figures.values() if "chance" in row]
    assert len(catalogues) == 4
    for row in catalogues:
        assert abs(row["precision_at_10_fp32"] - row["precision_at_10_int8"]) <= 0.01
        assert row["precision_at_10_fp32"] > 3 * row["chance"]
