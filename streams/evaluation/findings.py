"""What a run found out, in the form that a report is made of: a value for each event and method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.evaluation import measures
from streams.evaluation.measures import Values
from streams.evaluation.replay import Replayed
from streams.evaluation.slices import slices
from streams.evaluation.vectors import ItemPictures


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Rows of all arrays belong together: an evaluated event each, or a user of a split."""

    measures: tuple[str, ...]
    users: NDArray[np.int32]
    values: Mapping[str, Mapping[str, Values]]
    """Method -> measure -> float64 [events]."""
    slices: Mapping[str, NDArray[np.bool_]]
    whole: Mapping[str, Mapping[str, float]]
    """Method -> what is said of all its lists together."""
    seconds: Mapping[str, float]
    events: int
    """Learned."""
    protocol: Mapping[str, object] = field(default_factory=dict)


def of_replay(replayed: Replayed, pictures: ItemPictures | None) -> Findings:
    """What a prequential replay found out."""
    log, asked = replayed.log, replayed.asked
    ahead = measures.liked_ahead(log, asked.rows)
    last_s = log.at_s[asked.rows[-1]] if len(asked.rows) else -np.inf
    known = np.flatnonzero(_known_by(replayed, float(last_s)))
    whole = {}
    for name, course in replayed.courses.items():
        said = dict(measures.breadth(course, known))
        if pictures is None:
            said["diversity"] = float("nan")
        else:
            said["diversity"] = measures.diversity(course, pictures.vectors, pictures.has)
        whole[name] = said
    return Findings(
        measures=measures.MEASURES,
        users=log.users[asked.rows],
        values={
            name: measures.of_events(course, ahead) for name, course in replayed.courses.items()
        },
        slices=slices(asked, log.timed),
        whole=whole,
        seconds={name: course.seconds for name, course in replayed.courses.items()},
        events=replayed.learned,
    )


def _known_by(replayed: Replayed, last_s: float) -> NDArray[np.bool_]:
    """Items that could be recommended at the last evaluated event: bool [items]."""
    log, rows = replayed.log, replayed.asked.rows
    known: NDArray[np.bool_] = log.since_s <= last_s
    if len(rows):
        known[log.items[: rows[-1]]] = True
    return known
