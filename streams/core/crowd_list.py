"""A list ranked by what the crowd has taught: candidates of every source, one learned ranker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core import diversity, reasons, sampling
from streams.core.catalogue import Catalogue, Numbers
from streams.core.crowd import Crowd
from streams.core.crowd_rank import ALIKE, shortlist, tell
from streams.core.diversity import Company, grouped
from streams.core.fresh import Fresh, certain, fresh_items, with_fresh
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
_LEAST = -54.0
"""What is worth less than e**-54 of the first is worth that much: scores are positive."""

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
        *,
        limited: bool = True,
    ) -> list[Pick]:
        """Her list, best first; none where others' clicks lead nowhere from what she did.

        found, similarities: int32 and float32 [q, k], near each interest, -1 pads. rng: places are
        drawn from it, if it is given. limited: whether one item of hers may be named only as often
        as the rules say.
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
        # reasons. Where one item of hers leads to most of them, look for others. What is drawn is
        # drawn from all.
        length = self.rules.list_length
        most_named = self.rules.most_named(len(hers)) if limited else length
        room = length + MOST_DROPPED if rng is None else len(retrieved.rows)
        while True:
            told, of = self._told(retrieved, room, moment, hers, fresh)
            picks = self._places(told, fresh, most_named, rng)
            if room >= of or len(picks) >= length:
                return picks
            room *= 4

    def _contexts(self) -> tuple[int, int, int]:
        profile = self.profile
        since_s = self.now_s - profile.clock_s if profile.events else np.inf
        return contexts(profile.liked, since_s)

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
        fresh: Fresh,
        most_named: int,
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        """Places for them, of which `most_named` may name the same item of hers."""
        n, count = len(told.numbers), len(told.numbers) + len(fresh)
        if not n:
            return []
        rules, catalogue, length = self.rules, self.catalogue, self.rules.list_length
        numbers, named = told.numbers, told.named
        if len(fresh):
            numbers = np.concatenate((numbers, fresh.numbers))
            named = np.concatenate((named, fresh.named))
        cosines = catalogue.cosines(numbers, numbers)
        listed = numbers.tolist()
        ways: list[tuple[list[str | None] | Numbers, int]] = [(named, most_named)]
        if rules.group_most:
            ways.append(([catalogue.group(number) for number in listed], rules.group_most))
        company = Company(
            diversity.near_duplicates(cosines, catalogue.picture_hashes(numbers), rules),
            *grouped(*ways),
            np.float32(rules.unlikeness) * cosines if rules.unlikeness else None,
        )
        # Fresh ones get their places afterwards: none are shared out to what is worth nothing.
        logits = np.full(count, -np.inf)
        np.maximum(told.scores - told.scores[0], _LEAST, out=logits[:n])
        places = np.arange(n, count)
        if rng is None:
            first = places[: rules.fresh_places]
            found, worths = diversity.unlike_places(logits, company, length, first)
            chosen = [(at, v, 1.0) for at, v in zip(found.tolist(), worths.tolist(), strict=True)]
        else:
            # What is certain to be listed is so whatever is drawn: else its chance would depend on
            # the places below it, and no propensity could say so.
            held = certain(n, count, company, rules.fresh_places)
            places = np.array(held, np.int64)
            chosen = sampling.sample_places(
                np.exp(logits).tolist(),
                [0] * count,
                [1.0],
                company,
                length,
                temperature=rules.temperature,
                rng=rng,
                held=held,
            )
        kinds, similarities = told.kinds.tolist(), told.similarities.tolist()
        if len(places):
            kinds += [ALIKE] * len(fresh)
            similarities += fresh.nearness.tolist()
            chosen = with_fresh(chosen, places, company, rules)
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
