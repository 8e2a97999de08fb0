"""The embedder: pictures come in, unit vectors go out.

In:  `images`, one event a picture, a change of facts, or a withdrawal.
Out: `item-embeddings`, records that stand alone (see streams/embeddings.py), in the order of the
     events, so that the log of an item tells its story.

Pictures are decoded in a thread pool while the session runs on the ones before them. The session
is called once for every `encode_batch` pictures. A refused picture takes no place in a session
call, so it can't touch the others' results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.encoder import Prepared
from inference.errors import PictureError
from inference.pictures import PictureLimits
from streams import embeddings
from streams.agents.stages import Stages
from streams.delivery import Batch
from streams.errors import EventError, Reason
from streams.events import EventLimits, ImageEvent, parse_image
from streams.records import Record


class PictureEncoder(Protocol):
    """What the embedder asks of inference/encoder.py."""

    @property
    def model_id(self) -> str: ...
    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared: ...
    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]: ...


@dataclass(slots=True)
class _Work:
    """One accepted event on its way through the batch."""

    record: Record
    event: ImageEvent
    prepared: asyncio.Task[Prepared] | None = None
    vector: NDArray[np.float32] | None = None


class Embedder:
    """Handles one batch of image events at a time.

    fetch    gets the bytes behind an allowed URI; raises EventError. At most `fetch_at_once`
             pictures are fetched or, fetched, wait for a decoder: small events may name large ones.
    decoder  a pool of a few threads; each decodes one picture at a time.
    session  one thread, in which the ONNX session runs.
    """

    def __init__(
        self,
        *,
        encoder: PictureEncoder,
        picture_limits: PictureLimits,
        event_limits: EventLimits,
        fetch: Callable[[str], Awaitable[bytes]],
        fetch_at_once: int,
        decoder: Executor,
        session: Executor,
        encode_batch: int,
        output_topic: str,
        stages: Stages,
    ) -> None:
        self._encoder = encoder
        self._picture_limits = picture_limits
        self._event_limits = event_limits
        self._fetch = fetch
        self._fetch_slots = asyncio.Semaphore(fetch_at_once)
        self._decoder = decoder
        self._session = session
        self._encode_batch = encode_batch
        self._topic = output_topic
        self._stages = stages

    async def handle(self, batch: Batch) -> None:
        """Embed the batch's pictures and send every record, in the order of the events."""
        works = [work for record in batch.records if (work := self._parse(batch, record))]
        for work in works:
            if work.event.picture is not None or work.event.uri is not None:
                work.prepared = asyncio.create_task(self._prepare(work.event))
                work.prepared.add_done_callback(_looked_at)
        try:
            for chunk in _chunks(works, self._encode_batch):
                await self._encode(batch, chunk)
        finally:
            await _abandon(work.prepared for work in works)

    def _parse(self, batch: Batch, record: Record) -> _Work | None:
        try:
            return _Work(record, parse_image(record, self._event_limits))
        except EventError as refused:
            batch.dead_letter(record, refused.reason, refused.detail)
            return None

    async def _prepare(self, event: ImageEvent) -> Prepared:
        if event.uri is None:
            return await self._decode(event.picture or b"")
        async with self._fetch_slots:
            with self._stages.time("fetch"):
                data = await self._fetch(event.uri)
            return await self._decode(data)

    async def _decode(self, data: bytes) -> Prepared:
        with self._stages.time("decode"):
            return await asyncio.get_running_loop().run_in_executor(
                self._decoder, self._encoder.prepare, data, self._picture_limits
            )

    async def _encode(self, batch: Batch, chunk: Sequence[_Work]) -> None:
        kept: list[_Work] = []
        pixels: list[NDArray[np.uint8]] = []
        refused: set[int] = set()
        for work in chunk:
            if work.prepared is None:
                continue
            try:
                pixels.append((await work.prepared).pixels)
                kept.append(work)
            except PictureError as error:
                batch.dead_letter(work.record, Reason(error.code), str(error))
                refused.add(id(work))
            except EventError as error:
                batch.dead_letter(work.record, error.reason, error.detail)
                refused.add(id(work))
        if pixels:
            with self._stages.time("encode"):
                vectors = await asyncio.get_running_loop().run_in_executor(
                    self._session, self._encoder.encode, np.stack(pixels)
                )
            norms = np.linalg.norm(vectors, axis=1)
            for work, vector, norm in zip(kept, vectors, norms.tolist(), strict=True):
                if abs(norm - 1.0) <= embeddings.NORM_TOLERANCE:
                    work.vector = vector
                else:  # also for nan
                    detail = f"the vector's norm is {norm:.3g}, not 1"
                    batch.dead_letter(work.record, Reason.NO_EMBEDDING, detail)
                    refused.add(id(work))
        for work in chunk:
            if id(work) not in refused:
                self._emit(batch, work)

    def _emit(self, batch: Batch, work: _Work) -> None:
        event = work.event
        # All parts of an item in one partition: their order is the item's story.
        place_by = event.item_id.encode()
        at_ms = work.record.timestamp
        for key, value in self._records(work, event, at_ms):
            batch.send(self._topic, key=key, value=value, place_by=place_by, source=work.record)
        batch.applied(work.record)

    def _records(
        self, work: _Work, event: ImageEvent, at_ms: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        if event.withdrawn:
            yield from embeddings.encode_withdrawal(event.item_id, at_ms)
            return
        if work.prepared is not None and work.vector is not None:
            yield embeddings.encode_view(
                item_id=event.item_id,
                view=event.view,
                model_id=self._encoder.model_id,
                vector=work.vector,
                picture_hash=work.prepared.result().picture_hash,
                at_ms=at_ms,
            )
        yield from embeddings.encode_facts(event.item_id, event.facts)


def _chunks(works: Sequence[_Work], pictures: int) -> Iterator[list[_Work]]:
    """Runs of `works`, in order, each with at most `pictures` pictures in it.

    Where there are several, the first are smaller: the session has something to do as soon as a
    few pictures are decoded, and the rest is decoded meanwhile.
    """
    several = sum(work.prepared is not None for work in works) > pictures
    most = -(-pictures // 4) if several else pictures
    chunk: list[_Work] = []
    count = 0
    for work in works:
        if work.prepared is not None:
            if count == most:
                yield chunk
                chunk, count = [], 0
                most = min(2 * most, pictures)
            count += 1
        chunk.append(work)
    if chunk:
        yield chunk


async def _abandon(tasks: Iterator[asyncio.Task[Prepared] | None]) -> None:
    """Cancel what still runs, and wait for it: no task outlives its batch."""
    left = [task for task in tasks if task is not None and not task.done()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _looked_at(task: asyncio.Task[Prepared]) -> None:
    """Who awaits the task hears of its failure; a batch that was given up comes again."""
    if not task.cancelled():
        task.exception()
