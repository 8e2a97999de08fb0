"""A crowd's clicks on a catalogue, simulated: what `lookstream evaluate` is tried on.

Nobody recommends anything here: each click is a choice among all that is out, by a utility that no
recommender sees. Some of it can be seen in pictures (the theme of an item), some only in what
others click (circles: people who pass things on, whatever they look like; an item's appeal; what
is talked about now), and some nowhere (accidents). A recommender that looks only at pictures, or
only at clicks, must miss a part.

Choices are drawn from a multinomial logit: P(i) ~ exp(utility), by Gumbel's trick (D. McFadden,
"Conditional logit analysis of qualitative choice behavior", 1974).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """How the crowd is. Utilities are in logits: 2.3 makes a thing ten times as likely."""

    users: int = 1_500
    days: float = 60.0
    clicks_per_user: float = 30.0
    """Mean; activity is skewed (Pareto, shape 2), as it is everywhere."""
    out_at_first: float = 0.6
    """The share of the catalogue that is out on the first day; the rest follows evenly."""
    tastes: tuple[int, int] = (2, 4)
    """Themes that a person likes, at least and at most; their weights are uneven (Dirichlet)."""
    circles: int = 24
    appeal: float = 1.0
    """Standard deviation of an item's own appeal: this alone skews popularity."""
    to_taste: float = 4.0
    in_circle: float = 2.5
    talked_about: float = 0.5
    """For each e-fold of clicks that an item had lately (half-life of three days)."""
    followers: float = 0.15
    """The share of people who follow the new."""
    novelty: float = 3.0
    """What an item just out adds for a follower; it fades with a half-life of three days."""
    accident: float = 0.1
    """A click that has nothing to do with her."""
    drift: float = 0.05
    """After a session, one of her tastes gives way to another."""
    like: float = 0.25
    """A click is a `like` instead."""
    session: tuple[int, int] = (2, 9)
    """Clicks of a session, at least and at most; a session keeps to one of her tastes."""


@dataclass(frozen=True, slots=True)
class CrowdClick:
    """One row of the log. `item` counts in the catalogue's order; `at_s` from the first day on."""

    user: int
    item: int
    kind: str
    at_s: float


@dataclass(slots=True)
class _Person:
    tastes: NDArray[np.int64]
    weights: NDArray[np.float64]
    circle: int
    follows_the_new: bool


class Crowd:
    """A crowd over a catalogue. `themes`: the theme of each item, "" for none. All chance is `rng`.

    `since_s`: float64 [items], when each item came out, in seconds from the first day on.
    """

    def __init__(
        self, themes: Sequence[str], rng: np.random.Generator, nature: Nature | None = None
    ) -> None:
        self._nature = nature = nature or Nature()
        self._rng = rng
        names = sorted({theme for theme in themes if theme})
        if len(names) <= nature.tastes[1]:
            raise ValueError(
                f"a crowd needs more than {nature.tastes[1]} themes, not {len(names)}: put the "
                "pictures into sub-folders, one for each kind of thing"
            )
        number = {theme: n for n, theme in enumerate(names)}
        self._theme = np.array([number.get(theme, -1) for theme in themes])
        count = len(themes)
        self._appeal = rng.normal(0.0, nature.appeal, count)
        self._circle = rng.integers(nature.circles, size=count)
        first = rng.random(count) < nature.out_at_first
        self.since_s = np.where(first, 0.0, rng.random(count) * nature.days * DAY_S)
        self._talk = np.zeros(count)
        self._talk_at_s = 0.0
        sizes = np.bincount(self._theme[self._theme >= 0], minlength=len(names))
        self._theme_share = sizes / sizes.sum()
        self._people = [self._person() for _ in range(nature.users)]
        self._had: list[set[int]] = [set() for _ in self._people]

    def clicks(self) -> Iterator[CrowdClick]:
        """The whole log, in the order of time.

        Sessions are played one after another, by their starts; where two overlap, the choices of
        the later one know all of the earlier. Their clicks wait until nothing earlier can come.
        """
        waiting: list[tuple[float, int, CrowdClick]] = []
        numbers = itertools.count()
        for start_s, user in sorted(self._sessions()):
            while waiting and waiting[0][0] <= start_s:
                yield heappop(waiting)[2]
            for click in self._session(start_s, user):
                heappush(waiting, (click.at_s, next(numbers), click))
        while waiting:
            yield heappop(waiting)[2]

    def _session(self, start_s: float, user: int) -> Iterator[CrowdClick]:
        """One user's clicks in a row; then a taste of hers may give way to another."""
        person = self._people[user]
        taste = int(self._rng.choice(person.tastes, p=person.weights))
        at_s = start_s
        for _ in range(
            int(self._rng.integers(self._nature.session[0], self._nature.session[1] + 1))
        ):
            item = self._choice(user, taste, at_s)
            if item is None:
                break
            self._had[user].add(item)
            self._talk[item] += 1.0
            kind = "like" if self._rng.random() < self._nature.like else "click"
            yield CrowdClick(user, item, kind, at_s)
            at_s += 5.0 + float(self._rng.exponential(25.0))
        if self._rng.random() < self._nature.drift:
            self._change_a_taste(person)

    def _person(self) -> _Person:
        rng, nature = self._rng, self._nature
        count = int(rng.integers(nature.tastes[0], nature.tastes[1] + 1))
        tastes = rng.choice(len(self._theme_share), size=count, replace=False, p=self._theme_share)
        return _Person(
            tastes,
            rng.dirichlet(np.full(count, 2.0)),
            int(rng.integers(nature.circles)),
            bool(rng.random() < nature.followers),
        )

    def _sessions(self) -> list[tuple[float, int]]:
        """(start, user) of each session: Pareto activity, spread evenly over the days."""
        nature = self._nature
        mean = nature.clicks_per_user / ((nature.session[0] + nature.session[1]) / 2)
        found: list[tuple[float, int]] = []
        for user in range(nature.users):
            count = 1 + int((mean - 1) / 2 * (1.0 + float(self._rng.pareto(2.0))))
            starts = self._rng.random(min(count, 500)) * nature.days * DAY_S
            found += [(float(start), user) for start in starts]
        return found

    def _choice(self, user: int, taste: int, at_s: float) -> int | None:
        """What she clicks now among all that is out and that she has not had; None: nothing is."""
        nature, person, rng = self._nature, self._people[user], self._rng
        self._talk *= (
            0.5 ** ((at_s - self._talk_at_s) / (3 * DAY_S)) if at_s > self._talk_at_s else 1.0
        )
        self._talk_at_s = max(at_s, self._talk_at_s)
        utility = self._appeal + nature.talked_about * np.log1p(self._talk)
        if rng.random() >= nature.accident:
            utility = utility + nature.to_taste * (self._theme == taste)
            utility += nature.in_circle * (self._circle == person.circle)
            if person.follows_the_new:
                age_s = np.maximum(at_s - self.since_s, 0.0)
                utility += nature.novelty * 0.5 ** (age_s / (3 * DAY_S))
        utility = np.where(self.since_s <= at_s, utility, -np.inf)
        utility[list(self._had[user])] = -np.inf
        if not np.isfinite(utility).any():
            return None
        return int(np.argmax(utility + rng.gumbel(size=len(utility))))

    def _change_a_taste(self, person: _Person) -> None:
        others = np.setdiff1d(np.arange(len(self._theme_share)), person.tastes)
        share = self._theme_share[others]
        place = int(self._rng.integers(len(person.tastes)))
        person.tastes[place] = self._rng.choice(others, p=share / share.sum())
