"""When what was learned is published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When signals are published, in the time of the records."""

    every_s: float = 1.0
    every_events: int = 1_000
    """Or after so many interactions, whichever comes first."""
    item_every_s: float = 10.0
    """Each item at most once in so long: a popular one changes with every other click."""
