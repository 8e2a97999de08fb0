"""What becomes an item, and what is left out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from streams.local.catalogue import folder, openmoji
from tests.unit.local.making import png


def ids(path: Path, count: int = 100, seed: int = 1) -> list[str]:
    return [item.item_id for item in folder(path, count, seed).items]


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_file_is_an_item_and_its_sub_folder_the_group(tmp_path: Path) -> None:
    put(tmp_path / "shoes" / "red" / "left_boot-3.png", png())
    (item,) = folder(tmp_path, 10, 1).items
    assert item.item_id == "shoes/red/left_boot-3.png"
    assert (item.group, item.theme, item.title) == ("shoes", "shoes", "left boot 3")
    assert item.labels == ("shoes", "red")
    assert item.picture() == png()


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    secret = put(outside / "secret.png", png())
    put(inside / "own.png", png())
    (inside / "file.png").symlink_to(secret)
    (inside / "folder").symlink_to(outside)
    found = folder(inside, 10, 1)
    assert [item.item_id for item in found.items] == ["own.png"]
    assert found.skipped["links"] == 2


def test_odd_files_are_skipped_and_counted(tmp_path: Path) -> None:
    put(tmp_path / "good.PNG", png())
    put(tmp_path / "notes.txt", b"words")
    put(tmp_path / "empty.png", b"")
    put(tmp_path / "a\nname.png", png())
    put(tmp_path / "d" / ("x" * 250) / "long.png", png())
    found = folder(tmp_path, 10, 1)
    assert [item.item_id for item in found.items] == ["good.PNG"]
    assert found.skipped == {
        "files that aren't pictures": 1,
        "empty files or files of more than 10 MB": 1,
        "names that can't be item ids": 2,
    }


def test_a_file_that_only_claims_to_be_a_picture_is_published(tmp_path: Path) -> None:
    put(tmp_path / "claims.jpg", b"not a picture" * 30_000)
    (item,) = folder(tmp_path, 10, 1).items
    assert item.picture() == b"not a picture" * 30_000


def test_a_large_photograph_is_made_smaller(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((1200, 900), 80).convert("RGB").save(buffer, "JPEG", quality=95)
    put(tmp_path / "large.jpg", buffer.getvalue())
    (item,) = folder(tmp_path, 10, 1).items
    with Image.open(io.BytesIO(item.picture())) as image:
        assert max(image.size) == 512
    assert len(item.picture()) < 200_000


def test_the_selection_is_shuffled_by_seed_and_repeatable(tmp_path: Path) -> None:
    for number in range(30):
        put(tmp_path / f"{number:02}.png", png())
    assert ids(tmp_path) == ids(tmp_path)
    assert ids(tmp_path, seed=1) != ids(tmp_path, seed=2)
    assert ids(tmp_path, count=5) == ids(tmp_path)[:5]
    assert folder(tmp_path, 5, 1).skipped["beyond --items"] == 25


def test_a_folder_without_pictures_is_refused_and_says_what_was_there(tmp_path: Path) -> None:
    put(tmp_path / "notes.txt", b"words")
    with pytest.raises(ValueError, match="files that aren't pictures: 1"):
        folder(tmp_path, 10, 1)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder"):
        folder(tmp_path / "gone", 10, 1)


def test_openmoji_comes_in_three_formats_with_labels_and_groups_each_id_once() -> None:
    drawn: list[int] = []
    made = openmoji(60, 1, progress=drawn.append, stopped=lambda: len(drawn) == 60)
    formats = set()
    for item in made.items:
        with Image.open(io.BytesIO(item.picture())) as image:
            formats.add(image.format)
            assert image.size == (224, 224)
        assert item.group
        assert item.labels[0].startswith(item.theme)
    assert formats == {"PNG", "JPEG", "WEBP"}
    assert len({item.item_id for item in made.items}) == 60
    assert drawn == list(range(1, 61))
