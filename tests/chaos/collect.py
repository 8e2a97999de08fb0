"""Gathers the evidence once everything has stopped: topics, store, journals, snapshots."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from inference.manifest import load_manifest
from streams.core import codec
from streams.delivery import read_dead_letter
from streams.embeddings import decode
from streams.fields import ANYBODY
from streams.records import RawRecord
from streams.stores import snapshot, snapshot_files
from streams.stores.item_index import ItemIndex
from streams.stores.redis_profiles import RedisProfiles
from streams.stores.snapshot import Origin
from streams.stores.snapshot_keeper import SnapshotKeeper
from tests.chaos import frozen, journal, oracle
from tests.chaos.judge import Evidence
from tests.chaos.site import SPARE, Site
from tests.chaos.slots import Slot
from tests.chaos.stalls import Span, stalls

STALL_LIMIT_S = 60.0
_BASE = b"base-"


def collect(
    site: Site,
    *,
    outages: Sequence[Span],
    acknowledged_s: Mapping[journal.Place, float],
    unpublished: list[str],
    undrained: list[str],
) -> Evidence:
    """All that the judge wants to see. Broker and store serve; no worker runs."""
    settings, topics = site.settings, site.topics
    click_log = list(_records(site, topics.clicks))
    image_log = list(_records(site, topics.images))
    item_log = list(_records(site, topics.item_embeddings))
    base = [record for record in item_log if (record.key or b"").startswith(_BASE)]
    crowd = frozen.crowd_of(site.published, settings) if site.frozen else None
    expected = oracle.expect(click_log, _index(site, base), settings, crowd)
    lives = [life for slot in site.slots.values() for life in slot.lives]
    accounts = [
        journal.read_file(life.name, slot.journal(life))
        for slot in site.slots.values()
        for life in slot.lives
    ]
    finished: dict[journal.Place, float] = {}
    for account in accounts:
        for place, _, at_s in journal.finishes(account.deliveries):
            finished[place] = min(at_s, finished.get(place, at_s))
    clicks = oracle.click_events(click_log, settings)
    images = oracle.image_events(image_log, settings)
    for event in (*clicks, *images):
        event.sent_s = acknowledged_s.get(event.place, event.sent_s)
    interactions = list(_records(site, topics.interactions))
    learned: dict[bytes, bytes | None] = {}
    for record in (*_records(site, topics.item_signals), *_records(site, topics.ranker)):
        learned[record.key or b""] = record.value
    users = sorted({event.who for event in clicks if not event.bad} | expected.profiles.keys())
    stored, popular = asyncio.run(_stored(site, users))
    return Evidence(
        clicks=clicks,
        images=images,
        expected=expected,
        lives=lives,
        accounts=accounts,
        lists=list(_lists(site)),
        letters=_letters(site),
        stored=stored if site.frozen else _without_residuals(stored),
        lessons=oracle.lessons_told(interactions, whole=site.frozen),
        copies_of_lessons=len(interactions),
        learned={key: value for key, value in learned.items() if value is not None},
        to_be_learned=site.published if site.frozen else oracle.learn(interactions, settings),
        learner_topic=topics.interactions,
        stored_popularity={
            item: 2.0 ** (weight - expected.reference) for item, weight in popular.items()
        },
        items=oracle.items_of(_index(site, item_log)),
        indexes={
            slot.name: asyncio.run(_snapshot(site, slot))
            for slot in site.of_kind("recommender")
            if slot.name != SPARE
        },
        published_stories=oracle.stories_published(image_log, settings),
        embedded_stories=oracle.stories_embedded(item_log),
        stale_items=oracle.stale_items(item_log),
        compacted_away=sum(site.kafka.end_offsets(topics.item_embeddings).values()) - len(item_log),
        stalls=stalls([*clicks, *images], finished, outages),
        stall_limit_s=STALL_LIMIT_S,
        undrained=undrained,
        orphans=_orphans(site),
        unpublished=unpublished,
    )


def _records(site: Site, topic: str) -> Iterator[RawRecord]:
    for r in site.kafka.read_all(topic):
        yield RawRecord(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)


def _index(site: Site, records: list[RawRecord]) -> ItemIndex:
    model = load_manifest(site.settings.models_dir, site.settings.model)
    index = ItemIndex(model.model_id, model.dim)
    index.apply_many(
        item for record in records if (item := decode(record.key, record.value)) is not None
    )
    return index


def _lists(site: Site) -> Iterator[tuple[str, str]]:
    for record in site.kafka.read_all(site.topics.recommendations):
        key = record.key.decode()
        if key != ANYBODY:
            yield key, dict(record.headers)["ce_id"].decode()


def _letters(site: Site) -> Counter[journal.Place]:
    letters = map(read_dead_letter, _records(site, site.topics.dead_letters))
    return Counter((letter.topic, letter.partition, letter.offset) for letter in letters)


async def _stored(site: Site, users: list[str]) -> tuple[dict[str, bytes | None], dict[str, float]]:
    settings = site.settings
    store = RedisProfiles(settings.redis_url, prefix=settings.store_prefix, timeout_s=30.0)
    try:
        found = await store.load(users)
        popular = await store.popular(1_000_000)
    finally:
        await store.close()
    return {user: each.value for user, each in zip(users, found, strict=True)}, dict(popular)


def _without_residuals(stored: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """They depend on what had been learned when each click came."""
    return {user: value and codec.without_residual(value) for user, value in stored.items()}


async def _snapshot(site: Site, slot: Slot) -> dict[str, Any]:
    """What a worker's index held when it stopped, by the snapshot that it left; nothing if none."""
    topic = site.topics.item_embeddings
    index = _index(site, [])
    folder = SnapshotKeeper(index, topic, slot.snapshots, 10.0).folder
    manifest = snapshot_files.read_manifest(folder)
    if manifest is None:
        return {}
    await snapshot.load(index, Origin(topic, manifest.cluster), folder)
    return oracle.items_of(index)


def _orphans(site: Site) -> list[str]:
    """Processes of ours that are still there, and are not the two servers."""
    folder = str(site.folder)
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd", "status"]):
        command = " ".join(process.info["cmdline"] or ())
        within = Path(process.info["cwd"] or "/").is_relative_to(site.folder) or folder in command
        server = "kafka.Kafka" in command or "valkey-server" in command or "redis-server" in command
        dead = process.info["status"] == psutil.STATUS_ZOMBIE
        if within and not server and not dead and process.pid != os.getpid():
            found.append(f"{process.pid}: {command[:100]}")
    return found
