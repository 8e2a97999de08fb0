"""What is read from a worker's metrics, and what a worker is told."""

from __future__ import annotations

import pytest

from streams.errors import Reason
from streams.local.workers import read_counts, worker_environment
from streams.metrics import Metrics


def test_counts_come_from_the_workers_own_page() -> None:
    metrics = Metrics("embedder")
    metrics.outcome("embedder", "applied", "", 7)
    metrics.outcome("embedder", "dead-lettered", Reason.NOT_A_PICTURE.value, 2)
    metrics.outcome("embedder", "dead-lettered", Reason.BAD_JSON.value, 1)
    counts = read_counts(metrics.page().decode())
    assert (counts["applied"], counts["dead-lettered"], counts["duplicate"]) == (7, 3, 0)


def test_a_page_without_our_metrics_counts_nothing() -> None:
    assert not read_counts("# TYPE other gauge\nother 1\n")


def test_a_worker_is_not_led_elsewhere_by_the_owners_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOOKSTREAM_KAFKA", "production:9092")
    monkeypatch.setenv("LOOKSTREAM_REDIS", "redis://production/0")
    monkeypatch.setenv("LOOKSTREAM_DEVICE", "cpu")
    told = worker_environment({"KAFKA": "127.0.0.1:1"})
    assert told["LOOKSTREAM_KAFKA"] == "127.0.0.1:1"
    assert "LOOKSTREAM_REDIS" not in told
    assert told["LOOKSTREAM_DEVICE"] == "cpu"
