"""What lookstream is compared with: plain formulas, each with its source, exact and up to date."""

from __future__ import annotations

from streams.core.rules import TasteRules
from streams.evaluation.baselines.dense import MOST_ITEMS
from streams.evaluation.baselines.looks import Looks
from streams.evaluation.baselines.neighbours import ItemCosine
from streams.evaluation.baselines.popularity import Chance, Popularity
from streams.evaluation.baselines.sessions import SessionCovisits
from streams.evaluation.baselines.tastes import LastItem, MeanVector, SeveralInterests
from streams.evaluation.baselines.walks import RootsWalk, Walk
from streams.evaluation.log import Log
from streams.evaluation.method import Method
from streams.evaluation.vectors import ItemPictures

HALF_LIFE_EVENTS = 2_000
RECENCY = 0.9
DAMPING = 0.3


def baselines(
    log: Log, pictures: ItemPictures | None, seed: int, rules: TasteRules | None = None
) -> tuple[list[Method], list[str]]:
    """All that can be made for this log, and a sentence for each that can't.

    rules: how tastes are kept, by default the defaults.
    """
    rules = rules or TasteRules()
    users, items, most = len(log.user_ids), len(log.item_ids), len(log)
    methods: list[Method] = [
        Chance(items, seed),
        Popularity(items),
        Popularity(items, name="popularity-decayed", half_life_events=HALF_LIFE_EVENTS),
        ItemCosine(users, items, most),
        ItemCosine(users, items, most, name="item-cf-recent", recency=RECENCY),
        Walk(users, items, most),
        Walk(users, items, most, name="walk-3-damped", damping=DAMPING),
        Walk(users, items, most, name="walk-5", steps=5),
    ]
    left_out = []
    if items <= MOST_ITEMS:
        methods += [SessionCovisits(items), RootsWalk(items)]
    else:
        left_out.append(
            f"sessions and walk-roots are left out: they hold a matrix of all pairs of items, for "
            f"at most {MOST_ITEMS:,} items, and there are {items:,}."
        )
    if pictures is not None:
        vectors, has = pictures.vectors, pictures.has
        methods += [
            Looks(vectors, has),
            SeveralInterests(vectors, has, rules),
            MeanVector(vectors, has, rules),
            LastItem(vectors, has, rules),
        ]
    return methods, left_out


__all__ = ["baselines"]
