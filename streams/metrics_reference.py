"""docs/metrics.md, made from the table: `python -m streams.metrics_reference --write`."""

from __future__ import annotations

from collections.abc import Iterator

from streams.generated import write_or_print
from streams.metric import Metric
from streams.metrics_table import METRICS

_INTRODUCTION = """\
# Metrics

Made from `streams/metrics_table.py` by `make docs`; a test holds it to the code.

Every worker serves them at `/metrics` of its `LOOKSTREAM_HTTP`. Times are in seconds, sizes in
bytes. Beside these come the process's own (`process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_open_fds` and others). `deploy/prometheus/alerts.yml`
holds alerts on them, and `deploy/grafana/lookstream.json` a dashboard.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *("\n".join(_entry(m)) + "\n" for m in METRICS)])


def _entry(metric: Metric) -> Iterator[str]:
    yield f"### `{metric.served_name}`"
    yield ""
    yield metric.help
    yield ""
    yield f"- {metric.kind}" + (f" of the {metric.worker}" if metric.worker else " of every worker")
    if metric.labels:
        yield "- labels: " + ", ".join(f"`{label}`" for label in metric.labels)
    if metric.buckets:
        yield "- buckets up to: " + ", ".join(f"{bucket:g}" for bucket in metric.buckets)


if __name__ == "__main__":
    write_or_print("metrics.md", render)
