"""Shoppers for the demo: each has tastes that only her clicks tell of.

A pure simulation. A shopper knows what a human would see: the list in front of her, or the shelves
when she browses. Nothing of her taste goes to the system but what she clicks.

She is not a clean signal: one look in ten she clicks something by accident or curiosity, she
passes over things she likes, and now and then one of her tastes gives way to another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

NAMES = (
    "ada", "bela", "chioma", "dario", "esra", "femi", "greta", "hiro", "ines", "jonas", "kavya",
    "lior", "mei", "nuri", "olga", "pablo", "quinn", "rosa", "sven", "tala", "uma", "vito",
    "wanja", "ximena", "yusuf", "zoe",
)  # fmt: skip
_LARGE_THEME = 40
"""Items of a theme that a minute of clicks does not use up: what was clicked isn't listed again."""
_FEW_THEMES = 4


@dataclass(frozen=True, slots=True)
class Habits:
    """How shoppers behave. Probabilities, and seconds between looks."""

    accident: float = 0.1
    """A look ends in a click on anything, liked or not."""
    attention: float = 0.85
    """She notices a thing she likes, going down the list; so what stands higher is clicked more."""
    browse: float = 0.1
    """She turns away from her list and looks through the shelves."""
    patience: int = 60
    """Things she looks at on the shelves before she gives up."""
    like: float = 0.15
    """A click on a thing she likes is a `like` instead."""
    dislike: float = 0.05
    """Seeing a list, she dislikes something on it that is not to her taste."""
    drift: float = 0.01
    """After a click, one of her tastes gives way to another."""
    pause_s: float = 1.5
    """Mean time between looks; exponentially distributed above a third of it."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a shopper did: a click of some kind on an item."""

    item_id: str
    kind: str


@dataclass(slots=True)
class Shelf:
    """What there is to browse: items that are out, in the order they came, and their themes."""

    themes: Mapping[str, str]
    """Theme by item id, of the whole catalogue, "" for none."""
    out: list[str] = field(default_factory=list)
    _count: Counter[str] = field(default_factory=Counter)

    def put(self, item_ids: Iterable[str]) -> None:
        """Items come out, to be looked at."""
        for item_id in item_ids:
            self.out.append(item_id)
            self._count[self.themes[item_id]] += 1

    def share(self, tastes: Iterable[str]) -> float:
        """Which share of the shelf has one of these themes: how often a random item would fit."""
        fitting = sum(self._count[taste] for taste in set(tastes))
        return fitting / len(self.out) if self.out else 0.0


class Shopper:
    """One shopper. All chance comes from `rng`, so a run can be repeated."""

    def __init__(
        self,
        user_id: str,
        tastes: Sequence[str],
        themes: Sequence[str],
        rng: np.random.Generator,
        habits: Habits | None = None,
    ) -> None:
        """`themes` are all she may ever come to like; `tastes` those she starts with."""
        self.user_id = user_id
        self.tastes = list(tastes)
        self._themes = list(themes)
        self._had: set[str] = set()
        self._rng = rng
        self._habits = habits or Habits()

    def likes(self, theme: str) -> bool:
        """Whether a thing of that theme is to her taste now."""
        return theme in self.tastes

    def _wants(self, item_id: str, themes: Mapping[str, str]) -> bool:
        """Whether she would click it: to her taste, and not one she has clicked before."""
        return self.likes(themes.get(item_id, "")) and item_id not in self._had

    def fit(self, listed: Sequence[str], themes: Mapping[str, str]) -> float:
        """The share of listed items that are to her taste."""
        if not listed:
            return 0.0
        return sum(self.likes(themes.get(item_id, "")) for item_id in listed) / len(listed)

    def look(self, listed: Sequence[str], shelf: Shelf) -> Act | None:
        """Look at her list (or the shelves, without one) and click, or don't."""
        habits = self._habits
        if not shelf.out and not listed:
            return None
        act: Act | None
        if self._chance(habits.accident):
            seen = listed or shelf.out
            act = Act(seen[int(self._rng.integers(len(seen)))], "click")
        elif not listed or self._chance(habits.browse):
            act = self._browse(shelf)
        elif self._chance(habits.dislike):
            act = self._dislike(listed, shelf)
        else:
            act = self._read(listed, shelf) or self._browse(shelf)
        if act is not None:
            self._had.add(act.item_id)
            if self._chance(habits.drift):
                self._change_a_taste()
        return act

    def pause_s(self) -> float:
        """Seconds until she looks again."""
        least = self._habits.pause_s / 3
        return least + float(self._rng.exponential(self._habits.pause_s - least))

    def _read(self, listed: Sequence[str], shelf: Shelf) -> Act | None:
        """Down the list, to the first thing that catches her."""
        for item_id in listed:
            if self._wants(item_id, shelf.themes) and self._chance(self._habits.attention):
                return self._act(item_id)
        return None

    def _browse(self, shelf: Shelf) -> Act | None:
        """Through the shelves at random, until something is to her taste."""
        if not shelf.out:
            return None
        for pick in self._rng.integers(len(shelf.out), size=self._habits.patience):
            item_id = shelf.out[int(pick)]
            if self._wants(item_id, shelf.themes):
                return self._act(item_id)
        return None

    def _dislike(self, listed: Sequence[str], shelf: Shelf) -> Act | None:
        wrong = [i for i in listed if not self.likes(shelf.themes.get(i, ""))]
        if not wrong:
            return None
        return Act(wrong[int(self._rng.integers(len(wrong)))], "dislike")

    def _act(self, item_id: str) -> Act:
        return Act(item_id, "like" if self._chance(self._habits.like) else "click")

    def _change_a_taste(self) -> None:
        others = [theme for theme in self._themes if theme not in self.tastes]
        if others:
            place = int(self._rng.integers(len(self.tastes)))
            self.tastes[place] = others[int(self._rng.integers(len(others)))]

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)


def draw_shoppers(
    count: int,
    themes_of_items: Iterable[str],
    rng: np.random.Generator,
    *,
    habits: Callable[[int], Habits] = lambda _: Habits(),
) -> list[Shopper]:
    """Shoppers with two or three tastes each, among themes of some size.

    Raises ValueError, with a sentence for people, when the pictures have no themes to like.
    """
    sizes = Counter(theme for theme in themes_of_items if theme)
    large = [theme for theme, size in sizes.items() if size >= _LARGE_THEME]
    themes = sorted(large if len(large) >= _FEW_THEMES else sizes)
    if not themes:
        raise ValueError(
            "The shoppers find nothing to have a taste for: put the pictures into sub-folders, "
            "one for each kind of thing."
        )
    shoppers = []
    for number in range(count):
        most = min(len(themes) - 1, 3) if len(themes) > 1 else 1
        tastes = rng.choice(themes, size=int(rng.integers(min(2, most), most + 1)), replace=False)
        again = number // len(NAMES) + 1
        name = NAMES[number % len(NAMES)] + (str(again) if again > 1 else "")
        own = np.random.default_rng(rng.integers(2**63))
        shoppers.append(Shopper(name, [str(t) for t in tastes], themes, own, habits(number)))
    return shoppers
