"""Rebuilds at their hardest: after a failover, and beside workers that go on meanwhile."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from tests.chaos.proxy import Proxy
from tests.support.losing_shop import LosingShop, says_the_store_is_behind
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess

pytestmark = pytest.mark.integration


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


def test_a_replica_that_lacks_the_last_clicks_takes_over(
    losing_shop: LosingShop, tmp_path: Path, proxy: Proxy
) -> None:
    shop, rng = losing_shop, random.Random(9)
    index = shop.publish_items()
    link = proxy.link(redis=True)
    link.upstream = shop.store.port
    shop.settings["LOOKSTREAM_REDIS"] = f"redis://127.0.0.1:{link.port}/0"
    primary = shop.store
    worker = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    follow = ("--replicaof", "127.0.0.1", str(primary.port))
    with Valkey(tmp_path / "replica", args=follow) as replica:
        try:
            shop.click(200, rng)
            wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")
            shop.store = replica
            wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the replica has them")
            with redis.Redis.from_url(replica.url) as client:
                client.replicaof("NO", "ONE")
            shop.store = primary
            shop.click(100, rng)
            wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "the profiles are made")

            shop.store = replica
            link.upstream = replica.port
            primary.kill()
            link.reset()
            wait_until(lambda: says_the_store_is_behind(worker), 15, "the worker says so")
            before, lists = shop.profiles(), shop.lists()
            shop.click(50, rng)
            time.sleep(2)
            assert shop.profiles() == before
            assert shop.lists() == lists

            said = shop.rebuild()
            wait_until(lambda: worker.get("/readyz")[0] == 200, 15, "the worker goes on by itself")
            wait_until(lambda: shop.profiles() == shop.oracle(index), 30, "nothing is missing")
            assert " 0 were known" in said, "what the replica had was not read again"
            assert worker.stop() == 0
        finally:
            worker.kill()


def test_a_rebuild_beside_working_workers_goes_on_where_it_was_killed(
    losing_shop: LosingShop,
) -> None:
    shop, rng = losing_shop, random.Random(10)
    index = shop.publish_items()
    workers = [WorkerProcess("recommender", shop.folder, shop.settings) for _ in range(2)]
    try:
        for worker in workers:
            worker.wait_ready()
        shop.click(9_000, rng)
        wait_until(lambda: shop.profiles() == shop.oracle(index), 90, "the profiles are made")

        first = shop.start_rebuild("--from-scratch", "--yes")
        wait_until(lambda: not shop.marks(), 60, "it has begun")
        while not shop.marks():
            assert first.poll() is None, first.communicate()
            time.sleep(0.01)
        first.kill()
        first.communicate()
        held = sum(mark + 1 for mark in shop.marks().values())
        assert 0 < held < 9_000
        shop.click(100, rng)
        wait_until(lambda: any(map(says_the_store_is_behind, workers)), 15, "a worker says so")

        second = shop.start_rebuild()
        memory, peak_bytes = psutil.Process(second.pid), 0
        while second.poll() is None:
            shop.click(10, rng)
            time.sleep(0.05)
            with contextlib.suppress(psutil.NoSuchProcess):
                peak_bytes = max(peak_bytes, memory.memory_info().rss)
        said, errors = second.communicate()
        assert second.returncode == 0, errors
        applied = int(said.splitlines()[-1].split(" clicks applied")[0].replace(",", ""))
        assert 0 < peak_bytes < 200e6
        assert applied <= len(shop.sent) - held, "it began where the first was killed"
        wait_until(lambda: shop.profiles() == shop.oracle(index), 60, "the profiles are as before")
        wait_until(
            lambda: all(worker.get("/readyz")[0] == 200 for worker in workers),
            15,
            "they go on by themselves",
        )
        assert [worker.stop() for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
