"""The recommender's process: settings in, exit code out."""

from __future__ import annotations

import gc
import time
from typing import Final

from threadpoolctl import threadpool_limits

from inference.manifest import load_manifest
from streams import delivery
from streams.agents.anybody import AnybodysAgent
from streams.agents.applying import ClickApplier
from streams.agents.fallback import FallbackItems
from streams.agents.past import Begun, Past
from streams.agents.proving import Proving
from streams.agents.publishing import AnybodysList, ListWriter
from streams.agents.recommend import Recommender
from streams.agents.slices import Slices
from streams.agents.teaching import Teaching
from streams.background import Background
from streams.core.crowd import Crowd
from streams.settings import Settings
from streams.stores.crowd_replica import CrowdReplica
from streams.stores.item_index import ItemIndex
from streams.stores.item_table import Exclusions
from streams.stores.log_look import LogLook
from streams.stores.redis_profiles import RedisProfiles
from streams.stores.replica import IndexReplica
from streams.stores.replica_log import TopicLog
from streams.wires import redis_options
from streams.workers.common import Worker, model_refusals
from streams.workers.compiling import compile_lists_first

NAME: Final = "recommender"

# Conditions of being ready, beside those that the observer sets.
INDEX = "item-index"
REDIS = "redis"


def run_recommender(settings: Settings) -> int:
    """Run a recommender until it is told to stop; its exit code. Raises StartRefused."""
    # A batch is too small for several BLAS threads: they cost more than they bring.
    threadpool_limits(1)
    topics = settings.topics()
    worker = Worker(NAME, settings, conditions=(INDEX, REDIS))
    with model_refusals():
        model = load_manifest(settings.models_dir, settings.model)
    worker.says(model_id=model.model_id, device="none")
    rules = settings.taste_rules()
    exclusions = Exclusions(frozenset(settings.exclude_labels), frozenset(settings.exclude_groups))
    index = ItemIndex(
        model.model_id, model.dim, max_items=settings.max_items, exclusions=exclusions
    )
    store = RedisProfiles(
        settings.redis_url,
        prefix=settings.store_prefix,
        ttl_s=settings.profile_ttl_s,
        max_popular=settings.popular_items,
        timeout_s=settings.redis_timeout_s,
        options=redis_options(settings),
    )
    past = Past(
        store,
        LogLook(settings.kafka, worker.fetch_max_wait_ms, worker.kafka_options),
        lambda: (
            Begun(topics.clicks, partition, position)
            for partition, position in worker.progress.positions(topics.clicks).items()
        ),
    )
    fallback = FallbackItems(store, index, past.check)
    slices = Slices()
    app = worker.app()
    crowd = Crowd(settings.learning_rules()) if settings.learning else None
    teaching = None
    if crowd is not None:
        teaching = Teaching(crowd, topics.interactions, app.outbox.deliver)
    recommender = Recommender(
        applier=ClickApplier(
            catalogue=index,
            store=store,
            past=past,
            rules=rules,
            event_limits=settings.event_limits(),
            popularity_half_life_s=settings.popularity_half_life_s,
            stages=worker.stages,
            slices=slices,
            measures=worker.metrics,
            teaching=teaching,
        ),
        index=index,
        fallback=fallback,
        writer=ListWriter(topics.recommendations, index, rules, time.time),
        rules=rules,
        remembered_searches=settings.remembered_searches,
        stages=worker.stages,
        slices=slices,
        clock=time.time,
        measures=worker.metrics,
        crowd=crowd,
        proving=Proving(settings.proven_lists, rules, worker.metrics)
        if settings.proven_lists
        else None,
    )
    delivery.agent(
        app,
        topic=topics.clicks,
        handler=recommender.handle,
        dead_letters=topics.dead_letters,
        max_events=settings.batch_events,
        observer=worker.observer,
    )
    replica = IndexReplica(
        index,
        kafka=settings.kafka,
        topic=topics.item_embeddings,
        snapshot_dir=settings.snapshot_dir,
        snapshot_every_s=settings.snapshot_every_s,
        fetch_max_wait_ms=worker.fetch_max_wait_ms,
        observer=worker.metrics,
        options=worker.kafka_options,
    )
    worker.metrics.index_stale(lambda: replica.stale_s)
    followed = None
    if crowd is not None:
        followed = CrowdReplica(
            crowd,
            signals=topics.item_signals,
            ranker=topics.ranker,
            open_log=lambda topic: TopicLog(
                settings.kafka, topic, worker.fetch_max_wait_ms, worker.kafka_options
            ),
            observer=worker.metrics,
        )
        worker.metrics.crowd_age(lambda: followed.age_s)
    anybody = AnybodysAgent(
        fallback=fallback,
        anybodys=AnybodysList(index, rules, time.time),
        topic=topics.recommendations,
        retry=app.retry,
        deliver=lambda messages: app.outbox.deliver(messages, worker.stopping),
        in_charge=lambda: 0 in worker.progress.positions(topics.clicks),
    )

    async def start() -> None:
        await worker.start(app.retry)
        worker.stack.push_async_callback(store.close)
        await app.retry.until_it_works("redis", store.start, worker.stopping)
        worker.readiness.met(REDIS)
        background = Background(app.bugs.found)
        worker.stack.push_async_callback(background.close)
        background.start("the item index", replica.run())
        await compile_lists_first(crowd=crowd is not None)
        if followed is not None:
            background.start("what the crowd teaches", followed.run())
            await followed.begun.wait()
        await replica.caught_up.wait()
        # The index is here to stay: a full collection would walk all of it, for tens of
        # milliseconds at a time, with the event loop standing still.
        gc.collect()
        gc.freeze()
        worker.readiness.met(INDEX)
        await app.retry.until_it_works("redis", fallback.refresh, worker.stopping)
        background.start("the list for anybody", anybody.run(worker.stopping))

    return delivery.run(
        app, on_start=start, on_stop=worker.stop, stop_timeout_s=settings.stop_timeout_s
    )
