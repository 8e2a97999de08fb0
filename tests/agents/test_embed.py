"""The embedder, driven without a broker and with a model of three numbers."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.encoder import Prepared
from inference.pictures import PictureLimits, open_picture
from streams import embeddings
from streams.agents.embed import Embedder
from streams.agents.stages import Stages
from streams.delivery import Batch
from streams.embeddings import FactRecord, ItemRecord, ViewRecord, WithdrawnRecord
from streams.errors import EventError, Reason
from streams.events import EventLimits
from streams.records import RawRecord
from tests.agents.records import image, picture, record
from tests.support.waiting import wait_until_async

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


class MeanColour:
    """A model that sees nothing but the mean colour, and remembers how often it was called."""

    model_id = "mean-colour@1"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.gate: threading.Event | None = None
        self.decode_gate: threading.Event | None = None
        self.decoded: list[str] = []

    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if self.decode_gate is not None:
            assert self.decode_gate.wait(30)
        shown = open_picture(data, limits, shortest_side=8).resize((4, 4))
        self.decoded.append(threading.current_thread().name)
        return Prepared(np.asarray(shown), 7)

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.gate is not None:
            assert self.gate.wait(30)
        self.calls.append(len(pixels))
        means = pixels.reshape(len(pixels), -1, 3).mean(axis=1, dtype=np.float32) + 1.0
        return means / np.linalg.norm(means, axis=1, keepdims=True)


class Bench:
    """An embedder with its pools, and what came out of it."""

    def __init__(self, encode_batch: int = 4) -> None:
        self.model = MeanColour()
        self.fetched: list[str] = []
        self.decoder = ThreadPoolExecutor(2, "decode")
        self.session = ThreadPoolExecutor(1, "session")
        self.times: list[str] = []
        self.embedder = Embedder(
            encoder=self.model,
            picture_limits=PictureLimits(max_bytes=100_000),
            event_limits=EventLimits(picture_max_bytes=100_000),
            fetch=self.fetch,
            fetch_at_once=3,
            decoder=self.decoder,
            session=self.session,
            encode_batch=encode_batch,
            output_topic="item-embeddings",
            stages=Stages(lambda stage, seconds: self.times.append(stage)),
        )

    async def fetch(self, uri: str) -> bytes:
        self.fetched.append(uri)
        if "allowed" not in uri:
            raise EventError(Reason.URI_NOT_ALLOWED, "the host is not allowed")
        return picture(BLUE)

    async def handle(self, *records: RawRecord) -> Batch:
        batch = Batch(records)
        await self.embedder.handle(batch)
        batch.check()  # every record has its outcome
        return batch


@pytest.fixture
def bench() -> Bench:
    return Bench()


def read(batch: Batch) -> list[ItemRecord]:
    decoded = (embeddings.decode(sent.key, sent.value) for sent in batch.sends)
    return [each for each in decoded if each is not None]


def reasons(batch: Batch) -> list[Reason]:
    return [refusal.reason for refusal in batch.refusals]


async def test_a_picture_becomes_a_unit_vector_that_names_its_model(bench: Bench) -> None:
    batch = await bench.handle(image("apple", picture(RED)))
    (view,) = read(batch)
    assert isinstance(view, ViewRecord)
    assert (view.item_id, view.view, view.model_id) == ("apple", "main", "mean-colour@1")
    assert view.vector.argmax() == 0
    assert view.picture_hash == 7
    assert batch.outcome(batch.records[0]) == "applied"


async def test_a_picture_carries_its_facts_in_headers(bench: Bench) -> None:
    batch = await bench.handle(image("apple", picture(RED), labels="fruit,red", group="food"))
    facts = {r.name: r.value for r in read(batch) if isinstance(r, FactRecord)}
    assert facts == {"labels": ("fruit", "red"), "group": "food"}


async def test_facts_without_a_picture_need_no_session_call(bench: Bench) -> None:
    value = json.dumps({"available": False}).encode()
    batch = await bench.handle(record("images", "apple", value))
    assert read(batch) == [FactRecord("apple", "available", False)]
    assert bench.model.calls == []


async def test_a_null_withdraws(bench: Bench) -> None:
    batch = await bench.handle(image("apple", None))
    assert [r.item_id for r in read(batch) if isinstance(r, WithdrawnRecord)] == ["apple"]


async def test_an_items_events_leave_in_the_order_in_which_they_came(bench: Bench) -> None:
    batch = await bench.handle(
        image("apple", picture(RED)), image("apple", None), image("apple", picture(GREEN))
    )
    kinds = [type(r) for r in read(batch)]
    assert kinds == [ViewRecord, WithdrawnRecord, ViewRecord]


async def test_all_parts_of_an_item_are_placed_by_its_id(bench: Bench) -> None:
    batch = await bench.handle(image("apple", picture(RED), group="food"), image("pear", None))
    assert {(sent.place_by, sent.source) for sent in batch.sends} == {
        (b"apple", batch.records[0]),
        (b"pear", batch.records[1]),
    }


async def test_the_session_is_called_once_for_every_few_pictures() -> None:
    bench = Bench(encode_batch=8)
    await bench.handle(*(image(f"item-{n}", picture((n, 2 * n, 90))) for n in range(8)))
    assert bench.model.calls == [8]


async def test_a_backlog_begins_with_a_small_call_so_that_the_session_need_not_wait() -> None:
    bench = Bench(encode_batch=8)
    await bench.handle(*(image(f"item-{n}", picture((n, 2 * n, 90))) for n in range(25)))
    assert bench.model.calls == [2, 4, 8, 8, 3]


async def test_pictures_are_decoded_while_the_session_runs() -> None:
    bench = Bench(encode_batch=1)
    bench.model.gate = threading.Event()
    batch = Batch([image(f"item-{n}", picture((n, n, n))) for n in range(6)])
    work = asyncio.create_task(bench.embedder.handle(batch))

    # All of them, with the first session call held up.
    await wait_until_async(lambda: len(bench.model.decoded) == 6, 30, "all are decoded")
    assert bench.model.calls == []
    bench.model.gate.set()
    await work
    assert all(name.startswith("decode") for name in bench.model.decoded)


async def test_a_bad_picture_leaves_the_others_as_they_are_without_it(bench: Bench) -> None:
    good = [image(f"item-{n}", picture((20 * n, 255 - n, 3 * n))) for n in range(6)]
    bad = image("broken", picture(RED)[:60])
    alone = await bench.handle(*good)
    mixed = await bench.handle(*good[:3], bad, *good[3:])
    assert [s.value for s in mixed.sends] == [s.value for s in alone.sends]
    assert reasons(mixed) == [Reason.TRUNCATED_PICTURE]
    assert mixed.refusals[0].record is bad


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (image("x", b"these are no pixels"), Reason.NOT_A_PICTURE),
        (image("x", picture(RED) * 4000), Reason.TOO_MANY_BYTES),
        (image("x", b""), Reason.EMPTY_EVENT),
        (image("x", b'{"picture": '), Reason.BAD_JSON),
        (record("images", None, picture(RED)), Reason.MISSING_ITEM_ID),
        (image("x", b'{"picture": {"base64": "%%%"}}'), Reason.BAD_BASE64),
        (image("x", b'{"picture": {"uri": "http://elsewhere/x.png"}}'), Reason.URI_NOT_ALLOWED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_refused_says_why(bench: Bench, event: RawRecord, reason: Reason) -> None:
    fine = image("fine", picture(GREEN))
    batch = await bench.handle(event, fine)
    assert reasons(batch) == [reason]
    assert batch.outcome(fine) == "applied"


async def test_an_allowed_uri_is_fetched(bench: Bench) -> None:
    batch = await bench.handle(image("x", b'{"picture": {"uri": "http://allowed/x.png"}}'))
    (view,) = read(batch)
    assert isinstance(view, ViewRecord)
    assert view.vector.argmax() == 2
    assert bench.fetched == ["http://allowed/x.png"]


async def test_what_was_fetched_and_waits_for_a_decoder_is_bounded(bench: Bench) -> None:
    """A fast host and a slow decoder: a batch of small events must not become a heap of pictures"""
    bench.model.decode_gate = threading.Event()
    uri = b'{"picture": {"uri": "http://allowed/x.png"}}'
    batch = Batch([image(f"item-{n}", uri) for n in range(20)])
    work = asyncio.create_task(bench.embedder.handle(batch))
    await wait_until_async(lambda: len(bench.fetched) >= 3, 30, "fetching began")
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(bench.fetched) == 3
    bench.model.decode_gate.set()
    await work
    assert len(bench.fetched) == 20


@pytest.mark.parametrize("value", [0.0, float("nan"), 3.0])
async def test_a_picture_without_a_direction_is_refused(bench: Bench, value: float) -> None:
    encode = bench.model.encode

    def sometimes(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors = encode(pixels)
        vectors[1] = value
        return vectors

    bench.model.encode = sometimes  # type: ignore[method-assign]
    batch = await bench.handle(*(image(f"item-{n}", picture((n, n, 0))) for n in range(3)))
    assert reasons(batch) == [Reason.NO_EMBEDDING]
    assert batch.refusals[0].record is batch.records[1]
    assert [r.item_id for r in read(batch)] == ["item-0", "item-2"]


async def test_a_bug_in_the_model_leaves_no_task_behind(bench: Bench) -> None:
    def broken(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise RuntimeError("the session broke")

    bench.model.encode = broken  # type: ignore[method-assign]
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError, match="session broke"):
        await bench.handle(*(image(f"item-{n}", picture((n, 0, 0))) for n in range(9)))
    assert asyncio.all_tasks() == before


async def test_a_batch_that_was_given_up_says_nothing_of_what_it_fetched(bench: Bench) -> None:
    def broken(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise RuntimeError("the session broke")

    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    bench.model.encode = broken  # type: ignore[method-assign]
    good = [image(f"item-{n}", picture((n, 0, 0))) for n in range(4)]
    elsewhere = b'{"picture": {"uri": "http://elsewhere/x.png"}}'
    bad = [image(f"bad-{n}", elsewhere) for n in range(4)]
    with suppress(RuntimeError):  # pytest.raises would keep the tasks alive
        await bench.handle(*good, *bad)
    gc.collect()
    assert said == []


async def test_every_stage_is_timed(bench: Bench) -> None:
    await bench.handle(image("a", picture(RED)))
    assert sorted(bench.times) == ["decode", "encode"]
