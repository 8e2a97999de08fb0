"""How clicks become taste and taste becomes a list: every number somebody may want to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

# The order is part of a stored profile: append, never reorder (see codec.py).
KINDS = ("view", "click", "like", "save", "purchase", "dwell", "dislike", "hide")
NEGATIVE_KINDS = frozenset({"dislike", "hide"})

_POSITIVE = (
    "short_half_life_s",
    "long_half_life_s",
    "repel_half_life_s",
    "dwell_half_s",
)
_SHARES = (
    "largest_click_share",
    "min_similarity",
    "join_similarity",
    "near_duplicate_similarity",
    "explore_share",
)
_COUNTS = {
    # rule: smallest and largest value; the largest keep a profile within what codec.py can count
    "interests": (1, 64),
    "repelled": (0, 64),
    "recent": (1, 1_000),
    "seen": (1, 50_000),
    "hidden": (1, 50_000),
    "list_length": (1, 1_000),
    "candidates": (1, 10_000),
    "near_duplicate_bits": (-1, 64),
    "group_most": (0, 1_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TasteRules:
    """The numbers behind a profile and a list. Times in seconds of event time.

    Weights are in clicks: a `click` weighs 1. A negative kind's weight is how strongly it repels.
    Raises ValueError, naming the rule, for a value that can't work.
    """

    interests: int = 5
    """Tastes kept apart. Each costs 2 bytes x dim in the profile and one search for a list."""
    repelled: int = 2
    """Directions she dislikes. Each costs 1 byte x dim in the profile."""
    recent: int = 40
    """Items of hers remembered by id: reasons name them, a change of model starts from them."""
    pending: int = 20
    """Of those, how many that are not yet known may outstay the others. Less than `recent`."""
    seen: int = 300
    """Items she touched, kept out of her lists: 4 bytes each, oldest forgotten first."""
    hidden: int = 64
    """The same for disliked and hidden items, remembered apart from (so longer than) the rest."""

    short_half_life_s: float = 6 * HOUR_S
    """How fast the short-term weight of an interest fades: what she wants now."""
    long_half_life_s: float = 28 * DAY_S
    """How fast the long-term weight fades: what she likes anyway."""
    short_term_boost: float = 4.0
    """A fresh click counts this many times on top of what it counts in the long term."""
    repel_half_life_s: float = 14 * DAY_S
    """How fast a dislike is forgiven."""

    view_weight: float = 0.25
    click_weight: float = 1.0
    like_weight: float = 3.0
    save_weight: float = 3.0
    purchase_weight: float = 5.0
    dwell_weight: float = 2.0
    """What a very long dwell weighs; `dwell_half_s` seconds weigh half of it."""
    dwell_half_s: float = 30.0
    dislike_weight: float = 3.0
    hide_weight: float = 1.0

    largest_click_share: float = 0.4
    """The most that one click may add to an interest's share of the list (if she has others)."""
    join_similarity: float = 0.6
    """From this cosine on a click belongs to an interest she has; below, it opens a new one."""

    list_length: int = 20
    """Items in a list."""
    candidates: int = 50
    """Items searched near each interest."""
    min_similarity: float = 0.3
    """The least cosine with an item of hers for a recommended one to be said to look like it."""
    repulsion: float = 1.0
    """How much of the similarity to a fully disliked direction is taken off an item's score."""
    near_duplicate_similarity: float = 0.95
    """An item whose first view is this close to a listed one's is not listed beside it."""
    near_duplicate_bits: int = 2
    """The same for pictures whose perceptual hashes differ in at most so many bits; -1: never."""

    unlikeness: float = 0.5
    """What is taken off an item's score for looking like one that is listed above it, where others'
    clicks rank: so many logits for a cosine of 1, of which one makes it e times less worth."""
    group_most: int = 0
    """Items of one group in a list at most; 0: as many as there are."""
    temperature: float = 0.0
    """0: each place goes to the best that is left. Above: to one drawn at random, the better the
    likelier (sampling.py); 1 draws in proportion to what the candidates are worth."""
    fresh_share: float = 0.1
    """The share of a list's places for items that hardly anybody has clicked and that look like one
    of hers, where others' clicks rank the rest (fresh.py). At most a half."""
    explore_share: float = 0.05
    """The share of a list's places, its last ones, that new items get at random: without it what
    nobody has seen is seen by nobody. At most a half."""

    weights: Mapping[str, float] = field(init=False, repr=False, compare=False)
    """Weight by kind, made of the above."""

    def __post_init__(self) -> None:
        weights = {kind: float(getattr(self, f"{kind}_weight")) for kind in KINDS}
        object.__setattr__(self, "weights", MappingProxyType(weights))
        for name, (least, most) in _COUNTS.items():
            _between(name, getattr(self, name), least, most)
        _between("pending", self.pending, 0, self.recent - 1)
        for name in _POSITIVE:
            _between(name, getattr(self, name), 1e-3, 1e12)
        for name in _SHARES:
            _between(name, getattr(self, name), 0.0, 1.0)
        _between("largest_click_share", self.largest_click_share, 0.01, 0.99)
        _between("explore_share", self.explore_share, 0.0, 0.5)
        _between("fresh_share", self.fresh_share, 0.0, 0.5)
        _between("temperature", self.temperature, 0.0, 100.0)
        _between("unlikeness", self.unlikeness, 0.0, 100.0)
        for name in ("short_term_boost", "repulsion", *(f"{kind}_weight" for kind in KINDS)):
            _between(name, getattr(self, name), 0.0, 1e6)

    @property
    def explored_places(self) -> float:
        """Places of a list that are given to new items; a part of one is given now and then."""
        return round(self.explore_share * self.list_length, 9)

    @property
    def fresh_places(self) -> int:
        """Places of a list that are given to what hardly anybody has clicked."""
        return int(self.fresh_share * self.list_length + 1e-9)

    def most_named(self, hers: int) -> int:
        """How many reasons of a list may name the same one of `hers` items: all, if it is the only
        one that can be named."""
        if hers < 2:
            return self.list_length
        return max(int(self.largest_click_share * self.list_length + 1e-9), 1)

    @property
    def random(self) -> bool:
        """Whether a list depends on chance."""
        return self.temperature > 0.0 or self.explored_places > 0

    def is_like(self, kind: str, weight: float) -> bool:
        """Whether an event of `kind` that weighs so much says that she chose the item.

        At the default weights: click, like, save, purchase, and a dwell of 30 seconds or more. A
        view doesn't, since most are of what was put before her.
        """
        return kind not in NEGATIVE_KINDS and weight >= self.weights["click"] > 0.0

    def weight(self, kind: str, dwell_s: float | None = None) -> float:
        """What one event of `kind` weighs, in clicks.

        A dwell of s seconds weighs `dwell_weight` s / (s + `dwell_half_s`): it saturates. No or
        senseless seconds (nan, negative) weigh nothing. Raises ValueError for an unknown kind.
        """
        try:
            weight = self.weights[kind]
        except KeyError:
            raise ValueError(f"unknown kind of click; known are {', '.join(KINDS)}") from None
        if kind != "dwell":
            return weight
        if dwell_s is None or not dwell_s > 0.0:  # nan is not above 0 either
            return 0.0
        return weight * (1.0 - self.dwell_half_s / (self.dwell_half_s + dwell_s))


def _between(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # also refuses nan
        raise ValueError(f"taste rule {name}={value} must lie between {least:g} and {most:g}")


RULE_NAMES = tuple(f.name for f in fields(TasteRules) if f.init)
"""Every rule that may be set, in the order of the docstrings above."""
