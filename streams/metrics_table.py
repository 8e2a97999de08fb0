"""Every metric of lookstream: name, kind, labels, buckets and meaning, once, in base units.

docs/metrics.md is generated from here. Renaming one breaks dashboards and alerts of others.
"""

from __future__ import annotations

from streams.metric import Metric
from streams.metrics_learner import LEARNER_METRICS

_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
_STAGE_SECONDS = (
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
)  # fmt: skip
_ROAD_SECONDS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60,
)  # fmt: skip
_PROFILE_BYTES = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)


METRICS = (
    Metric(
        "lookstream_events",
        "counter",
        "Events by what became of them: applied, duplicate or dead-lettered, the last with its "
        "reason. The three sum to what came in.",
        ("agent", "outcome", "reason"),
    ),
    Metric(
        "lookstream_batch_events",
        "histogram",
        "Events of one batch.",
        ("agent",),
        _COUNTS,
    ),
    Metric(
        "lookstream_batch_seconds",
        "histogram",
        "From handing a batch to its agent until Kafka has acknowledged all that follows from it.",
        ("agent",),
        _STAGE_SECONDS,
    ),
    Metric(
        "lookstream_stage_seconds",
        "histogram",
        "Time of one stage of an agent's work. Once a picture: fetch, decode. Once a batch or "
        "part of one: encode, load, tell, search, rank, store, publish.",
        ("agent", "stage"),
        _STAGE_SECONDS,
    ),
    Metric(
        "lookstream_click_to_list_seconds",
        "histogram",
        "From a click's record timestamp to its list being acknowledged by Kafka.",
        (),
        _ROAD_SECONDS,
        worker="recommender",
    ),
    Metric(
        "lookstream_picture_to_index_seconds",
        "histogram",
        "From a picture's record timestamp to its vector standing in this recommender's index. "
        "Only of what arrives after the index had caught up.",
        (),
        _ROAD_SECONDS,
        worker="recommender",
    ),
    Metric(
        "lookstream_consumer_lag_events",
        "gauge",
        "Events of a partition this worker holds that are not finished yet.",
        ("topic", "partition"),
    ),
    Metric(
        "lookstream_index_items",
        "gauge",
        "Items in this recommender's index.",
        worker="recommender",
    ),
    Metric(
        "lookstream_index_bytes",
        "gauge",
        "Memory of this recommender's index.",
        worker="recommender",
    ),
    Metric(
        "lookstream_index_stale_seconds",
        "gauge",
        "Since when this recommender's index is not known to hold all of item-embeddings. Some "
        "seconds are normal; it grows while the topic can't be read.",
        worker="recommender",
    ),
    Metric(
        "lookstream_index_records_skipped",
        "counter",
        "Embedding records the index could not use, by reason.",
        ("reason",),
        worker="recommender",
    ),
    Metric(
        "lookstream_crowd_items",
        "gauge",
        "Items of which this recommender knows what the crowd's clicks teach, or could.",
        worker="recommender",
    ),
    Metric(
        "lookstream_crowd_items_left_out",
        "gauge",
        "Items for which there was no room: raise LOOKSTREAM_LEARNED_ITEMS.",
        worker="recommender",
    ),
    Metric(
        "lookstream_crowd_age_seconds",
        "gauge",
        "Since the learner last published what is served here; NaN if it never did. Without "
        "clicks that teach something it grows, and nothing is wrong.",
        worker="recommender",
    ),
    Metric(
        "lookstream_crowd_records_skipped",
        "counter",
        "Records of item-signals and ranker that could not be read.",
        worker="recommender",
    ),
    Metric(
        "lookstream_reasons_proven",
        "counter",
        "Reasons of lists that were proven before they went out (LOOKSTREAM_PROVEN_LISTS), by kind "
        "and by whether they held.",
        ("kind", "held"),
        worker="recommender",
    ),
    Metric(
        "lookstream_profile_bytes",
        "histogram",
        "Size of a profile as it is written to the store.",
        (),
        _PROFILE_BYTES,
        worker="recommender",
    ),
    *LEARNER_METRICS,
    Metric(
        "lookstream_dependency_up",
        "gauge",
        "0 while a dependency is waited for because it does not answer, else 1. `profiles`: the "
        "store answers, and has lost data.",
        ("dependency",),
    ),
    Metric(
        "lookstream_dependency_retries",
        "counter",
        "Calls repeated because a dependency did not answer.",
        ("dependency",),
    ),
    Metric("lookstream_ready", "gauge", "1 while /readyz says yes."),
    Metric(
        "lookstream_build_info",
        "gauge",
        "Always 1; its labels say what runs.",
        ("worker", "version", "model_id", "device"),
    ),
)
