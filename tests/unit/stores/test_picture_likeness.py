"""How items look like what somebody liked, by their keys."""

from __future__ import annotations

import numpy as np
import pytest

from streams.core.crowd import LEAST_NEARNESS, MOST_LATEST
from streams.core.profile import item_key
from streams.embeddings import FactRecord, ViewRecord, WithdrawnRecord
from streams.stores.item_index import ItemIndex
from streams.stores.picture_likeness import PictureLikeness


def index_of(**angles: float) -> ItemIndex:
    index = ItemIndex("model", 2, max_items=5_000)
    for item_id, angle in angles.items():
        see(index, item_id, angle)
    return index


def see(index: ItemIndex, item_id: str, angle: float) -> None:
    vector = np.array([np.cos(angle), np.sin(angle)], np.float16)
    index.apply(ViewRecord(item_id, "main", "model", vector, 0, 0))


def keys(*item_ids: str) -> np.ndarray:
    return np.array([item_key(item_id) for item_id in item_ids], np.uint32)


def test_it_is_the_cosine_with_the_nearest_of_hers() -> None:
    like = PictureLikeness(index_of(a=0.0, b=1.5, c=0.2, d=1.4))
    assert like(keys("a", "b"), keys("c", "d")) == pytest.approx(
        [np.cos(0.2), np.cos(0.1)], abs=4e-3
    )


def test_it_is_the_least_where_a_picture_is_missing_or_unlike() -> None:
    index = index_of(a=0.0, b=0.0, gone=0.0)
    index.apply(WithdrawnRecord("gone", 1))
    index.apply(FactRecord("facts only", "title", "a title"))
    like = PictureLikeness(index)
    others = keys("b", "gone", "facts only", "never seen")
    least = np.float32(LEAST_NEARNESS)
    assert like(keys("a"), others).tolist() == pytest.approx([1.0, *[least] * 3], abs=2e-3)
    assert like(keys("never seen"), keys("a", "b")).tolist() == [least] * 2
    assert like(keys(), keys("a")).tolist() == [least]
    see(index, "unlike", 1.5)
    assert like(keys("a"), keys("unlike")).tolist() == [least]


def test_it_follows_the_index_as_that_grows() -> None:
    index = index_of(a=0.0)
    like = PictureLikeness(index)
    assert like(keys("a"), keys("item 2999")).tolist() == [np.float32(LEAST_NEARNESS)]
    for n in range(3_000):
        see(index, f"item {n}", n / 3_000)
    wanted = [np.cos(0.0), np.cos(0.5), np.cos(2999 / 3000)]
    found = like(keys("a"), keys("item 0", "item 1500", "item 2999"))
    assert found == pytest.approx(wanted, abs=4e-3)


def test_only_her_latest_are_compared() -> None:
    index = index_of(near=0.0, item=0.0, far=1.0)
    like = PictureLikeness(index)
    hers = keys(*["far"] * MOST_LATEST, "near")
    assert like(hers, keys("item"))[0] == pytest.approx(np.cos(1.0), abs=4e-3)
