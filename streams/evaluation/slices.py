"""For whom, for which items, after what pause: the same measures on parts of the events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.replay import Asked

COLD_EVENTS = 5
MINUTE_S = 60.0
HOUR_S = 3_600.0


def slices(asked: Asked, timed: bool) -> dict[str, NDArray[np.bool_]]:
    """Name -> which of the evaluated events, bool [events]. Pauses only of a log with times.

    Cold: fewer than COLD_EVENTS events before. Never-seen: none of anybody. The pause is the time
    since her last event of any kind; a user's first event is in none of the three.
    """
    cold_user = asked.user_events < COLD_EVENTS
    cold_item = asked.item_events < COLD_EVENTS
    found = {
        "cold users": cold_user,
        "warm users": ~cold_user,
        "cold items": cold_item,
        "warm items": ~cold_item,
        "never-seen items": asked.item_events == 0,
    }
    if timed:
        gaps_s = asked.gaps_s
        found |= {
            "gap to a minute": gaps_s <= MINUTE_S,
            "gap to an hour": (gaps_s > MINUTE_S) & (gaps_s <= HOUR_S),
            "gap over an hour": gaps_s > HOUR_S,
        }
    return found
