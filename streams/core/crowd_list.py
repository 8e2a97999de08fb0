"""A list ranked by what the crowd has taught: candidates of every source, one learned ranker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core import diversity, reasons, sampling
from streams.core.catalogue import Catalogue, Numbers
from streams.core.crowd import Crowd
from streams.core.crowd_rank import ALIKE, beyond_share, shortlist, tell
from streams.core.diversity import Company
from streams.core.fresh import Fresh, fresh_items, with_fresh
from streams.core.learning.features import PICTURE, Moment
from streams.core.learning.ranker import contexts
from streams.core.learning.table import Retrieved
from streams.core.picks import Fallback, Pick, ReasonKind
from streams.core.profile import Profile
from streams.core.rules import TasteRules

REPULSION_LOGITS = 6.0
"""What a fully disliked direction takes off a score: e**6 is 400 times less likely."""
MOST_NEW = 40
"""New items among the candidates: the newest."""
MOST_ALIKE = 25
"""Candidates from near each interest; half of what is searched there, where that is more."""
MOST_DROPPED = 6
"""Candidates that are looked at beside those that a list needs: some may not stand in it."""
_LAST = -27.0
"""What comes after all others is worth e**-27 of it, some 1e-12."""

_KINDS: tuple[ReasonKind, ...] = ("people-also-clicked", "popular", "looks-like", "new")
"""As in `crowd_rank`."""
_NOBODY = -1


class _Told(NamedTuple):
    """Candidates of which there is something true to say, best first."""

    numbers: Numbers
    scores: NDArray[np.float64]
    kinds: NDArray[np.int64]
    """Of `_KINDS`."""
    named: Numbers
    """The number of the item of hers that the reason names, -1: it names none."""
    similarities: NDArray[np.float32]


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
        crowd, catalogue = self.crowd, self.catalogue
        moment = crowd.moment(self.profile, self.barred, self.now_s)
        alike = crowd.rows_of(found)
        new = crowd.rows_of(self.fallback.new[:MOST_NEW])
        most_alike = max(MOST_ALIKE, self.rules.candidates // 2)
        others = np.concatenate((alike[:, :most_alike].ravel(), new))
        retrieved = crowd.table.retrieve(moment, others)
        if not retrieved.led:
            return []
        hers = np.array([*reasons.items_of_hers(self.profile, catalogue).values()], np.int32)
        fresh = fresh_items(
            found,
            alike,
            similarities,
            self.barred,
            hers,
            crowd=crowd,
            catalogue=catalogue,
            rules=self.rules,
        )
        # Nearly always a few more than are needed will do: the rest need no pictures and no
        # reasons. Where one item of hers leads to most of them, look once more for others, and no
        # further: of four times as many all are compared. What is drawn is drawn from all.
        length = self.rules.list_length
        room = fewest = length + MOST_DROPPED if rng is None else len(retrieved.rows)
        while True:
            told, of = self._told(retrieved, room, moment, hers, fresh)
            later = self._beyond_share(told, fresh)
            picks = self._places(told, later, fresh, rng)
            few = len(told.numbers) - len(later) < length and room == fewest
            if room >= of or not (few or len(picks) < length):
                return picks
            room *= 4

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

    def _beyond_share(self, told: _Told, fresh: Fresh) -> NDArray[np.int64]:
        """Candidates that come after all others: one item of hers has led to enough before them."""
        first = fresh.named[: self.rules.fresh_places]
        later: NDArray[np.int64] = beyond_share(told.named, first, self._most_named())
        return later

    def _told(
        self,
        retrieved: Retrieved,
        room: int,
        moment: Moment,
        hers: Numbers,
        fresh: Fresh,
    ) -> tuple[_Told, int]:
        """The best `room` candidates, as far as there is a reason for them; of how many."""
        catalogue, crowd = self.catalogue, self.crowd
        weights, context = crowd.table.weights, self._contexts()
        term = weights.term(PICTURE, context)
        rows, numbers, sources, earned, of = shortlist(
            retrieved.rows,
            retrieved.sources,
            retrieved.features,
            crowd.numbers,
            weights.of(context),
            weights.means,
            weights.deviations,
            fresh.rows,  # not drawn for another place: propensities stay true
            room,
            term,
            self._most_repelled(),
        )
        best, scores, kinds, named, similarities = tell(
            crowd.table.signals,
            moment,
            crowd.numbers,
            rows,
            sources,
            earned,
            catalogue.cosines(numbers, hers),
            hers,
            self._repulsions(numbers),
            self.fallback.new[:MOST_NEW],
            term,
            room,
            self.rules.min_similarity,
        )
        return _Told(numbers.take(best), scores, kinds, named, similarities), of

    def _most_repelled(self) -> float:
        """What `_repulsions` take off at most."""
        repelled, rules = self.profile.repelled, self.rules
        if not len(repelled):
            return 0.0
        strengths = repelled.strengths(rules, self.now_s - self.profile.clock_s)
        return REPULSION_LOGITS * rules.repulsion * max(strengths)

    def _repulsions(self, numbers: Numbers) -> NDArray[np.float64]:
        """What is taken off the score of each, because it looks like what she dislikes."""
        repelled, rules = self.profile.repelled, self.rules
        if not len(repelled):
            return np.zeros(len(numbers))
        strengths = repelled.strengths(rules, self.now_s - self.profile.clock_s)
        taken = np.array([[rules.repulsion * strength] for strength in strengths], np.float32)
        against = self.catalogue.vectors(numbers) @ (repelled.vectors() * taken).T
        most: NDArray[np.float32] = np.maximum.reduce(against, axis=1, initial=0.0)
        return REPULSION_LOGITS * most.astype(np.float64)

    def _places(
        self,
        told: _Told,
        later: NDArray[np.int64],
        fresh: Fresh,
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        """Places for them; for `later` at the end."""
        n = len(told.numbers)
        if not n:
            return []
        rules, catalogue, length = self.rules, self.catalogue, self.rules.list_length
        numbers, named = told.numbers, told.named
        # Fresh ones get their places afterwards: none are shared out to what is worth nothing.
        logits = np.full(n + len(fresh), -np.inf)
        logits[:n] = told.scores - told.scores[0]
        logits[later] += _LAST
        np.maximum(logits[:n], 2.0 * _LAST, out=logits[:n])
        if len(fresh):
            numbers = np.concatenate((numbers, fresh.numbers))
            named = np.concatenate((named, fresh.named))
        cosines = catalogue.cosines(numbers, numbers)
        listed = numbers.tolist()
        company = Company(
            diversity.near_duplicates(cosines, catalogue.picture_hashes(numbers), rules),
            [catalogue.group(number) for number in listed] if rules.group_most else [],
            rules.group_most,
            np.float32(rules.unlikeness) * cosines if rules.unlikeness else None,
        )
        if rng is None:
            found, worths = diversity.unlike_places(logits, company, length)
            chosen = [(at, v, 1.0) for at, v in zip(found.tolist(), worths.tolist(), strict=True)]
        else:
            worth, owners = np.exp(logits).tolist(), [0] * len(logits)
            chosen = sampling.sample_places(
                worth, owners, [1.0], company, length, temperature=rules.temperature, rng=rng
            )
        kinds, similarities = told.kinds.tolist(), told.similarities.tolist()
        if len(fresh):
            kinds += [ALIKE] * len(fresh)
            similarities += fresh.nearness.tolist()
            chosen = with_fresh(
                chosen, n, named, company, most_named=self._most_named(), rules=rules
            )
        item_id, named_numbers = catalogue.item_id, named.tolist()
        return [
            Pick(listed[at], item_id(listed[at]), value, chance, _KINDS[kinds[at]])
            if named_numbers[at] == _NOBODY
            else Pick(
                listed[at],
                item_id(listed[at]),
                value,
                chance,
                _KINDS[kinds[at]],
                item_id(named_numbers[at]),
                similarities[at],
            )
            for at, value, chance in chosen
        ]
