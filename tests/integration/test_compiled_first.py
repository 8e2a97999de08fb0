"""What lists run is compiled before a recommender says that it is ready."""

from __future__ import annotations

import random
from pathlib import Path

from tests.support.losing_shop import LosingShop
from tests.support.waiting import wait_until
from tests.support.workers import WorkerProcess


def test_without_a_learner_what_lists_by_pictures_run_and_nothing_else(
    losing_shop: LosingShop,
) -> None:
    shop, cache = losing_shop, losing_shop.folder / "numba"
    shop.publish_items()
    settings = {"LOOKSTREAM_LEARNING": "false", "NUMBA_CACHE_DIR": str(cache)}
    worker = WorkerProcess("recommender", shop.folder, shop.settings | settings).wait_ready()
    try:
        before = compiled(cache)
        assert before == {"apart", "bits_set", "full", "pairs_alike"}
        shop.click(20, random.Random(7))
        wait_until(lambda: shop.lists() > 1, 30, "her list came, and that for anybody")
        assert compiled(cache) == before
        assert worker.stop() == 0
    finally:
        worker.kill()


def compiled(cache: Path) -> set[str]:
    """The loops that numba has compiled into `cache`, as MODULE.LOOP-LINE.VERSION.nbi."""
    return {path.name.split("-")[0].rpartition(".")[2] for path in cache.rglob("*.nbi")}
