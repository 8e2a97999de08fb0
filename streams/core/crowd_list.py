"""A list ranked by what the crowd has taught: candidates of every source, one learned ranker."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core import diversity, reasons, sampling
from streams.core.catalogue import Catalogue, Numbers, Vectors
from streams.core.crowd import Crowd
from streams.core.crowd_rank import ALIKE, CLICKED, NOTHING, tell, within_reach
from streams.core.diversity import Company
from streams.core.fresh import Fresh, fresh_items, with_fresh
from streams.core.learning.features import PICTURE, Moment
from streams.core.learning.ranker import contexts
from streams.core.learning.table import Rows
from streams.core.picks import Fallback, Pick, ReasonKind
from streams.core.profile import Profile
from streams.core.rules import TasteRules

REPULSION_LOGITS = 6.0
"""What a fully disliked direction takes off a score: e**6 is 400 times less likely."""
MOST_NEW = 40
"""New items among the candidates: the newest."""
MOST_ALIKE = 25
"""Candidates from near each interest."""
MOST_DROPPED = 6
"""Candidates that are looked at beside those that a list needs: some may not stand in it."""
_LAST = -27.0
"""What comes after all others is worth e**-27 of it, some 1e-12."""

_KINDS: tuple[ReasonKind, ...] = ("people-also-clicked", "popular", "looks-like", "new")
"""As in `crowd_rank`, and what is said of the new ones where none of these is true."""
_NOBODY = -1
_NEW = _KINDS.index("new")


class _Pool(NamedTuple):
    """Candidates, in no order."""

    rows: Rows
    numbers: Numbers
    sources: NDArray[np.uint8]
    earned: NDArray[np.float64]
    """float64 [n, 3]: what the crowd and popularity add to the score, and room for the picture."""

    def taken(self, at: NDArray[np.intp]) -> _Pool:
        return _Pool(self.rows[at], self.numbers[at], self.sources[at], self.earned[at])


class _Hers(NamedTuple):
    """Items of hers that a reason may name for how they look."""

    numbers: Numbers
    vectors: Vectors


class _Told(NamedTuple):
    """Candidates of which there is something true to say, best first."""

    numbers: Numbers
    scores: NDArray[np.float64]
    vectors: Vectors
    kinds: list[int]
    """Of `_KINDS`."""
    named: list[int]
    """The number of the item of hers that the reason names, -1: it names none."""
    similarities: list[float]
    most_named: int
    """How many name the same item of hers, at most."""


@dataclass(slots=True)
class CrowdList:
    """One user's list at one moment, `now_s`. `barred`: rising keys that may not be listed."""

    profile: Profile
    barred: NDArray[np.uint32]
    fallback: Fallback
    crowd: Crowd
    catalogue: Catalogue
    rules: TasteRules
    now_s: float

    def choose(
        self,
        found: Numbers,
        similarities: NDArray[np.float32],
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        """Her list, best first; none where others' clicks lead nowhere from what she did.

        found, similarities: int32 and float32 [q, k], near each interest, -1 pads. rng: places are
        drawn from it, if it is given.
        """
        crowd, catalogue, rules = self.crowd, self.catalogue, self.rules
        moment = crowd.moment(self.profile, self.barred, self.now_s)
        alike = crowd.rows_of(found)
        new = crowd.rows_of(self.fallback.new[:MOST_NEW])
        others = np.concatenate((alike[:, :MOST_ALIKE].ravel(), new))
        rows, sources, features, led = crowd.table.retrieve(moment, others)
        if not led:
            return []
        named = np.array([*reasons.items_of_hers(self.profile, catalogue).values()], np.int32)
        hers = _Hers(named, catalogue.vectors(named))
        fresh = fresh_items(
            found,
            alike,
            similarities,
            self.barred,
            hers.vectors,
            crowd=crowd,
            catalogue=catalogue,
            rules=rules,
        )
        earned = crowd.table.weights.earned(features, self._contexts())
        pool = _Pool(rows, crowd.numbers[rows], sources, earned)
        if len(fresh):
            # What has a place apart is not drawn for another: propensities stay true.
            pool = pool.taken(np.flatnonzero(~np.isin(pool.numbers, fresh.numbers)))
        return self._chosen(pool, moment, hers, fresh, rng)

    def _contexts(self) -> tuple[int, int, int]:
        profile = self.profile
        since_s = self.now_s - profile.clock_s if profile.events else np.inf
        return contexts(profile.liked, since_s)

    def _most_named(self) -> int:
        """How many reasons of a list may name the same item of hers."""
        length = self.rules.list_length
        if len(self.profile.recent) < 2:
            return length
        return max(int(self.rules.largest_click_share * length), 1)

    def _chosen(
        self,
        pool: _Pool,
        moment: Moment,
        hers: _Hers,
        fresh: Fresh,
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        # Nearly always a few more than are needed will do: the rest need no pictures and no
        # reasons. Where one item of hers leads to most of them, look once more for others, and no
        # further: of four times as many all are compared. What is drawn is drawn from all.
        length = self.rules.list_length
        room = fewest = length + MOST_DROPPED if rng is None else len(pool.rows)
        while True:
            told = self._told(pool, room, moment, hers)
            later = self._beyond_share(told, hers, fresh)
            picks = self._places(told, later, hers, fresh, rng)
            few = len(told.kinds) - len(later) < length and room == fewest
            if room >= len(pool.rows) or not (few or len(picks) < length):
                return picks
            room *= 4

    def _beyond_share(self, told: _Told, hers: _Hers, fresh: Fresh) -> list[int]:
        """Candidates that come after all others: one item of hers has led to enough before them."""
        most = self._most_named()
        if told.most_named + min(len(fresh), self.rules.fresh_places) <= most:
            return []  # nearly always
        led = Counter(hers.numbers[fresh.nearest[: self.rules.fresh_places]].tolist())
        later = []
        for at, named in enumerate(told.named):
            if named != _NOBODY:
                led[named] += 1
                if led[named] > most:
                    later.append(at)
        return later

    def _told(self, pool: _Pool, room: int, moment: Moment, hers: _Hers) -> _Told:
        """The best `room` of the pool, as far as there is a reason for them."""
        catalogue, crowd, rules = self.catalogue, self.crowd, self.rules
        term = crowd.table.weights.term(PICTURE, self._contexts())
        within = pool.taken(within_reach(pool.earned, room, term, self._most_repelled()))
        vectors = catalogue.vectors(within.numbers)
        cosines = vectors.dot(np.ascontiguousarray(hers.vectors.T))
        repulsions, nameable = self._repulsions(vectors), crowd.hers(moment)
        while True:
            best, scores, kinds, named, similarities, most_named = tell(
                crowd.table.signals,
                moment,
                within.rows,
                within.sources,
                within.earned,
                cosines,
                hers.numbers,
                repulsions,
                nameable,
                term,
                room,
                rules.min_similarity,
            )
            gone = crowd.unknown(list(set(named[kinds == CLICKED].tolist())), catalogue)
            if not gone:
                break  # nearly always: hers are hardly ever withdrawn
            nameable[np.isin(nameable, gone)] = _NOBODY
        numbers = within.numbers[best]
        if kinds.max(initial=0) == NOTHING:
            silent = kinds == NOTHING
            new = silent & np.isin(numbers, self.fallback.new[:MOST_NEW])
            kinds[new] = _NEW
            spoken = np.flatnonzero(~silent | new)
            best, numbers, scores = best[spoken], numbers[spoken], scores[spoken]
            kinds, named, similarities = kinds[spoken], named[spoken], similarities[spoken]
        return _Told(
            numbers,
            scores,
            vectors[best],
            kinds.tolist(),
            named.tolist(),
            similarities.tolist(),
            most_named,
        )

    def _most_repelled(self) -> float:
        """What `_repulsions` take off at most."""
        repelled, rules = self.profile.repelled, self.rules
        if not len(repelled):
            return 0.0
        strengths = repelled.strengths(rules, self.now_s - self.profile.clock_s)
        return REPULSION_LOGITS * rules.repulsion * max(strengths)

    def _repulsions(self, vectors: Vectors) -> NDArray[np.float64]:
        """What is taken off the score of each, because it looks like what she dislikes."""
        repelled, rules = self.profile.repelled, self.rules
        if not len(repelled):
            return np.zeros(len(vectors))
        strengths = repelled.strengths(rules, self.now_s - self.profile.clock_s)
        taken = np.array([[rules.repulsion * strength] for strength in strengths], np.float32)
        against: NDArray[np.float32] = vectors @ (repelled.vectors() * taken).T
        most: NDArray[np.float32] = np.maximum.reduce(against, axis=1, initial=0.0)
        return REPULSION_LOGITS * most.astype(np.float64)

    def _places(
        self,
        told: _Told,
        later: list[int],
        hers: _Hers,
        fresh: Fresh,
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        """Places for them; for `later` at the end."""
        if not told.kinds:
            return []
        rules, catalogue, length = self.rules, self.catalogue, self.rules.list_length
        n, numbers, vectors = len(told.kinds), told.numbers, told.vectors
        if len(fresh):
            numbers = np.concatenate((numbers, fresh.numbers))
            vectors = np.concatenate((vectors, fresh.vectors))
        cosines = vectors.dot(np.ascontiguousarray(vectors.T))
        listed = numbers.tolist()
        company = Company(
            diversity.near_duplicates(cosines, catalogue.picture_hashes(numbers), rules),
            [catalogue.group(number) for number in listed] if rules.group_most else [],
            rules.group_most,
            np.float32(rules.unlikeness) * cosines if rules.unlikeness else None,
        )
        logits = told.scores - told.scores[0]
        logits[later] += _LAST
        # Fresh ones get their places afterwards: none are shared out to what is worth nothing.
        logits = np.append(np.maximum(logits, 2.0 * _LAST), np.full(len(fresh), -np.inf))
        if rng is None:
            shared = diversity.unlike_places(logits, company, length)
            chosen = [(at, value, 1.0) for at, value in shared]
        else:
            worth, owners = np.exp(logits).tolist(), [0] * len(logits)
            chosen = sampling.sample_places(
                worth, owners, [1.0], company, length, temperature=rules.temperature, rng=rng
            )
        kinds, named, similarities = told.kinds, told.named, told.similarities
        if len(fresh):
            kinds = kinds + [ALIKE] * len(fresh)
            named = named + hers.numbers[fresh.nearest].tolist()
            similarities = similarities + fresh.nearness.tolist()
            chosen = with_fresh(
                chosen, n, named, company, most_named=self._most_named(), rules=rules
            )
        item_id = catalogue.item_id
        return [
            Pick(listed[at], item_id(listed[at]), value, chance, _KINDS[kinds[at]])
            if named[at] == _NOBODY
            else Pick(
                listed[at],
                item_id(listed[at]),
                value,
                chance,
                _KINDS[kinds[at]],
                item_id(named[at]),
                similarities[at],
            )
            for at, value, chance in chosen
        ]
