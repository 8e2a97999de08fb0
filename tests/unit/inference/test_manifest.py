from __future__ import annotations

import json

import pytest

from inference.errors import (
    ManifestInvalid,
    ModelError,
    ModelFileChanged,
    ModelFileMissing,
    UnknownManifestVersion,
)
from inference.manifest import load_manifest
from tests.support.small_models import export_small


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    export_small(folder)
    return folder


@pytest.fixture
def models(exported, tmp_path):
    """A copy that a test may spoil."""
    (tmp_path / "small").mkdir()
    for file in (exported / "small").iterdir():
        (tmp_path / "small" / file.name).write_bytes(file.read_bytes())
    return tmp_path


def _edit(models, change):
    file = models / "small" / "manifest.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_a_name_alone_means_fp32(models):
    assert load_manifest(models, "small").variant == "fp32"
    assert load_manifest(models, "small:fp32").entry.file == "fp32.onnx"
    assert load_manifest(models, "small:int8").entry.file == "int8.onnx"


def test_both_variants_name_the_same_vector_space(models):
    full, small = load_manifest(models, "small"), load_manifest(models, "small:int8")
    assert full.model_id == small.model_id
    assert full.model_id == f"small@{full.manifest.files.fp32.sha256[:12]}"
    assert full.dim == small.dim == 12


def test_the_manifest_is_read_without_the_graphs(models):
    (models / "small" / "fp32.onnx").unlink()
    assert load_manifest(models, "small").dim == 12


@pytest.mark.parametrize(
    "name", ["", ":int8", "small:", "small:int4", "../small", "a/b", "small\n"]
)
def test_what_is_no_name_is_refused(models, name):
    with pytest.raises(ModelError, match="neither NAME"):
        load_manifest(models, name)


def test_an_unknown_model_is_refused_with_the_names_of_the_known(models):
    with pytest.raises(ModelFileMissing, match=r"no model big .*found: small.*lookstream export"):
        load_manifest(models, "big")


def test_a_missing_graph_says_how_to_make_it(models):
    (models / "small" / "int8.onnx").unlink()
    with pytest.raises(ModelFileMissing, match="lookstream export small"):
        load_manifest(models, "small:int8").read_graph()


def test_a_changed_graph_is_refused(models):
    file = models / "small" / "fp32.onnx"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelFileChanged, match=r"not the file .*lookstream export small"):
        load_manifest(models, "small").read_graph()


@pytest.mark.parametrize("version", [0, 2, "1", True, None, 1.5])
def test_an_unknown_version_is_refused(models, version):
    _edit(models, lambda m: m.update(version=version))
    with pytest.raises(UnknownManifestVersion, match="reads version 1"):
        load_manifest(models, "small")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda m: m.pop("dim"), "dim"),
        (lambda m: m.update(dim=0), "dim"),
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m.update(model_id="small"), "model_id"),
        (lambda m: m["files"]["fp32"].update(file="../../etc/passwd"), "files.fp32.file"),
        (lambda m: m["files"]["fp32"].update(sha256="abc"), "files.fp32.sha256"),
        (lambda m: m["files"].pop("int8"), "files.int8"),
        (lambda m: m["preprocessing"].update(crop="left"), "preprocessing"),
        (lambda m: m["preprocessing"].update(size=10**9), "preprocessing"),
        (lambda m: m["preprocessing"].update(shear=1), "preprocessing"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(models, change, where):
    _edit(models, change)
    with pytest.raises(ManifestInvalid, match=where.replace(".", r"\.")):
        load_manifest(models, "small")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(models, data):
    (models / "small" / "manifest.json").write_bytes(data)
    with pytest.raises(ManifestInvalid):
        load_manifest(models, "small")


@pytest.mark.parametrize("data", [b"[]", b"null", b'"x"'])
def test_json_that_is_no_manifest_is_refused(models, data):
    (models / "small" / "manifest.json").write_bytes(data)
    with pytest.raises(UnknownManifestVersion):
        load_manifest(models, "small")


def test_an_enormous_manifest_is_not_read(models):
    (models / "small" / "manifest.json").write_bytes(b" " * 2_000_000)
    with pytest.raises(ManifestInvalid, match="more than"):
        load_manifest(models, "small")


def test_a_renamed_folder_is_refused(models):
    (models / "small").rename(models / "other")
    with pytest.raises(ManifestInvalid, match="describes small"):
        load_manifest(models, "other")
