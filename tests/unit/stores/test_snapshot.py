from __future__ import annotations

import asyncio
import gc
import random
import time
from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from streams.embeddings import FactRecord, ItemRecord, WithdrawnRecord
from streams.stores import snapshot, snapshot_files
from streams.stores.item_index import ItemIndex
from streams.stores.item_table import NOTHING_EXCLUDED, Exclusions
from streams.stores.snapshot import Origin
from streams.stores.snapshot_files import MANIFEST, Anchor, SnapshotRefused
from tests.support.waiting import wait_until_async
from tests.unit.stores.items import DIM, MODEL, PlainIndex, same, units, view

ORIGIN = Origin("item-embeddings", "cluster-1")
ANCHORS = {0: Anchor(next_offset=7, last_offset=6, last_timestamp_ms=99), 3: Anchor(next_offset=0)}
IDS = [f"item-{n}" for n in range(300)]


def make(
    model_id: str = MODEL,
    dim: int = DIM,
    exact_rows: int = 100,
    exclusions: Exclusions = NOTHING_EXCLUDED,
) -> ItemIndex:
    return ItemIndex(model_id, dim, max_items=1000, exact_rows=exact_rows, exclusions=exclusions)


def story(records: int, seed: int = 1) -> list[ItemRecord]:
    """Pictures, facts and withdrawals of 300 items, in a random order."""
    rng = random.Random(seed)
    log: list[ItemRecord] = []
    for n in range(records):
        item_id = rng.choice(IDS)
        log.append(
            rng.choices(
                [
                    view(item_id, n, name=rng.choice(["main", "main", "back"]), at_ms=n),
                    FactRecord(item_id, "available", rng.random() < 0.7),
                    FactRecord(item_id, "labels", ("é", item_id)),
                    FactRecord(item_id, "title", "T"),
                    WithdrawnRecord(item_id, n),
                ],
                weights=[8, 1, 1, 1, 1],
            )[0]
        )
    return log


def told(log: list[ItemRecord]) -> tuple[ItemIndex, PlainIndex]:
    index, plain = make(), PlainIndex()
    for record in log:
        index.apply(record)
        plain.apply(record)
    return index, plain


def found_ids(index: ItemIndex, queries: NDArray[np.float32]) -> list[list[str]]:
    """Ids of what is found near each query."""
    return [
        [index.item_id(n) for n in row if n >= 0] for row in index.search(queries, 5)[0].tolist()
    ]


def settle(index: ItemIndex) -> None:
    while index.tend(1.0):
        pass


def files(folder: Path, pattern: str = "*-*") -> list[Path]:
    return list(folder.glob(pattern))


@pytest.mark.parametrize("graph", [False, True])
async def test_a_loaded_index_knows_and_finds_what_the_saved_one_did(
    tmp_path: Path, graph: bool
) -> None:
    index, plain = told(story(900))
    if graph:
        settle(index)
    size_bytes = await snapshot.save(index, ANCHORS, ORIGIN, tmp_path)

    loaded = make()
    seen: list[tuple[int, int]] = []
    anchors = await snapshot.load(
        loaded, ORIGIN, tmp_path, lambda done, total: seen.append((done, total))
    )

    assert anchors == ANCHORS
    assert (loaded.state.search.graph is not None) == graph
    same(loaded, plain, IDS)
    assert seen[-1][0] == seen[-1][1] > 0
    assert size_bytes == sum(path.stat().st_size for path in files(tmp_path))


async def test_a_loaded_index_goes_on_living(tmp_path: Path) -> None:
    log = story(1500)
    index, plain = told(log[:900])
    settle(index)
    await snapshot.save(index, ANCHORS, ORIGIN, tmp_path)
    loaded = make()
    await snapshot.load(loaded, ORIGIN, tmp_path)
    for record in log[900:]:
        loaded.apply(record)
        plain.apply(record)
        loaded.tend(0.0001)
    same(loaded, plain, IDS)


async def test_what_changes_while_it_is_written_is_right_after_reading_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The offsets are those of the beginning: everything since is applied a second time."""
    monkeypatch.setattr(snapshot, "_ITEMS_AT_ONCE", 10)
    log = story(2000, seed=5)
    index, plain = told(log[:900])
    settle(index)
    saving = asyncio.create_task(snapshot.save(index, ANCHORS, ORIGIN, tmp_path))
    at = 900
    while not saving.done():
        if at < 1600:
            index.apply(log[at])
            plain.apply(log[at])
            index.tend(0.0005)
            at += 1
        await asyncio.sleep(0)
    await saving
    assert at > 950, "nothing changed while it was written"
    settle(index)
    same(index, plain, IDS)

    loaded = make()
    await snapshot.load(loaded, ORIGIN, tmp_path)
    loaded.apply_many(log[900:at])
    same(loaded, plain, IDS)


async def test_no_snapshot_is_no_error(tmp_path: Path) -> None:
    assert await snapshot.load(make(), ORIGIN, tmp_path / "none") is None
    assert await snapshot.load(make(), ORIGIN, tmp_path) is None


@pytest.mark.parametrize(
    ("index", "origin", "what"),
    [
        (make(model_id="other@2"), ORIGIN, "model"),
        (make(dim=32), ORIGIN, "vector size"),
        (make(), Origin("other-topic", "cluster-1"), "topic"),
        (make(), Origin("item-embeddings", "cluster-2"), "cluster"),
        (make(), Origin("item-embeddings", None), "cluster"),
    ],
)
async def test_a_snapshot_of_something_else_is_refused(
    tmp_path: Path, index: ItemIndex, origin: Origin, what: str
) -> None:
    await snapshot.save(told(story(50))[0], ANCHORS, ORIGIN, tmp_path)
    with pytest.raises(SnapshotRefused, match=f"another {what}"):
        await snapshot.load(index, origin, tmp_path)
    assert len(index) == 0


@pytest.mark.parametrize("pattern", ["items-*.bin", "graph-*.usearch", MANIFEST])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "empty", "longer"])
async def test_a_damaged_file_is_refused_and_the_index_is_empty(
    tmp_path: Path, pattern: str, damage: str
) -> None:
    index, _ = told(story(900))
    settle(index)
    await snapshot.save(index, ANCHORS, ORIGIN, tmp_path)
    (path,) = files(tmp_path, pattern)
    data = bytearray(path.read_bytes())
    match damage:
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "flip":
            data[len(data) // 2] ^= 0x80
            path.write_bytes(data)
        case "gone":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "longer":
            path.write_bytes(data + b"x")
    loaded = make()
    if (pattern, damage) == (MANIFEST, "gone"):
        assert await snapshot.load(loaded, ORIGIN, tmp_path) is None
    else:
        with pytest.raises(SnapshotRefused):
            await snapshot.load(loaded, ORIGIN, tmp_path)
    assert len(loaded) == 0
    assert loaded.state.search.graph is None


@pytest.mark.parametrize(
    "change",
    [
        {"format": 99},
        {"format": "1"},
        {"items": {"name": "../../etc/passwd.x", "size_bytes": 1, "sha256": ""}},
        {"anchors": [1]},
        {"extra": 1},
    ],
)
async def test_a_manifest_that_says_something_else_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    await snapshot.save(told(story(50))[0], ANCHORS, ORIGIN, tmp_path)
    manifest = orjson.loads((tmp_path / MANIFEST).read_bytes())
    (tmp_path / MANIFEST).write_bytes(orjson.dumps(manifest | change))
    with pytest.raises(SnapshotRefused):
        await snapshot.load(make(), ORIGIN, tmp_path)


async def test_too_many_items_for_the_setting_are_refused(tmp_path: Path) -> None:
    await snapshot.save(told(story(900))[0], ANCHORS, ORIGIN, tmp_path)
    small = ItemIndex(MODEL, DIM, max_items=10)
    with pytest.raises(SnapshotRefused):
        await snapshot.load(small, ORIGIN, tmp_path)
    assert len(small) == 0


async def test_a_new_snapshot_takes_the_place_of_the_old_one_and_clears_up(tmp_path: Path) -> None:
    index, plain = told(story(100))
    await snapshot.save(index, ANCHORS, ORIGIN, tmp_path)
    (tmp_path / "items-never-finished.bin").write_bytes(b"x")
    index.apply(WithdrawnRecord("item-1", 0))
    plain.apply(WithdrawnRecord("item-1", 0))
    await snapshot.save(index, ANCHORS, ORIGIN, tmp_path)
    assert len(files(tmp_path, "items-*")) == 1
    loaded = make()
    await snapshot.load(loaded, ORIGIN, tmp_path)
    same(loaded, plain, IDS)


async def test_a_save_that_fails_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, plain = told(story(100))
    await snapshot.save(index, ANCHORS, ORIGIN, tmp_path)

    def full(path: Path) -> snapshot_files.File:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot_files, "describe", full)
    with pytest.raises(OSError, match="No space"):
        await snapshot.save(make(), ANCHORS, ORIGIN, tmp_path)
    monkeypatch.undo()
    assert len(files(tmp_path, "items-*")) == 1
    loaded = make()
    await snapshot.load(loaded, ORIGIN, tmp_path)
    same(loaded, plain, IDS)


async def test_a_save_that_is_cancelled_leaves_nothing_and_thaws_the_graph(tmp_path: Path) -> None:
    index, plain = told(story(900))
    settle(index)
    saving = asyncio.create_task(snapshot.save(index, ANCHORS, ORIGIN, tmp_path))
    graph = index.state.search.graph
    assert graph is not None
    await wait_until_async(lambda: graph.frozen, 5.0, "the graph is frozen", poll_s=0)
    index.apply(WithdrawnRecord("item-1", 0))
    plain.apply(WithdrawnRecord("item-1", 0))
    saving.cancel()
    await asyncio.gather(saving, return_exceptions=True)
    assert not graph.frozen
    assert files(tmp_path) == []
    same(index, plain, IDS)


async def test_while_one_writes_another_does_not(tmp_path: Path) -> None:
    index, _ = told(story(100))
    with snapshot_files.try_lock(tmp_path) as locked:
        assert locked
        assert await snapshot.save(index, ANCHORS, ORIGIN, tmp_path) is None
    assert await snapshot.save(index, ANCHORS, ORIGIN, tmp_path)


async def test_saving_and_loading_leave_the_loop_its_turns(tmp_path: Path) -> None:
    index = ItemIndex(MODEL, 64, max_items=20_000, exact_rows=1 << 20)
    for n in range(6000):
        index.apply(view(f"item-{n}", n % 500, dim=64))
        index.apply(FactRecord(f"item-{n}", "labels", ("some", "labels")))

    gc.collect()
    gc.freeze()  # a pause of the collector is not ours

    async def longest_turn_s() -> float:
        longest_s, began_s = 0.0, time.thread_time()
        try:
            while True:
                await asyncio.sleep(0)
                now_s = time.thread_time()
                longest_s, began_s = max(longest_s, now_s - began_s), now_s
        except asyncio.CancelledError:
            return longest_s

    for work in (
        snapshot.save(index, ANCHORS, ORIGIN, tmp_path),
        snapshot.load(ItemIndex(MODEL, 64, max_items=20_000), ORIGIN, tmp_path),
    ):
        probe = asyncio.create_task(longest_turn_s())
        await work
        probe.cancel()
        assert await probe < 0.02
    gc.unfreeze()


@pytest.mark.parametrize("graph", [False, True])
async def test_what_is_excluded_by_now_or_no_more_is_right_after_loading(
    tmp_path: Path, graph: bool
) -> None:
    """The setting may have changed since the snapshot was written."""
    log = [*story(600), FactRecord(IDS[0], "group", "out"), view(IDS[0], 9_001)]
    some_out = Exclusions(groups=frozenset({"out"}))
    made = {rule: make(exclusions=rule) for rule in (NOTHING_EXCLUDED, some_out)}
    for index in made.values():
        index.apply_many(log)
        if graph:
            settle(index)
    for before, after in ((NOTHING_EXCLUDED, some_out), (some_out, NOTHING_EXCLUDED)):
        folder = tmp_path / f"{len(before.groups)}"
        await snapshot.save(made[before], ANCHORS, ORIGIN, folder)
        loaded = make(exclusions=after)
        await snapshot.load(loaded, ORIGIN, folder)
        queries = units([9_001, *range(20)])
        assert found_ids(loaded, queries) == found_ids(made[after], queries)
    assert found_ids(made[some_out], queries) != found_ids(made[NOTHING_EXCLUDED], queries)
