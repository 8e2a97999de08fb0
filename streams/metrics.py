"""One worker's metrics: a registry of its own, and children bound once for the hot paths.

What there is stands in metrics_table.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from streams.metric import Metric
from streams.metrics_table import METRICS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One worker's metrics. Cheap where it is hot: children are bound once and kept."""

    def __init__(self, worker: str) -> None:
        """`worker` is a worker's name: a page shows only what its worker can know."""
        self.registry = CollectorRegistry(auto_describe=False)
        self._worker = worker
        made = {m.name: self._make(m) for m in METRICS if m.worker in ("", worker)}
        ProcessCollector(registry=self.registry)
        self._counters = {k: v for k, v in made.items() if isinstance(v, Counter)}
        self._gauges = {k: v for k, v in made.items() if isinstance(v, Gauge)}
        self._histograms = {k: v for k, v in made.items() if isinstance(v, Histogram)}
        self._outcomes: dict[tuple[str, str, str], Counter] = {}
        self._lags: dict[tuple[str, int], Gauge] = {}
        self._batches: dict[str, tuple[Histogram, Histogram]] = {}
        for dependency in ("kafka", "redis") if worker == "recommender" else ("kafka",):
            self.dependency(dependency, up=True)
            self._counters["lookstream_dependency_retries"].labels(dependency)

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        match metric.kind:
            case "counter":
                return Counter(metric.name, metric.help, metric.labels, registry=self.registry)
            case "gauge":
                return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)
            case "histogram":
                return Histogram(
                    metric.name,
                    metric.help,
                    metric.labels,
                    buckets=metric.buckets,
                    registry=self.registry,
                )

    def gauge(self, name: str) -> Gauge:
        """A gauge of the table, for those who set it themselves."""
        return self._gauges[name]

    def counter(self, name: str) -> Counter:
        """A counter of the table."""
        return self._counters[name]

    def build(self, *, version: str, model_id: str, device: str) -> None:
        """Say what runs: called once, when the model is known. `device` is empty where none is."""
        info = self._gauges["lookstream_build_info"]
        info.labels(self._worker, version, model_id, device).set(1)

    def outcome(self, agent: str, outcome: str, reason: str, events: int = 1) -> None:
        """`events` of `agent` ended so; `reason` is empty unless dead-lettered."""
        key = (agent, outcome, reason)
        child = self._outcomes.get(key)
        if child is None:
            child = self._counters["lookstream_events"].labels(*key)
            self._outcomes[key] = child
        child.inc(events)

    def batch(self, agent: str, events: int, seconds: float) -> None:
        """`agent` finished a batch of `events`, `seconds` after it got it."""
        children = self._batches.get(agent)
        if children is None:
            children = self._batches[agent] = (
                self._histograms["lookstream_batch_events"].labels(agent),
                self._histograms["lookstream_batch_seconds"].labels(agent),
            )
        children[0].observe(events)
        children[1].observe(seconds)

    def stages(self, agent: str) -> Callable[[str, float], None]:
        """A function (stage, seconds) for streams.agents.stages.Stages."""
        parent = self._histograms["lookstream_stage_seconds"]
        children: dict[str, Histogram] = {}

        def observe(stage: str, seconds: float) -> None:
            child = children.get(stage)
            if child is None:
                child = children[stage] = parent.labels(agent, stage)
            child.observe(seconds)

        return observe

    def click_to_list(self, seconds: Iterable[float]) -> None:
        """One batch's times. A producer's clock ahead of ours counts as 0, not as less."""
        observe = self._histograms["lookstream_click_to_list_seconds"].observe
        for value in seconds:
            observe(max(0.0, value))

    def picture_to_index(self, seconds: Iterable[float]) -> None:
        """Times of the pictures of one batch; see `click_to_list`."""
        observe = self._histograms["lookstream_picture_to_index_seconds"].observe
        for value in seconds:
            observe(max(0.0, value))

    def profile_bytes(self, sizes: Iterable[int]) -> None:
        """Sizes of the profiles of one batch."""
        observe = self._histograms["lookstream_profile_bytes"].observe
        for size in sizes:
            observe(size)

    def index(self, *, items: int, memory_bytes: int) -> None:
        """How large the item index is now."""
        self._gauges["lookstream_index_items"].set(items)
        self._gauges["lookstream_index_bytes"].set(memory_bytes)

    def index_stale(self, stale_s: Callable[[], float]) -> None:
        """Ask `stale_s` at each look at the page: nobody tells of what does not come."""
        self._gauges["lookstream_index_stale_seconds"].set_function(stale_s)

    def index_skipped(self, reason: str, records: int = 1) -> None:
        """Embedding records were left out of the index."""
        self._counters["lookstream_index_records_skipped"].labels(reason).inc(records)

    def crowd(self, *, items: int, left_out: int) -> None:
        """How many items something was learned of, and for how many there was no room."""
        self._gauges["lookstream_crowd_items"].set(items)
        self._gauges["lookstream_crowd_items_left_out"].set(left_out)

    def crowd_age(self, age_s: Callable[[], float]) -> None:
        """Ask `age_s` at each look at the page."""
        self._gauges["lookstream_crowd_age_seconds"].set_function(age_s)

    def crowd_skipped(self, records: int) -> None:
        """Records of what was learned could not be read."""
        self._counters["lookstream_crowd_records_skipped"].inc(records)

    def reasons(self, held: Mapping[str, int], failed: Mapping[str, int]) -> None:
        """Reasons of a list were proven, by kind."""
        counter = self._counters["lookstream_reasons_proven"]
        for yes_or_no, kinds in (("yes", held), ("no", failed)):
            for kind, count in kinds.items():
                counter.labels(kind, yes_or_no).inc(count)

    def lag(self, topic: str, partition: int, events: int) -> None:
        """How many events of a partition are not finished."""
        child = self._lags.get((topic, partition))
        if child is None:
            child = self._gauges["lookstream_consumer_lag_events"].labels(topic, partition)
            self._lags[topic, partition] = child
        child.set(events)

    def no_lag(self, topic: str, partition: int) -> None:
        """The partition is another worker's now: its series, if there is one, ends here."""
        if self._lags.pop((topic, partition), None) is not None:
            self._gauges["lookstream_consumer_lag_events"].remove(topic, partition)

    def retry(self, dependency: str) -> None:
        """A call to `dependency` failed and is repeated."""
        self._counters["lookstream_dependency_retries"].labels(dependency).inc()

    def dependency(self, dependency: str, *, up: bool) -> None:
        """Whether `dependency` answers."""
        self._gauges["lookstream_dependency_up"].labels(dependency).set(up)

    def ready(self, is_ready: bool) -> None:
        """What /readyz says."""
        self._gauges["lookstream_ready"].set(is_ready)

    def page(self) -> bytes:
        """The text Prometheus reads."""
        return generate_latest(self.registry)
