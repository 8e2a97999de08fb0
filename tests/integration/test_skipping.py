"""An event that ends every worker: found, and left out, as docs/operations.md says."""

from __future__ import annotations

import json
import re

import pytest
import redis
from kafka import TopicPartition
from kafka.errors import NoError
from kafka.structs import OffsetAndMetadata

from tests.support.losing_shop import LosingShop, says_the_store_is_behind
from tests.support.processes import tail
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

pytestmark = pytest.mark.integration

GROUP = "lookstream-recommender"


def move_group(shop: LosingShop, offset: int) -> None:
    """As `kafka-consumer-groups.sh --reset-offsets --to-offset` does, once the group is empty."""
    place = TopicPartition(shop.topics.clicks, 0)
    group = f"{shop.topics.prefix}{GROUP}"
    wanted = {place: OffsetAndMetadata(offset, "", -1)}
    wait_until(
        lambda: shop.kafka.admin.alter_group_offsets(group, wanted)[place] is NoError,
        30,
        "the group has forgotten the worker that ended itself",
        poll_s=0.5,
    )


def ends_by_a_bug(shop: LosingShop, **settings: str) -> str:
    """Run a recommender until it ends itself; what its log says."""
    worker = WorkerProcess("recommender", shop.folder, {**shop.settings, **settings})
    try:
        assert worker.process.wait(120) == 70
        return tail(worker.log)
    finally:
        worker.kill()


def test_an_event_that_ends_every_worker_is_found_and_skipped(losing_shop: LosingShop) -> None:
    shop = losing_shop
    shop.publish_items()
    prefix = f"{shop.topics.prefix}lookstream:"
    users = ["ann", "bob", "poison", "cid", "dan"]
    with redis.Redis.from_url(shop.store.url) as client:
        client.set(f"{prefix}profile:poison", b"no profile of any version")
    for user in users:
        value = json.dumps({"item_id": "item-1", "kind": "like"}).encode()
        shop.producer.send(shop.topics.clicks, key=user.encode(), value=value, partition=0)
    shop.producer.flush(30)

    said = ends_by_a_bug(shop)
    assert f"{shop.topics.clicks}-0 offsets 0 to 4" in said
    said = ends_by_a_bug(shop, LOOKSTREAM_BATCH_EVENTS="1")
    found = re.search(rf"{shop.topics.clicks}-0 offset (\d+)", said)
    assert found is not None, said
    offset = int(found[1])
    assert users[offset] == "poison"
    assert shop.marks() == {0: offset - 1}

    # The group alone is not enough: the store would seem to have lost the event.
    move_group(shop, offset + 1)
    worker = WorkerProcess("recommender", shop.folder, shop.settings)
    try:
        wait_until(lambda: says_the_store_is_behind(worker), 120, "it misses the event")
        with redis.Redis.from_url(shop.store.url) as client:
            client.hset(f"{prefix}marks", f"{shop.topics.clicks}-0", str(offset))
        wait_until(
            lambda: {"ann", "bob", "cid", "dan"} <= shop.profiles().keys(), 120, "all others"
        )
        worker.wait_ready()
        wait_until(
            lambda: worker.count("lookstream_events_total", outcome="applied") == 2, 30, "both"
        )
        assert worker.stop() == 0
    finally:
        worker.kill()
