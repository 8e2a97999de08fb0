"""How a metric is declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is declared."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    worker: str = ""
    """The only worker that has it; empty: all have it."""

    @property
    def served_name(self) -> str:
        """The name on the page: a counter's ends in `_total`."""
        return self.name + "_total" if self.kind == "counter" else self.name
