"""The real agents with a real small model, memory store and index, driven without a broker."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from inference.encoder import Encoder, Prepared
from inference.errors import PictureError
from inference.pictures import PictureLimits
from streams import embeddings
from streams.agents.applying import ClickApplier
from streams.agents.embed import Embedder
from streams.agents.fallback import FallbackItems
from streams.agents.past import Past
from streams.agents.publishing import ListWriter
from streams.agents.recommend import Recommender
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.core.rules import TasteRules
from streams.delivery import Batch
from streams.delivery.batch import Message
from streams.delivery.dead_letters import dead_letter
from streams.delivery.parcels import pack
from streams.events import EventLimits
from streams.fetching import Fetcher
from streams.metrics import Metrics
from streams.records import RawRecord
from streams.stores.item_index import ItemIndex
from streams.stores.memory_profiles import MemoryProfiles
from tests.fuzz.case import CLICKS, NOW_MS
from tests.fuzz.place import Place

OUT, LISTS, LETTERS = "item-embeddings", "recommendations", "dead-letters"
_ITEMS = 60


class NoticingEncoder(Encoder):
    """Notices a picture that was refused because there was no memory for it."""

    out_of_memory = 0

    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        try:
            return super().prepare(data, limits)
        except PictureError as refused:
            self.out_of_memory += isinstance(refused.__cause__, MemoryError)
            raise


class Target:
    """An embedder and a recommender as their workers put them together, with default limits."""

    def __init__(self, models_dir: Path, place: Place) -> None:
        """Make it inside an event loop."""
        self.encoder = self.make_encoder(models_dir)
        self.index = ItemIndex(self.encoder.model_id, self.encoder.dim, max_items=5_000)
        self.store = MemoryProfiles(max_profiles=5_000)
        self.metrics = {name: Metrics(name) for name in ("embedder", "recommender")}
        self.fetcher = Fetcher(place.limits, resolver=place.names, sleep=place.no_pause)
        self._pools = ThreadPoolExecutor(2, "decode"), ThreadPoolExecutor(1, "session")
        self._embedder = Embedder(
            encoder=self.encoder,
            picture_limits=PictureLimits(),
            event_limits=EventLimits(),
            fetch=self.fetcher.fetch,
            fetch_at_once=8,
            decoder=self._pools[0],
            session=self._pools[1],
            encode_batch=8,
            output_topic=OUT,
            stages=Stages(self.metrics["embedder"].stages("embedder")),
        )
        rules, slices = TasteRules(list_length=10), Slices()
        measures = self.metrics["recommender"]
        stages = Stages(measures.stages("recommender"))
        past = Past(self.store, _EmptyLog())
        self._fallback = FallbackItems(self.store, self.index, past.check)
        self._recommender = Recommender(
            applier=ClickApplier(
                catalogue=self.index,
                store=self.store,
                past=past,
                rules=rules,
                event_limits=EventLimits(),
                popularity_half_life_s=100_000.0,
                stages=stages,
                slices=slices,
                measures=measures,
            ),
            index=self.index,
            fallback=self._fallback,
            writer=ListWriter(LISTS, self.index, rules, lambda: NOW_MS / 1000),
            rules=rules,
            remembered_searches=1_000,
            stages=stages,
            slices=slices,
            clock=lambda: NOW_MS / 1000,
            measures=measures,
        )
        self._producer = AIOKafkaProducer(max_request_size=20_000_000, enable_idempotence=False)
        self._stock()

    def make_encoder(self, models_dir: Path) -> NoticingEncoder:
        """The model; a planted bug may be one around it."""
        return NoticingEncoder(models_dir, "small", threads=1)

    async def handle(self, *records: RawRecord) -> tuple[Batch, list[Message]]:
        """Put records of one topic through their agent, and what was sent into the index.

        The batch, and its dead letters. What is to be published is packed for the broker, too.
        """
        batch = Batch(records)
        agent = "recommender" if records[0].topic == CLICKS else "embedder"
        worker = self._recommender if agent == "recommender" else self._embedder
        await worker.handle(batch)
        batch.check()
        letters = [dead_letter(LETTERS, refusal, agent) for refusal in batch.refusals]
        for (outcome, reason), count in batch.tally().items():
            self.metrics[agent].outcome(agent, outcome, str(reason or ""), count)
        for tell in batch.listeners:
            tell()
        for _, packed in pack(self._producer, [*batch.sends, *letters], set()):
            assert packed
        if agent == "embedder":
            decoded = (embeddings.decode(sent.key, sent.value) for sent in batch.sends)
            self.index.apply_many([each for each in decoded if each is not None])
        return batch, letters

    async def refresh(self) -> None:
        """What a worker does in the background now and then."""
        await self._fallback.refresh()
        self.index.tend(0.05)

    async def close(self) -> None:
        await self.fetcher.close()
        await self._producer.stop()
        for pool in self._pools:
            pool.shutdown()

    def _stock(self) -> None:
        """Items that are there before anything hostile comes."""
        rng = np.random.default_rng(5)
        for number in range(_ITEMS):
            vector: Any = rng.standard_normal(self.encoder.dim)
            vector = (vector / np.linalg.norm(vector)).astype(np.float16)
            self.index.apply(
                embeddings.ViewRecord(
                    f"item-{number}", "main", self.encoder.model_id, vector, number, NOW_MS
                )
            )


class _EmptyLog:
    """A log in which nothing lies before what comes."""

    async def first_record(self, topic: str, partition: int, start: int, end: int) -> int | None:
        await asyncio.sleep(0)
        return None

    async def ends(self, topic: str) -> dict[int, int]:
        await asyncio.sleep(0)
        return {0: 2**62}
