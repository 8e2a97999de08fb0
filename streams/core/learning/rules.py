"""How the crowd's clicks become signals: every number somebody may want to change."""

from __future__ import annotations

from dataclasses import dataclass

YEAR_S = 365.25 * 86_400.0

# What every record and every kernel agrees on: changing one is a new version of the codecs.
SESSION_NEIGHBOURS = 120
WALK_NEIGHBOURS = 184
FACTORS = 32
LATELY = 20
LIKES = 50
BARRED = 400
MOST_TRUSTED = 300

# Full lists of 4-byte keys and 2-byte weights, two factor vectors and a head: 2,000 bytes at most.

_RANGES = {
    "items": (16, 50_000_000),
    "trusted_items": (1, MOST_TRUSTED),
    "negatives": (1, 1_000),
    "session_half_life_s": (60.0, 1e12),
    "popular_half_life_s": (60.0, 1e12),
    "popular_half_life_events": (1.0, 1e12),
    "factor_rate": (0.0, 1.0),
    "own_factor_rate": (0.0, 1.0),
    "ranker_rate": (0.0, 1.0),
    "ranker_every": (1, 1_000_000),
    "session_candidates": (0, 10_000),
    "walk_candidates": (0, 10_000),
    "longer_walk_candidates": (0, 10_000),
    "popular_candidates": (0, 10_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRules:
    """The numbers behind the learner and the ranker. The defaults held on four real logs.

    Raises ValueError, naming the rule, for a value that can't work.
    """

    items: int = 200_000
    """Items with signals; the least lately popular makes room. About 4.5 kB each in the learner:
    what it knows (`crowd.Crowd`, 2.1 kB a row), what it has published (`evidence.Signals`, the
    same) and where to find them. The second table has twice as many rows, and keeps those that made
    room; a recommender has that one only, with a row for each item of its index as well."""
    trusted_items: int = 3
    """Items from which on a user's word counts in full; her k-th counts k / so many. What an
    attacker's accounts must do before they are believed, and what is lost of honest users: 10
    cost a shop 7 % of its recall, where most do little (docs/decisions/learning.md)."""
    session_half_life_s: float = 3 * YEAR_S
    """How fast what was clicked together in a session fades."""
    popular_half_life_s: float = YEAR_S
    """How fast popularity fades by time."""
    popular_half_life_events: float = 2_000.0
    """How fast popularity fades by the number of all clicks: what is wanted today."""
    negatives: int = 100
    """Items that a liked one is compared with, in each step of the factors."""
    factor_rate: float = 0.2
    """Step of an item's outward factors and of her own residual. 0 freezes them."""
    own_factor_rate: float = 0.05
    """Step of the factors of the items she liked before. Her residual carries what is hers."""
    ranker_rate: float = 0.05
    """Step of the ranker's weights (AdaGrad). 0 freezes them."""
    ranker_every: int = 1
    """The ranker learns from every so many likes. With 5 a learner took in 1.4 to 1.85 times as
    many clicks (docs/decisions/learner.md)."""
    session_candidates: int = 100
    """Candidates from the session lists of what she did lately."""
    walk_candidates: int = 100
    """Candidates from the walk over what she liked."""
    longer_walk_candidates: int = 25
    """Candidates from two steps of it, most of which the first step leads to as well."""
    popular_candidates: int = 25
    """Candidates from each of the two popularities."""

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:  # also refuses nan
                raise ValueError(
                    f"learning rule {name}={value} must lie between {least:g} and {most:g}"
                )
