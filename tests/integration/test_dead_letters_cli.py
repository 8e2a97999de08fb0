"""`lookstream dead-letters` on a real broker: refused, listed, shown, mended, replayed, applied."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.losing_shop import LosingShop
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, WorkerProcess

pytestmark = pytest.mark.integration


def lookstream(shop: LosingShop, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", "dead-letters", *arguments],
        env={"PATH": "", "PYTHONPATH": str(ROOT), "COLUMNS": "200", **shop.settings},
        cwd=shop.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_was_refused_is_found_mended_and_applied(
    losing_shop: LosingShop, tmp_path: Path
) -> None:
    shop = losing_shop
    shop.publish_items()
    large = json.dumps({"item_id": "item-1", "kind": "like", "note": "x" * 2_000}).encode()
    send = shop.producer.send
    for user in ("ann", "bob"):
        send(shop.topics.clicks, key=user.encode(), value=large, headers=[("from", b"web")])
    send(shop.topics.clicks, key=b"cid", value=b"{no json\x1b[2J")
    shop.producer.flush(30)
    assert lookstream(shop, "list").returncode == 1

    strict = {**shop.settings, "LOOKSTREAM_MAX_JSON_BYTES": "1024"}
    worker = WorkerProcess("recommender", shop.folder, strict).wait_ready()
    wait_until(lambda: worker.count("lookstream_events_total") == 3, 30, "all were refused")
    assert worker.stop() == 0

    listed = lookstream(shop, "list", "--json", "--since", "10m")
    assert listed.returncode == 0, listed.stderr
    found = [json.loads(line) for line in listed.stdout.splitlines()]
    assert sorted(letter["reason"] for letter in found) == ["bad-json"] + ["too-many-bytes"] * 2
    table = lookstream(shop, "list", "--reason", "bad-json").stdout
    assert "bad-json" in table
    assert "\x1b[2J" not in table
    (bad,) = (letter for letter in found if letter["reason"] == "bad-json")
    shown = lookstream(shop, "show", bad["place"], "--out", str(tmp_path / "value"))
    assert r"value: {no json\x1b[2J" in shown.stdout
    assert (tmp_path / "value").read_bytes() == b"{no json\x1b[2J"
    origin = f"{bad['topic']}:{bad['partition']}:{bad['offset']}"
    assert "reason: bad-json" in lookstream(shop, "show", origin).stdout

    refused = lookstream(shop, "replay")
    assert refused.returncode == 78
    assert "--all" in refused.stderr
    planned = lookstream(shop, "replay", "--all", "--dry-run")
    assert f"2 to {shop.topics.clicks}: too-many-bytes" in planned.stdout
    assert "1 left out: bad-json" in planned.stdout
    assert shop.profiles() == {}

    done = lookstream(shop, "replay", "--all", "--yes")
    assert done.returncode == 0, done.stderr
    assert "2 records published again" in done.stdout
    mended = WorkerProcess("recommender", shop.folder, shop.settings).wait_ready()
    try:
        wait_until(lambda: set(shop.profiles()) == {"ann", "bob"}, 30, "they are applied")
        assert mended.stop() == 0
    finally:
        mended.kill()
