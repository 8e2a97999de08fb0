"""Alerts and the dashboard speak of metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from streams.generated import DOCS
from streams.metrics import Metrics
from streams.metrics_table import METRICS

DEPLOY = DOCS.parent / "deploy"
_SERIES = re.compile(r"\b(?:lookstream|process)_[a-z_]+")
_LABELS = re.compile(r"by \(([a-z_, ]+)\)|\{([a-z_]+)=")


def series() -> set[str]:
    """Every series a worker may have, by name."""
    names = {
        sample.name
        for worker in ("embedder", "recommender", "learner")
        for family in Metrics(worker).registry.collect()
        for sample in family.samples
    }
    for metric in METRICS:
        names.add(metric.served_name)
        if metric.kind == "histogram":
            names |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def alerts() -> str:
    return (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")


def dashboard_queries() -> Iterator[str]:
    board = json.loads((DEPLOY / "grafana" / "lookstream.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


@pytest.mark.parametrize(
    "text", [alerts(), "\n".join(dashboard_queries())], ids=["alerts", "board"]
)
def test_every_series_named_is_one_that_workers_have(text: str) -> None:
    named = set(_SERIES.findall(text))
    assert len(named) >= 5
    assert named <= series()


@pytest.mark.parametrize(
    "text", [alerts(), "\n".join(dashboard_queries())], ids=["alerts", "board"]
)
def test_every_label_named_is_one_that_series_have(text: str) -> None:
    known = {label for metric in METRICS for label in metric.labels} | {"le", "instance"}
    named = {
        label.strip()
        for groups in _LABELS.findall(text)
        for part in groups
        for label in part.split(",")
        if label.strip()
    }
    assert named <= known


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    board = json.loads((DEPLOY / "grafana" / "lookstream.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
