"""Findings as JSON and as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from streams.evaluation.findings import Findings
from streams.evaluation.measures import Bootstrap, Values

OURS = "lookstream"


def results(findings: Findings, seed: int) -> dict[str, Any]:
    """All of it, for JSON: see docs/evaluation.md. The same for the same seed, but for `speed`."""
    everything = np.ones(len(findings.users), np.bool_)
    methods = _judged(findings, everything, seed)
    for name, said in methods.items():
        said.update(findings.whole.get(name, {}))
    return {
        "protocol": dict(findings.protocol),
        "events": len(findings.users),
        "methods": methods,
        "slices": {
            name: {
                "events": int(np.count_nonzero(mask)),
                "methods": _judged(findings, mask, seed),
            }
            for name, mask in findings.slices.items()
        },
        "speed": {
            name: {"seconds": seconds, "events/s": findings.events / max(seconds, 1e-9)}
            for name, seconds in findings.seconds.items()
        },
    }


def _judged(findings: Findings, mask: NDArray[np.bool_], seed: int) -> dict[str, dict[str, Any]]:
    """Method -> its measures, their intervals, and (of the others) what lookstream is ahead by."""
    measures = findings.measures
    judged: dict[str, dict[str, Any]] = {}
    columns: list[Values] = []
    places: list[tuple[str, str, str]] = []
    for name, values in findings.values.items():
        judged[name] = {"intervals": {}}
        for measure in measures:
            columns.append(values[measure][mask])
            places.append((name, measure, "intervals"))
        if name != OURS and OURS in findings.values:
            judged[name]["lookstream_ahead"] = {}
            for measure in measures:
                columns.append((findings.values[OURS][measure] - values[measure])[mask])
                places.append((name, measure, "lookstream_ahead"))
    found = Bootstrap(findings.users[mask], seed).intervals(columns)
    for (name, measure, what), interval in zip(places, found, strict=True):
        if what == "intervals":
            judged[name][measure] = interval.mean
            judged[name][what][measure] = [interval.low, interval.high]
        else:
            judged[name][what][measure] = [interval.mean, interval.low, interval.high]
    return judged


def tables(made: Mapping[str, Any], measures: Sequence[str]) -> Iterator[Table]:
    """For a terminal of 80 columns: the measures, what lookstream is ahead by, what else is to say
    of the lists, the slices. Where there is less room, cells are folded and none is cut."""
    methods, speed = made["methods"], made["speed"]
    first = _table("method", *measures)
    for name, said in methods.items():
        first.add_row(_name(name), *(_with_interval(said, measure) for measure in measures))
    yield first

    second = _table("lookstream ahead of", *measures)
    for name, said in methods.items():
        if lead := said.get("lookstream_ahead"):
            second.add_row(_name(name), *(_difference(lead[measure]) for measure in measures))
    yield second

    whole = [
        key for key in ("coverage", "gini", "diversity") if key in next(iter(methods.values()))
    ]
    third = _table("method", *whole, "events/s")
    for name, said in methods.items():
        rate = f"{speed[name]['events/s']:,.0f}"
        third.add_row(_name(name), *(_number(said[key]) for key in whole), rate)
    yield third

    if made["slices"]:
        # A word a line: eight columns don't fit otherwise.
        headings = ("\n".join(name.replace("-", " ").split()) for name in made["slices"])
        fourth = _table("hr@10", *headings)
        fourth.add_row("events", *(f"{each['events']:,}" for each in made["slices"].values()))
        for name in methods:
            cells = (each["methods"][name]["hr@10"] for each in made["slices"].values())
            fourth.add_row(_name(name), *map(_number, cells))
        yield fourth


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
    table.add_column(headings[0], overflow="fold")
    for heading in headings[1:]:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def _name(name: str) -> Text:
    return Text(name, style="bold" if name == OURS else "")


def _number(value: float) -> str:
    return "n/a" if np.isnan(value) else f"{value:.4f}".replace("0.", ".", 1)


def _with_interval(said: Mapping[str, Any], measure: str) -> str:
    low, high = said["intervals"][measure]
    return f"{_number(said[measure])}±{_half(low, high)}"


def _difference(lead: Sequence[float]) -> str:
    mean, low, high = lead
    sign = "-" if mean < 0.0 else "+"
    return f"{sign}{_number(abs(mean))}±{_half(low, high)}"


def _half(low: float, high: float) -> str:
    """Half of an interval: what stands behind ±."""
    return _number((high - low) / 2)[:4]
