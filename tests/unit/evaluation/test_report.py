"""What people see: tables within 80 columns, and a picture in which every method is told apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from streams.evaluation import plot, report
from streams.evaluation.findings import Findings
from streams.evaluation.measures import MEASURES
from streams.evaluation.split import MEASURES as OF_A_SPLIT

SLICES = (
    "cold users",
    "warm users",
    "cold items",
    "warm items",
    "never-seen items",
    "gap to a minute",
    "gap to an hour",
    "gap over an hour",
)
METHODS = (
    report.OURS,
    "all-scored",
    "learned",
    "random",
    "popularity",
    "popularity-decayed",
    *(f"method-{n}" for n in range(11)),
)


def findings(log: str) -> Findings:
    random, n = np.random.default_rng(4), 400
    measures = MEASURES if log == "clicks" else OF_A_SPLIT
    return Findings(
        measures=measures,
        users=random.integers(0, 30, n).astype(np.int32),
        values={name: {each: random.random(n) for each in measures} for name in METHODS},
        slices={name: random.random(n) < 0.5 for name in SLICES} if log == "clicks" else {},
        whole={name: {"coverage": 1.0, "gini": 0.5, "diversity": 0.25} for name in METHODS},
        seconds=dict.fromkeys(METHODS, 1e-4),
        events=12_345,
        protocol={"log": log},
    )


def shown(log: str, width: int) -> str:
    found, out = findings(log), io.StringIO()
    console = Console(file=out, width=width)
    for table in report.tables(report.results(found, 1), found.measures):
        console.print(table)
    return out.getvalue()


@pytest.mark.parametrize("log", ["clicks", "split"])
def test_tables_fit_a_terminal_of_80_columns(log: str) -> None:
    said = shown(log, 80)
    assert "…" not in said
    # Cells stay whole: each method's row is one line, in every table.
    tables, lines = 4 if log == "clicks" else 3, said.splitlines()
    assert all(sum(line.startswith(f"{name} ") for line in lines) == tables for name in METHODS[1:])


def test_nothing_is_cut_off_where_there_is_no_room() -> None:
    assert "…" not in shown("clicks", 40)


def test_every_difference_is_shown_with_its_interval_and_written_as_a_whole() -> None:
    made = report.results(findings("clicks"), 1)
    ahead = made["methods"]["learned"]["lookstream_ahead"]
    assert set(ahead) == set(MEASURES)
    said = next(line for line in shown("clicks", 80).splitlines() if "ahead of" in line)
    assert said.split() == ["lookstream", "ahead", "of", *MEASURES]
    rows = shown("clicks", 80).split("ahead of")[1].splitlines()
    row = next(line for line in rows if line.startswith("learned "))
    mean, low, high = ahead["hr@10"]
    shown_mean, shown_half = row.split()[1].split("±")
    assert float(shown_mean) == pytest.approx(mean, abs=1e-4)
    assert float(shown_half) == pytest.approx((high - low) / 2, abs=1e-3)


@pytest.mark.parametrize(("log", "along"), [("clicks", "events"), ("split", "users")])
def test_a_picture_tells_all_methods_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str, along: str
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    plot.plot(findings(log), tmp_path / "out.png")
    (figure,) = drawn
    (axes,) = figure.axes
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == len(METHODS)
    assert f"evaluated {along}" in axes.get_xlabel()
    # Beside the curves, and not upon them.
    assert axes.get_legend() is None
    (legend,) = figure.legends
    figure.draw_without_rendering()
    assert legend.get_window_extent().x0 >= axes.get_window_extent().x1
    assert [text.get_text() for text in legend.get_texts()] == list(METHODS)
