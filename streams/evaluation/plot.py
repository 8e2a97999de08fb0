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

_STYLES = ("-", "--", ":", "-.")


def curve(values: Values, points: int = POINTS) -> Values:
    """Means of `points` stretches of as many values each, in their order; fewer for fewer."""
    stretches = np.array_split(values, min(points, max(len(values), 1)))
    return np.array([stretch.mean() if len(stretch) else np.nan for stretch in stretches])


def plot(findings: Findings, out: Path) -> None:
    """Write a picture of every method's first measure along the evaluated events to `out`; of a
    split along its users."""
    measure = findings.measures[0]
    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.add_subplot()
    others = (name for name in findings.values if name != OURS)
    # A colour comes again with another style: there are more methods than colours to tell apart.
    looks = {name: (f"C{n % 10}", _STYLES[n // 10 % len(_STYLES)]) for n, name in enumerate(others)}
    for name, values in findings.values.items():
        points = curve(values[measure])
        along = (np.arange(len(points)) + 0.5) / len(points) * len(findings.users)
        ours = name == OURS
        colour, style = looks.get(name, ("black", "-"))
        axes.plot(
            along,
            points,
            label=name,
            color=colour,
            linestyle=style,
            linewidth=2.5 if ours else 1.2,
            zorder=3 if ours else 2,
        )
    if findings.protocol.get("log") == "split":
        axes.set_xlabel("evaluated users, in the order in which they were first learned of")
    else:
        axes.set_xlabel("evaluated events, in the order of time")
    axes.set_ylabel(measure)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    figure.savefig(out, dpi=120)
