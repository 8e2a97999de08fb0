"""Logs as strangers write them."""

from __future__ import annotations

import gzip
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from streams.errors import StartRefused
from streams.evaluation import files
from streams.evaluation.loading import read_embeddings
from streams.evaluation.log import Row


def write(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_csv_and_jsonl_say_the_same(tmp_path: Path) -> None:
    csv = write(
        tmp_path,
        "user_id,item_id,kind,at,dwell_s\n"
        'ann,"a, red",like,1700000000,\n'
        "bob,b,dwell,2023-11-14T22:13:21Z,40\n",
    )
    jsonl = write(
        tmp_path,
        '{"user_id":"ann","item_id":"a, red","kind":"like","at":1700000000}\n\n'
        '{"user_id":"bob","item_id":"b","kind":"dwell","at":1700000001,"dwell_s":40}\n',
        "log.jsonl",
    )
    expected = [
        Row("ann", "a, red", "like", 1_700_000_000.0),
        Row("bob", "b", "dwell", 1_700_000_001.0, 40.0),
    ]
    assert files.read_clicks(csv) == expected
    assert files.read_clicks(jsonl) == expected


def test_kind_and_time_may_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "user_id,item_id\n1,2\n")
    assert files.read_clicks(path) == [Row("1", "2", "click", None)]


def test_a_packed_file_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"user_id,item_id\nann,a\n"))
    assert files.read_clicks(path) == [Row("ann", "a", "click", None)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user_id,item_id\nann,a\nbob,\n", "line 3: item_id is missing"),
        (
            "user_id,kind\nann,like\n",
            "line 1: the header needs the columns user_id, item_id, separated by commas; it says "
            "'user_id,kind'",
        ),
        ("u1,i1\nu2,i2\n", "it says 'u1,i1'"),
        ("user_id\titem_id\nann\ta\n", "it says 'user_id\\titem_id'"),
        ('{"user_id":"ann"}\n', "line 1: item_id is missing"),
        ("user_id,item_id,kind\nann,a,loves\n", "line 2: kind is none of view"),
        ("user_id,item_id,at\nann,a,yesterday\n", "line 2: at is not RFC 3339"),
        (
            "user_id,item_id,at\nann,a,1700000000000\n",
            "line 2: at is read as seconds, and lies after 2099: these are milliseconds, divide by "
            "1,000.",
        ),
        ("user_id,item_id,at\nann,a,1700000000000000\n", "microseconds, divide by 1,000,000."),
        ("user_id,item_id,at\nann,a,5e9\n", "line 2: at is read as seconds, and lies after 2099."),
        ("user_id,item_id,at\nann,a,-1\n", "line 2: at is read as seconds, and lies before 1970."),
        ("user_id,item_id,at\nann,a,nan\n", "line 2: at is no finite number"),
        ("user_id,item_id,at\nann,a,inf\n", "line 2: at is no finite number"),
        ("user_id,item_id,at\nann,a,5\nann,b,\n", "line 3: some rows have a time"),
        ("user_id,item_id,kind\nann,a,dwell\n", "line 2: a dwell without dwell_s"),
        ("user_id,item_id\nann,a,b\n", "line 2: 3 cells under a header of 2"),
        ('user_id,item_id\nann,"a\n', "line"),
        ("user_id,item_id\n", "holds no events"),
        ("", "holds no events"),
        ('{"user_id":"ann","item_id":"a"}\n{"user_id":\n', "line 2: "),
        ('{"user_id":"ann","item_id":["a"]}\n', "line 1: item_id is a list"),
        ("user_id,item_id\nann," + "a" * 300 + "\n", "line 2: item_id is longer than 256 bytes"),
        ("user_id,item_id\nann," + "a" * 70_000 + "\n", "line 2: longer than 65,536 bytes"),
    ],
)
def test_what_is_wrong_is_said_by_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(StartRefused) as refused:
        files.read_clicks(path)
    assert str(refused.value).startswith(str(path)[:300])
    assert said in str(refused.value)


@pytest.mark.parametrize("data", [b"not packed", gzip.compress(b"user_id,item_id\n" * 99)[:-9]])
def test_a_broken_packed_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(data)
    with pytest.raises(StartRefused, match="can't be read"):
        files.read_clicks(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"user_id,item_id\nann,\xff\n")
    with pytest.raises(StartRefused, match="line 2: not UTF-8"):
        files.read_clicks(path)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="can't be read: No such file"):
        files.read_clicks(tmp_path / "none.csv")


def test_items_may_say_since_when_or_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "item_id,since\na,5\nb,\n")
    assert files.read_since(path) == {"a": 5.0, "b": -math.inf}


def test_a_split_has_both_parts(tmp_path: Path) -> None:
    path = write(tmp_path, "user,item,part\nann,a,train\nann,b,test\n")
    assert files.read_split(path) == ([("ann", "a")], [("ann", "b")])
    with pytest.raises(StartRefused, match="both parts"):
        files.read_split(write(tmp_path, "user,item,part\nann,a,train\n"))
    with pytest.raises(StartRefused, match="line 2: part is neither"):
        files.read_split(write(tmp_path, "user,item,part\nann,a,valid\n"))


def test_embeddings_of_any_width_are_centred_unit_vectors(tmp_path: Path) -> None:
    path = tmp_path / "emb.npz"
    emb = np.array([[3.0, 4.0, 0], [0, 0, 0], [0, 0, 2], [-0.6, 0.8, 0]])
    np.savez(path, ids=np.array([7, 8, 9, 10]), emb=emb)
    found = read_embeddings(path)
    assert found.ids == ["7", "9", "10"]
    # Of unit vectors, so that a long one is no more than another: (0, 1.6, 1) / 3 is the mean.
    expected = np.array([[0.6, 0.8, 0], [0, 0, 1], [-0.6, 0.8, 0]]) - np.array([0, 1.6, 1]) / 3
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert found.vectors == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f4", "i2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_embeddings_of_any_type_are_the_same_again(tmp_path: Path, kind: str, order: str) -> None:
    path = tmp_path / "emb.npz"
    whole = np.random.default_rng(5).integers(-100, 300, (50, 8))
    np.savez(path, ids=np.arange(50), emb=np.array(whole, kind, order=order))  # type: ignore[call-overload]
    once, again = read_embeddings(path), read_embeddings(path)
    assert once.vectors.dtype == np.float32
    assert once.vectors.tobytes() == again.vectors.tobytes()
    np.savez(path, ids=np.arange(50), emb=whole.astype(np.float64))
    assert once.vectors == pytest.approx(read_embeddings(path).vectors, abs=1e-6)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"ids": np.array(["a"])}, "no array `emb`"),
        ({"ids": np.array(["a", "b"]), "emb": np.ones((1, 3))}, "2 ids but 1 vectors"),
        ({"ids": np.array(["a", "a"]), "emb": np.ones((2, 3))}, "twice"),
        ({"ids": np.array(["a", "b"]), "emb": np.array([[np.nan], [1]])}, "not finite"),
        ({"ids": np.array(["a", "b"]), "emb": np.array([[np.inf, 1], [1, 1]])}, "not finite"),
        ({"ids": np.array(["a", "b"]), "emb": np.zeros((2, 3))}, "all 2 vectors are zero"),
        ({"ids": np.array(["a", "b"]), "emb": np.array([[0.1, 0.3], [0.2, 0.6]])}, "no difference"),
        ({"ids": np.array(["a"]), "emb": np.ones(3)}, "not a table of numbers"),
        ({"ids": np.array([{"a": 1}], object), "emb": np.ones((1, 3))}, "objects"),
    ],
)
def test_embeddings_that_cant_be_used_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], said: str
) -> None:
    path = tmp_path / "emb.npz"
    np.savez(path, **arrays)
    with pytest.raises(StartRefused, match=said):
        read_embeddings(path)


def test_an_array_that_promises_more_than_there_is_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "emb.npz"
    np.savez(path, ids=np.array(["a"]))
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 999), }"
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("emb.npy", b"\x93NUMPY\x01\x00" + bytes([118, 0]) + header)
    with pytest.raises(StartRefused, match="promises more than there is"):
        read_embeddings(path)


def test_a_missing_archive_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StartRefused) as refused:
        read_embeddings(tmp_path / "none.npz")
    assert str(refused.value).endswith("none.npz can't be used: No such file or directory.")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="can't be used"):
        read_embeddings(write(tmp_path, "text", "emb.npz"))
