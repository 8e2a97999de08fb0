"""`lookstream evaluate` from files to figures."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.core.rules import TasteRules
from streams.evaluation.baselines.popularity import Popularity
from streams.evaluation.split import make_split, run_split

PNG = b"\x89PNG"


@pytest.fixture
def clicks(tmp_path: Path) -> Path:
    random = np.random.default_rng(6)
    path = tmp_path / "clicks.csv"
    rows = [
        f"u{random.integers(12)},i{random.integers(30)},like,{1_700_000_000 + 50 * n}"
        for n in range(300)
    ]
    path.write_text("user_id,item_id,kind,at\n" + "\n".join(rows) + "\n")
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_log_becomes_a_table_a_file_and_a_picture(clicks: Path, tmp_path: Path) -> None:
    out, drawn = tmp_path / "out.json", tmp_path / "out.png"
    code, said = run("--clicks", clicks, "--json", out, "--plot", drawn)
    assert code == 0, said
    assert "lookstream" in said
    assert "popularity" in said
    made = json.loads(out.read_text())
    assert set(made["methods"]) >= {"lookstream", "random", "popularity", "item-cf", "sessions"}
    assert "pictures" not in made["methods"]
    ours = made["methods"]["lookstream"]
    assert 0 <= ours["hr@10"] <= ours["hr@50"] <= 1
    assert ours["intervals"]["hr@10"][0] <= ours["hr@10"] <= ours["intervals"]["hr@10"][1]
    assert ours["diversity"] is None
    ahead = made["methods"]["popularity"]["lookstream_ahead"]["hr@10"]
    assert ahead[0] == pytest.approx(ours["hr@10"] - made["methods"]["popularity"]["hr@10"])
    assert made["slices"]["gap to an hour"]["methods"]["popularity"]["hr@10"] is not None
    assert drawn.read_bytes().startswith(PNG)


def test_the_figures_are_the_same_to_the_last_digit(clicks: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one.json", "two.json"):
        assert run("--clicks", clicks, "--json", tmp_path / name)[0] == 0
        found = json.loads((tmp_path / name).read_text())
        del found["speed"]
        made.append(found)
    assert made[0] == made[1]


def test_embeddings_bring_the_pictures_row_and_the_diversity(clicks: Path, tmp_path: Path) -> None:
    emb = tmp_path / "emb.npz"
    random = np.random.default_rng(1)
    np.savez(emb, ids=np.array([f"i{n}" for n in range(30)]), emb=random.normal(size=(30, 12)))
    out = tmp_path / "out.json"
    code, said = run("--clicks", clicks, "--embeddings", emb, "--score-all", "--json", out)
    assert code == 0, said
    methods = json.loads(out.read_text())["methods"]
    assert "pictures" in methods
    assert "all-scored" in methods
    assert 0 < methods["pictures"]["diversity"] < 2


def test_a_split_is_judged_by_recall_and_ndcg(tmp_path: Path) -> None:
    path, out = tmp_path / "split.csv", tmp_path / "out.json"
    rows = [f"u{n % 9},i{n % 7},train" for n in range(40)] + ["u0,i3,test", "u2,i0,test"]
    path.write_text("user,item,part\n" + "\n".join(rows) + "\n")
    code, said = run("--split", path, "--json", out)
    assert code == 0, said
    made = json.loads(out.read_text())
    assert set(made["methods"]["popularity"]) >= {"recall@20", "ndcg@20"}
    assert made["slices"] == {}
    assert not {"warm_up", "every"} & set(made["protocol"])


def test_recall_and_ndcg_of_a_split_by_hand() -> None:
    train = [(f"u{n}", "a") for n in range(3)] + [(f"u{n}", "b") for n in range(2)] + [("u9", "z")]
    test = [("u9", "b"), ("u9", "unknown"), ("u2", "b"), ("new", "a"), ("u0", "a")]
    log, wanted = make_split(train, test, TasteRules(), seed=1)
    found = run_split(log, wanted, [Popularity(len(log.item_ids))])
    # Popular: a 3, b 2, z 1. u9 finds b second of two wanted; u2 finds b first; new finds a first;
    # u0 has a already, so nothing of hers is wanted.
    users = [log.user_ids[user] for user in found.users.tolist()]
    recall = dict(zip(users, found.values["popularity"]["recall@20"].tolist(), strict=True))
    ndcg = dict(zip(users, found.values["popularity"]["ndcg@20"].tolist(), strict=True))
    assert recall == {"u9": 0.5, "u2": 1.0, "new": 1.0}
    second, both = 1 / np.log2(3), 1 + 1 / np.log2(3)
    assert ndcg == pytest.approx({"u9": second / both, "u2": 1.0, "new": 1.0})


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "--clicks and --split"),
        (["--clicks", "x", "--pictures", "y", "--embeddings", "z"], 2, "or neither"),
        (["--clicks", "no-such-file"], 78, "can't be read"),
    ],
)
def test_what_cant_be_done_is_said(arguments: list[str], code: int, said: str) -> None:
    found, output = run(*arguments)
    assert found == code
    assert said in " ".join(output.split())


@pytest.mark.parametrize(
    ("option", "name", "why"),
    [
        ("--json", "none/out.json", "there is no folder"),
        ("--plot", "none/out.png", "there is no folder"),
        ("--json", "folder", "it is a folder"),
        ("--plot", "folder", "it is a folder"),
        ("--plot", "out.xyz", "its name must end in one of"),
        ("--plot", "out", "its name must end in one of"),
    ],
)
def test_an_output_that_cant_be_written_is_said_before_the_work(
    tmp_path: Path, option: str, name: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    # There is no such log: it would be said, if it was looked at first.
    code, said = run("--clicks", tmp_path / "no-such-log", option, tmp_path / name)
    assert code == 78
    assert f"{name} can't be written: {why}" in said


def test_an_output_that_cant_be_written_after_all_is_a_sentence(
    clicks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    code, said = run("--clicks", clicks, "--every", 50, "--json", tmp_path / "out.json")
    assert code == 78
    assert "out.json can't be written: No space left on device." in said


def embeddings(path: Path, ids: list[str]) -> Path:
    vectors = np.random.default_rng(1).normal(size=(len(ids), 12))
    np.savez(path, ids=np.array(ids), emb=vectors)
    return path


def test_pictures_of_other_items_than_the_logs_are_refused(clicks: Path, tmp_path: Path) -> None:
    emb = embeddings(tmp_path / "emb.npz", ["x7", "x8"])
    code, said = run("--clicks", clicks, "--embeddings", emb)
    assert code == 78
    first = clicks.read_text().splitlines()[1].split(",")[1]
    assert f"None of the log's 30 items has a picture: it names '{first}', they name 'x7'" in said


def test_how_many_items_have_a_picture_is_said(clicks: Path, tmp_path: Path) -> None:
    emb, out = embeddings(tmp_path / "emb.npz", ["i1", "i2", "i7", "more"]), tmp_path / "out.json"
    code, said = run("--clicks", clicks, "--embeddings", emb, "--every", 20, "--json", out)
    assert code == 0, said
    assert "3 of the log's 30 items have a picture" in said
    protocol = json.loads(out.read_text())["protocol"]
    assert (protocol["pictured"], protocol["items"]) == (3, 31)


def test_that_the_crowd_does_not_rank_yet_is_said(clicks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    code, said = run("--clicks", clicks, "--every", 20, "--json", out)
    assert code == 0, said
    reached = json.loads(out.read_text())["protocol"]["likes_learned"]
    assert 150 < reached < 300
    told = " ".join(said.split())
    assert f"others' clicks rank its lists from 1,000 likes on, and {reached:,.0f} were" in told


@pytest.mark.parametrize(
    ("option", "value"), [("--items", "items.csv"), ("--warm-up", 0.5), ("--every", 1)]
)
def test_what_means_nothing_to_a_split_is_refused(
    tmp_path: Path, option: str, value: object
) -> None:
    code, said = run("--split", tmp_path / "split.csv", option, value)
    assert code == 2
    assert f"{option} counts with --clicks only" in " ".join(said.replace("│", " ").split())


def test_a_log_with_nothing_to_rank_is_said(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("user_id,item_id,kind\nann,a,view\n")
    code, said = run("--clicks", path)
    assert code == 78
    assert "nothing to rank" in " ".join(said.split())
