"""More than a worker can do at once: it falls behind, and neither grows nor loses its partitions.

The bounds follow from the settings at their defaults (docs/operations.md has the arithmetic), and
are stated here before anything is measured. What was measured is printed.
"""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from tests.overload.conftest import FULL, PARTITIONS, Site, assignments
from tests.overload.watching import Memory
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3_000 if FULL else 400)]

MB = 1_000_000

# The interpreter with its libraries and the model: 300. Pictures that wait: 3 batches of 32, one
# in flight, one fetch (a picture of 2 for each of 8 partitions) held by the client and one being
# taken over. Pixels of two decoders at the largest JPEG allowed, and a session call of 32.
EMBEDDER_BOUND_BYTES = (300 + 4 * 32 + 2 * 16 + 2 * 75 + 200) * MB
# The interpreter, its libraries, compiled loops and a small index: 300. Remembered searches: 24.
# Clicks that wait: bounded by 4 batches of 8; two fetches of at most 16. A batch of 256 profiles
# and lists: 10.
RECOMMENDER_BOUND_BYTES = (300 + 24 + 4 * 8 + 2 * 16 + 10) * MB

PICTURES = 2_000 if FULL else 60
CLICKS = 500_000 if FULL else 15_000
HOT_CLICKS = 50_000 if FULL else 6_000
SLOW_LISTS = 6_000 if FULL else 1_500


def picture_of(size_bytes: int) -> bytes:
    """A JPEG of noise, of at least so many bytes."""
    rng = np.random.default_rng(1)
    side = 800
    while True:
        noise = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(noise).save(out, "JPEG", quality=95)
        if out.tell() >= size_bytes:
            return out.getvalue()
        side += 100


def test_a_backlog_of_large_pictures_is_worked_off_in_bounded_memory(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decoding goes on all the time, and never starves the heartbeat: no rebalance."""
    picture = picture_of(2 * MB)
    for number in range(PICTURES):
        site.producer.send(site.topics.images, key=f"item-{number}".encode(), value=picture)
    site.producer.flush(600)
    embedder = site.start("embedder")
    begun_s = time.monotonic()
    with Memory(embedder.process.pid) as memory:
        wait_until(
            lambda: embedder.count("lookstream_events_total") >= PICTURES,
            2_800 if FULL else 300,
            "every picture is embedded",
            poll_s=0.5,
        )
    took_s = time.monotonic() - begun_s
    with capsys.disabled():
        print(
            f"\n{PICTURES:,} pictures of {len(picture) / MB:.1f} MB in {took_s:.0f} s; memory "
            f"{memory.at_first_bytes / MB:.0f} MB at first, {memory.peak_bytes / MB:.0f} MB at "
            f"most, bound {EMBEDDER_BOUND_BYTES / MB:.0f} MB"
        )
    assert embedder.count("lookstream_events_total", outcome="applied") == PICTURES
    assert memory.peak_bytes <= EMBEDDER_BOUND_BYTES
    assert assignments(embedder, site.topics.images) == 1
    assert embedder.stop() == 0


def test_a_backlog_of_clicks_is_worked_off_in_bounded_memory(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.publish_items(2_000)
    rng = np.random.default_rng(2)
    for user, item in zip(
        rng.integers(5_000, size=CLICKS), rng.integers(2_000, size=CLICKS), strict=True
    ):
        site.click(f"user-{user}", int(item))
    site.producer.flush(600)
    recommender = site.start("recommender")
    begun_s = time.monotonic()
    with Memory(recommender.process.pid) as memory:
        wait_until(
            lambda: recommender.count("lookstream_events_total") >= CLICKS,
            2_800 if FULL else 300,
            "every click is applied",
            poll_s=0.5,
        )
    took_s = time.monotonic() - begun_s
    with capsys.disabled():
        print(
            f"\n{CLICKS:,} clicks in {took_s:.0f} s; memory {memory.at_first_bytes / MB:.0f} MB at "
            f"first, {memory.peak_bytes / MB:.0f} MB at most, "
            f"bound {RECOMMENDER_BOUND_BYTES / MB:.0f} MB"
        )
    assert recommender.count("lookstream_events_total", outcome="applied") == CLICKS
    assert memory.peak_bytes <= RECOMMENDER_BOUND_BYTES
    assert assignments(recommender, site.topics.clicks) == 1
    assert recommender.stop() == 0


def test_a_hot_user_does_not_stop_those_on_other_partitions(site: Site) -> None:
    """Half of the traffic is one user's, and was there first; the others don't wait for its end."""
    site.publish_items(500)
    for number in range(HOT_CLICKS):
        site.click("hot", number % 500, partition=0)
    for number in range(HOT_CLICKS):
        site.click(f"user-{number % 700}", number % 500, partition=1 + number % (PARTITIONS - 1))
    site.producer.flush(600)
    recommender = site.start("recommender")
    wait_until(
        lambda: recommender.count("lookstream_events_total") >= 2 * HOT_CLICKS,
        2_000 if FULL else 300,
        "every click is applied",
        poll_s=0.5,
    )
    hot, others = _made_at_ms(site)
    # Both halves wait from the start: shared fairly, the others' lists come all along, and their
    # middle one is made long before the hot user's last one.
    assert len(hot) == len(others) == HOT_CLICKS
    assert np.median(others) < np.quantile(hot, 0.9)
    assert others[:100].mean() < np.median(hot)


def _made_at_ms(site: Site) -> tuple[np.ndarray, np.ndarray]:
    """When the lists of the hot user, and of all others, reached the broker: rising."""
    hot: list[int] = []
    others: list[int] = []
    for record in site.kafka.read_all(site.topics.recommendations):
        if record.key != b"*":
            (hot if record.key == b"hot" else others).append(record.timestamp)
    return np.sort(hot), np.sort(others)


def test_a_broker_that_takes_lists_slowly_slows_the_worker_down(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quota on what it may publish: it falls behind, and holds no more than before."""
    quota = 400_000
    site.publish_items(500)
    for number in range(SLOW_LISTS):
        site.click(f"user-{number % 300}", number % 500)
    site.producer.flush(60)
    with site.kafka.producer_quota("recommender", quota):
        recommender = site.start("recommender")
        begun_s = time.monotonic()
        with Memory(recommender.process.pid) as memory:
            wait_until(
                lambda: recommender.count("lookstream_events_total") >= SLOW_LISTS,
                1_000 if FULL else 200,
                "every click has its list",
                poll_s=0.2,
            )
        took_s = time.monotonic() - begun_s
        size_bytes = _published_bytes(site)
    with capsys.disabled():
        print(
            f"\n{SLOW_LISTS:,} lists, {size_bytes / MB:.1f} MB, in {took_s:.0f} s under a quota of "
            f"{quota / MB:.1f} MB/s; memory {memory.peak_bytes / MB:.0f} MB at most"
        )
    # It was the broker that was waited for (a quota averages over some ten seconds).
    assert took_s > 0.5 * (size_bytes / quota - 11.0)
    assert memory.peak_bytes <= RECOMMENDER_BOUND_BYTES
    assert assignments(recommender, site.topics.clicks) == 1
    assert recommender.stop() == 0


def _published_bytes(site: Site) -> int:
    """Of all lists."""
    return sum(len(r.value) for r in site.kafka.read_all(site.topics.recommendations))
