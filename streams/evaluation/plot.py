"""The curves over time as a picture. Needs matplotlib, which the extra `evaluate` brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from streams.evaluation.findings import Findings
from streams.evaluation.measures import Values
from streams.evaluation.report import OURS

POINTS = 40
ENDINGS = (".png", ".svg", ".pdf", ".jpg", ".webp")
"""Of the files that can be written without anything else installed."""


def curve(values: Values, points: int = POINTS) -> Values:
    """Means of `points` stretches of as many values each, in their order; fewer for fewer."""
    stretches = np.array_split(values, min(points, max(len(values), 1)))
    return np.array([stretch.mean() if len(stretch) else np.nan for stretch in stretches])


def plot(findings: Findings, out: Path) -> None:
    """Write a picture of every method's first measure along the evaluated events to `out`."""
    measure = findings.measures[0]
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, values in findings.values.items():
        points = curve(values[measure])
        along = (np.arange(len(points)) + 0.5) / len(points) * len(findings.users)
        ours = name == OURS
        axes.plot(
            along, points, label=name, linewidth=2.5 if ours else 1.0, zorder=3 if ours else 2
        )
    axes.set_xlabel("evaluated events, in the order of time")
    axes.set_ylabel(measure)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(out, dpi=120)
