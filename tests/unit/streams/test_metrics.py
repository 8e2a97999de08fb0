"""What a worker tells Prometheus."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams import metrics_reference
from streams.agents.stages import Stages
from streams.generated import DOCS
from streams.metrics import CONTENT_TYPE, Metrics
from streams.metrics_table import METRICS


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def families(metrics: Metrics) -> dict[str, str]:
    page = metrics.page().decode()
    return {family.name: family.type for family in text_string_to_metric_families(page)}


def test_outcomes_are_counted_by_agent_and_reason() -> None:
    metrics = Metrics("recommender")
    metrics.outcome("recommender", "applied", "", 3)
    metrics.outcome("recommender", "applied", "")
    metrics.outcome("recommender", "dead-lettered", "bad-json", 2)
    count = "lookstream_events_total"
    of = {"agent": "recommender"}
    assert sample(metrics, count, **of, outcome="applied", reason="") == 4
    assert sample(metrics, count, **of, outcome="dead-lettered", reason="bad-json") == 2


def test_a_batch_is_observed_by_size_and_time() -> None:
    metrics = Metrics("embedder")
    metrics.batch("embedder", 20, 0.3)
    metrics.batch("embedder", 40, 0.1)
    assert sample(metrics, "lookstream_batch_events_sum", agent="embedder") == 60
    assert sample(metrics, "lookstream_batch_events_bucket", agent="embedder", le="32.0") == 1
    assert sample(metrics, "lookstream_batch_seconds_sum", agent="embedder") == pytest.approx(0.4)


def test_stages_are_timed_in_seconds() -> None:
    metrics = Metrics("embedder")
    now_s = iter([10.0, 10.25])
    stages = Stages(metrics.stages("embedder"), clock=lambda: next(now_s))
    with stages.time("decode"):
        pass
    assert sample(metrics, "lookstream_stage_seconds_sum", agent="embedder", stage="decode") == 0.25


def test_a_producer_whose_clock_is_ahead_counts_as_no_time() -> None:
    metrics = Metrics("recommender")
    metrics.click_to_list([-5.0, 0.004])
    metrics.picture_to_index([-1.0])
    assert sample(metrics, "lookstream_click_to_list_seconds_sum") == pytest.approx(0.004)
    assert sample(metrics, "lookstream_click_to_list_seconds_count") == 2
    assert sample(metrics, "lookstream_picture_to_index_seconds_sum") == 0


@pytest.mark.parametrize("road", ["click_to_list", "picture_to_index"])
def test_buckets_of_the_whole_road_reach_from_a_millisecond_to_a_minute(road: str) -> None:
    (metric,) = [m for m in METRICS if m.name == f"lookstream_{road}_seconds"]
    assert metric.buckets[0] == 0.001
    assert metric.buckets[-1] == 60


def test_lag_of_a_partition_that_went_away_goes_away() -> None:
    metrics = Metrics("embedder")
    name = "lookstream_consumer_lag_events"
    metrics.lag("images", 0, 7)
    metrics.lag("images", 0, 5)
    assert sample(metrics, name, topic="images", partition="0") == 5
    metrics.no_lag("images", 0)
    metrics.no_lag("images", 1)
    assert sample(metrics, name, topic="images", partition="0") is None
    metrics.lag("images", 0, 1)
    assert sample(metrics, name, topic="images", partition="0") == 1


def test_index_profiles_and_dependencies_are_told() -> None:
    metrics = Metrics("recommender")
    metrics.index(items=4000, memory_bytes=6_000_000)
    metrics.index_skipped("other-model", 2)
    metrics.profile_bytes([1000, 3000])
    metrics.dependency("redis", up=False)
    metrics.retry("redis")
    metrics.ready(is_ready=True)
    metrics.build(version="1.2", model_id="m", device="")
    assert sample(metrics, "lookstream_index_items") == 4000
    assert sample(metrics, "lookstream_index_bytes") == 6_000_000
    assert sample(metrics, "lookstream_index_records_skipped_total", reason="other-model") == 2
    assert sample(metrics, "lookstream_profile_bytes_sum") == 4000
    assert sample(metrics, "lookstream_dependency_up", dependency="redis") == 0
    assert sample(metrics, "lookstream_dependency_retries_total", dependency="redis") == 1
    assert sample(metrics, "lookstream_ready") == 1
    labels = {"worker": "recommender", "version": "1.2", "model_id": "m", "device": ""}
    assert sample(metrics, "lookstream_build_info", **labels) == 1


def test_how_stale_the_index_is_is_asked_at_each_look() -> None:
    metrics = Metrics("recommender")
    stale_s = [1.5]
    metrics.index_stale(lambda: stale_s[0])
    assert sample(metrics, "lookstream_index_stale_seconds") == 1.5
    stale_s[0] = 90.0
    assert sample(metrics, "lookstream_index_stale_seconds") == 90.0


def test_dependencies_that_never_failed_are_told_as_up() -> None:
    up = "lookstream_dependency_up"
    assert sample(Metrics("recommender"), up, dependency="redis") == 1
    assert sample(Metrics("embedder"), up, dependency="kafka") == 1
    assert sample(Metrics("embedder"), up, dependency="redis") is None


def test_a_worker_shows_only_what_it_can_know() -> None:
    assert "lookstream_index_items" in families(Metrics("recommender"))
    assert "lookstream_index_items" not in families(Metrics("embedder"))


def test_two_workers_in_one_process_share_nothing() -> None:
    one, other = Metrics("recommender"), Metrics("recommender")
    one.index(items=5, memory_bytes=1)
    assert sample(other, "lookstream_index_items") == 0


def test_the_page_says_each_type_and_the_process_too() -> None:
    for worker in ("recommender", "learner"):
        found = families(Metrics(worker))
        for metric in METRICS:
            if metric.worker in ("", worker):
                assert found[metric.name] == metric.kind
    assert "process_resident_memory_bytes" in found
    assert CONTENT_TYPE.startswith("text/plain")


def test_names_are_in_base_units() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"lookstream_[a-z_]+", metric.name)
        assert not re.search(r"_(ms|millis|mb|kb|minutes|total)(_|$)", metric.name)
        if metric.kind == "histogram":
            assert metric.name.endswith(("_seconds", "_bytes", "_events"))


def test_labels_are_bounded_never_an_id_of_a_user_or_an_item() -> None:
    bounded = {
        "agent", "outcome", "reason", "stage", "topic", "partition", "dependency",
        "worker", "version", "model_id", "device", "feature", "context", "kind", "held",
    }  # fmt: skip
    assert {label for metric in METRICS for label in metric.labels} <= bounded


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert page == metrics_reference.render(), "run `make docs`"


def test_the_page_names_every_metric_as_it_is_served() -> None:
    page = metrics_reference.render()
    served = {
        sample.name
        for worker in ("embedder", "recommender")
        for family in Metrics(worker).registry.collect()
        for sample in family.samples
    }
    for metric in METRICS:
        assert f"### `{metric.served_name}`" in page
        if metric.kind == "counter":
            assert metric.served_name.endswith("_total")
    assert "lookstream_dependency_retries_total" in served
