"""The learner's process: settings in, exit code out."""

from __future__ import annotations

import gc
import logging
from typing import Final

from threadpoolctl import threadpool_limits

from inference.manifest import load_manifest
from streams import delivery
from streams.agents.learn import LearnerAgent
from streams.agents.learned_copies import LearnedCopies
from streams.agents.slices import Slices
from streams.agents.told import Told
from streams.background import Background
from streams.core.learning.warm import warm_up
from streams.metrics_learner import LearnerMeasures
from streams.settings import Settings
from streams.stores.item_index import ItemIndex
from streams.stores.learner_snapshot import LearnerSnapshot
from streams.stores.picture_likeness import PictureLikeness
from streams.stores.replica import IndexReplica
from streams.workers.common import Worker, model_refusals
from streams.workers.compiling import compile_first

NAME: Final = "learner"

# Conditions of being ready, beside those that the observer sets.
COMPILED = "compiled"
INDEX = "item-index"

_BATCH_EVENTS = 256
# Of the time that a stop may take; what is left is for leaving the group.
_LAST_SNAPSHOT = 0.08

_log = logging.getLogger(__name__)


def run_learner(settings: Settings) -> int:
    """Run a learner until it is told to stop; its exit code. Raises StartRefused."""
    threadpool_limits(1)
    topics = settings.topics()
    conditions = (COMPILED, INDEX) if settings.learner_pictures else (COMPILED,)
    worker = Worker(NAME, settings, conditions=conditions)
    index = _index(settings) if settings.learner_pictures else None
    worker.says(model_id="" if index is None else index.model_id, device="none")
    measures = LearnerMeasures(worker.metrics)
    slices = Slices()
    snapshot = LearnerSnapshot(
        settings.snapshot_dir,
        topics.interactions,
        settings.learning_rules(),
        settings.learning_schedule(),
    )
    learner = LearnerAgent(
        snapshot=snapshot,
        signals_topic=topics.item_signals,
        ranker_topic=topics.ranker,
        pictures=None if index is None else PictureLikeness(index),
        frozen=settings.learner_frozen,
        told=Told(settings.item_signals_every_s),
        slices=slices,
        measures=measures,
    )
    app = worker.app()
    delivery.agent(
        app,
        topic=topics.interactions,
        handler=learner.handle,
        dead_letters=topics.dead_letters,
        max_events=_BATCH_EVENTS,
        observer=worker.observer,
        start_at=learner.start_at,
    )
    copies = LearnedCopies(
        learner,
        snapshot=snapshot,
        snapshot_every_s=settings.snapshot_every_s,
        signals_topic=topics.item_signals,
        ranker_topic=topics.ranker,
        retry=app.retry,
        deliver=lambda messages: app.outbox.deliver(messages, worker.stopping),
        in_charge=lambda: worker.observer.owns(topics.interactions, 0),
        slices=slices,
        measures=measures,
    )

    async def start() -> None:
        await worker.start(app.retry)
        await compile_first(warm_up)
        worker.readiness.met(COMPILED)
        background = Background(app.bugs.found)
        worker.stack.push_async_callback(background.close)
        if index is not None:
            replica = _replica(index, worker, settings)
            background.start("the item index", replica.run())
            await replica.caught_up.wait()
            worker.readiness.met(INDEX)
        gc.collect()
        gc.freeze()
        if settings.learner_frozen:
            _log.warning("LOOKSTREAM_LEARNER_FROZEN: reading along, and learning nothing")
        background.start("copies and snapshots", copies.run(worker.stopping))

    async def stop() -> None:
        worker.stopping.set()
        if learner.course is not None and worker.observer.owns(topics.interactions, 0):
            async with learner.turn:
                within_s = _LAST_SNAPSHOT * settings.stop_timeout_s
                await snapshot.save_last(learner.course, within_s)
        await worker.stop()

    return delivery.run(app, on_start=start, on_stop=stop, stop_timeout_s=settings.stop_timeout_s)


def _index(settings: Settings) -> ItemIndex:
    """Vectors to look up; nobody searches in it, so no graph is ever built."""
    with model_refusals():
        model = load_manifest(settings.models_dir, settings.model)
    return ItemIndex(
        model.model_id,
        model.dim,
        max_items=settings.max_items,
        exact_rows=2 * settings.max_items,
    )


def _replica(index: ItemIndex, worker: Worker, settings: Settings) -> IndexReplica:
    """Without a snapshot of its own: the topic is read whole at each start."""
    return IndexReplica(
        index,
        kafka=settings.kafka,
        topic=settings.topics().item_embeddings,
        fetch_max_wait_ms=worker.fetch_max_wait_ms,
        options=worker.kafka_options,
    )
