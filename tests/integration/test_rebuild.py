"""The store loses data under a running worker; `lookstream rebuild` brings it back, bit for bit."""

from __future__ import annotations

import random

import pytest
import redis

from tests.support.losing_shop import LosingShop, says_the_store_is_behind
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

pytestmark = pytest.mark.integration


def test_a_lost_store_is_noticed_not_built_upon_and_rebuilt(losing_shop: LosingShop) -> None:
    shop, rng = losing_shop, random.Random(7)
    index = shop.publish_items()
    worker = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    try:
        shop.click(300, rng)
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")
        older = {}
        with redis.Redis.from_url(shop.store.url) as client:
            older = {key: client.dump(key) for key in client.scan_iter()}
        shop.click(200, rng)
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")

        # Emptied: noticed within seconds, though nobody clicks.
        with redis.Redis.from_url(shop.store.url) as client:
            client.flushall()
        wait_until(lambda: says_the_store_is_behind(worker), 15, "the worker says so")
        assert worker.count("lookstream_dependency_up", dependency="profiles") == 0
        lists = shop.lists()
        shop.click(50, rng)
        assert shop.profiles() == {}
        assert shop.lists() == lists

        assert "clicks applied" in shop.rebuild()
        wait_until(lambda: worker.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are as before")
        refused = sum(said["kind"] == "stare" for *_, said in shop.sent[-50:])
        wait_until(lambda: shop.lists() >= lists + 50 - refused, 30, "the lists came")

        # An older backup comes back.
        popular = shop.popularity()
        with redis.Redis.from_url(shop.store.url) as client:
            client.flushall()
            for key, value in older.items():
                client.restore(key, 0, value)
        wait_until(lambda: says_the_store_is_behind(worker), 15, "the worker says so")
        shop.rebuild("--dry-run")
        assert says_the_store_is_behind(worker)
        shop.rebuild()
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are as before")
        assert shop.popularity() == pytest.approx(popular, rel=1e-9)
        wait_until(lambda: worker.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_a_new_worker_notices_that_the_store_is_not_what_the_group_left(
    losing_shop: LosingShop,
) -> None:
    shop, rng = losing_shop, random.Random(8)
    index = shop.publish_items()
    worker = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    shop.click(100, rng)
    wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")
    assert worker.stop() == 0
    with redis.Redis.from_url(shop.store.url) as client:
        client.flushall()
    # Also where nobody clicks.
    second = WorkerProcess("recommender", shop.folder, shop.settings)
    try:
        wait_until(lambda: says_the_store_is_behind(second), 60, "the second worker says so")
        shop.click(30, rng)
        shop.rebuild("--from-scratch", "--yes")
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are as before")
        wait_until(lambda: second.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
    finally:
        second.kill()


def test_a_topic_of_clicks_that_was_made_anew_is_noticed_and_profiles_are_kept(
    losing_shop: LosingShop,
) -> None:
    shop, rng = losing_shop, random.Random(11)
    index = shop.publish_items()
    worker = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    try:
        shop.click(300, rng)
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")
        before = shop.profiles()
        shop.make_clicks_anew()
        lists = shop.lists()
        shop.click(60, rng)
        wait_until(lambda: "made anew" in worker.get("/readyz")[1], 60, "the worker says so")
        assert shop.profiles() == before
        assert shop.lists() == lists
        refused = shop.start_rebuild()
        assert "--new-log" in refused.communicate(timeout=60)[1]
        assert refused.returncode == 78
        assert shop.profiles() == before

        assert "kept 40 profiles" in shop.rebuild("--new-log", "--yes")
        wait_until(lambda: worker.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
        shop.click(60, rng)
        wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "nothing is missing")
        again = shop.start_rebuild("--new-log", "--yes")
        assert "count twice" in again.communicate(timeout=60)[1]
        assert worker.stop() == 0
    finally:
        worker.kill()
