"""A list ranked by what the crowd has taught: candidates of every source, one learned ranker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core import diversity, reasons, sampling
from streams.core.catalogue import Catalogue, Numbers, Vectors
from streams.core.crowd import LEAST_NEARNESS, Crowd
from streams.core.diversity import Company
from streams.core.fresh import fresh_items, give_places
from streams.core.learning.causes import causes
from streams.core.learning.features import FEATURES, FROM_POPULAR, PICTURE, Moment
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
_LEAST_WORTH = 1e-12

_POPULAR = [FEATURES.index(name) for name in ("likes", "popular_year", "popular_now")]
_CROWD = [at for at in range(len(FEATURES)) if at not in _POPULAR and at != PICTURE]

Reason = tuple[ReasonKind, str | None, float | None]
"""Kind, item of hers, similarity: as in a Pick."""


class _Ranked(NamedTuple):
    """Candidates, best first."""

    rows: Rows
    numbers: Numbers
    sources: NDArray[np.uint8]
    scores: NDArray[np.float64]
    earned: NDArray[np.float64]
    """float64 [n, 3]: what the crowd, popularity and the picture add to the score."""
    vectors: Vectors
    nearest: NDArray[np.intp]
    """Which of `hers` it looks like most."""
    nearness: NDArray[np.float32]
    """And how much: the cosine."""

    def taken(self, at: NDArray[np.intp] | slice) -> _Ranked:
        """Those at some places."""
        return _Ranked(
            self.rows[at],
            self.numbers[at],
            self.sources[at],
            self.scores[at],
            self.earned[at],
            self.vectors[at],
            self.nearest[at],
            self.nearness[at],
        )


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
        moment = self.crowd.moment(self.profile, self.barred, self.now_s)
        if not self.crowd.knows(moment):
            return []
        hers = reasons.items_of_hers(self.profile, self.catalogue)
        ranked = self._rank(moment, found, list(hers.values()))
        fresh = fresh_items(
            found,
            similarities,
            self.barred,
            hers,
            crowd=self.crowd,
            catalogue=self.catalogue,
            rules=self.rules,
        )
        if fresh:
            # What has a place apart is not drawn for another: propensities stay true.
            apart = np.isin(ranked.numbers, [pick.number for pick in fresh])
            ranked = ranked.taken(np.flatnonzero(~apart))
        picks = self._chosen(ranked, moment, list(hers), fresh, rng)
        if not picks or not fresh:
            return picks
        most = self._most_named()
        return give_places(picks, fresh, most, catalogue=self.catalogue, rules=self.rules)

    def _most_named(self) -> int:
        """How many reasons of a list may name the same item of hers."""
        length = self.rules.list_length
        if len(self.profile.recent) < 2:
            return length
        return max(int(self.rules.largest_click_share * length), 1)

    def _chosen(
        self,
        ranked: _Ranked,
        moment: Moment,
        hers: list[str],
        fresh: list[Pick],
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        # Nearly always a few more than are needed will do: the rest need no reasons.
        room = self.rules.list_length + MOST_DROPPED
        while True:
            best = ranked if rng is not None else ranked.taken(slice(room))
            said = self._reasons(best, moment, hers)
            later = self._beyond_share(said, fresh)
            picks = self._places(best, said, later, rng)
            few = len(said) - len(later) < self.rules.list_length
            if len(best.rows) == len(ranked.rows) or not (
                few or len(picks) < self.rules.list_length
            ):
                return picks
            room *= 4

    def _beyond_share(self, said: Sequence[Reason | None], fresh: list[Pick]) -> list[int]:
        """Candidates that come after all others: one item of hers has led to enough before them."""
        most = self._most_named()
        led = Counter(pick.reason_item_id for pick in fresh[: self.rules.fresh_places])
        later = []
        for at, reason in enumerate(said):
            if reason is not None and reason[1] is not None:
                led[reason[1]] += 1
                if led[reason[1]] > most:
                    later.append(at)
        return later

    def _rank(self, moment: Moment, found: Numbers, hers: list[int]) -> _Ranked:
        crowd, catalogue = self.crowd, self.catalogue
        others = np.concatenate((found[:, :MOST_ALIKE].ravel(), self.fallback.new[:MOST_NEW]))
        others = np.unique(others[others >= 0])
        if others.size:
            others = crowd.rows_of(others, catalogue)
        rows, sources, features = crowd.table.retrieve(moment, others)
        numbers = crowd.numbers_of(rows, catalogue)
        if numbers.size and numbers.min() < 0:
            known = numbers >= 0
            rows, numbers = rows[known], numbers[known]
            sources, features = sources[known], features[known]
        vectors = catalogue.vectors(numbers)
        nearest, nearness = np.zeros(len(rows), np.intp), np.zeros(len(rows), np.float32)
        if hers:
            cosines = vectors.dot(catalogue.vectors(np.array(hers, np.int32)).T)
            nearest = cosines.argmax(axis=1)
            nearness = cosines[np.arange(len(rows)), nearest]
        features[:, PICTURE] = np.maximum(nearness, LEAST_NEARNESS)
        profile = self.profile
        since_s = self.now_s - profile.clock_s if profile.events else np.inf
        parts = crowd.table.weights.parts(features, contexts(profile.liked, since_s))
        scores = parts.sum(axis=1) - REPULSION_LOGITS * self._repulsions(vectors)
        sums = (parts[:, _CROWD].sum(axis=1), parts[:, _POPULAR].sum(axis=1), parts[:, PICTURE])
        earned = np.stack(sums, axis=1)
        ranked = _Ranked(rows, numbers, sources, scores, earned, vectors, nearest, nearness)
        return ranked.taken(np.argsort(-scores, kind="stable"))

    def _repulsions(self, vectors: Vectors) -> NDArray[np.float32]:
        """How much of each repels her, 0 to `repulsion`: as in ranker.py."""
        repelled, rules = self.profile.repelled, self.rules
        if not len(repelled):
            return np.zeros(len(vectors), np.float32)
        strengths = repelled.strengths(rules, self.now_s - self.profile.clock_s)
        taken = np.array([[rules.repulsion * strength] for strength in strengths], np.float32)
        against: NDArray[np.float32] = vectors @ (repelled.vectors() * taken).T
        most: NDArray[np.float32] = np.maximum.reduce(against, axis=1, initial=0.0)
        return most

    def _places(
        self,
        ranked: _Ranked,
        said: Sequence[Reason | None],
        later: Sequence[int],
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        """Places for those of which there is something true to say; for `later` at the end."""
        rules, catalogue = self.rules, self.catalogue
        told = np.array([at for at, reason in enumerate(said) if reason is not None], np.intp)
        if not told.size:
            return []
        vectors, numbers = ranked.vectors[told], ranked.numbers[told]
        cosines = vectors.dot(np.ascontiguousarray(vectors.T))
        duplicates = diversity.near_duplicates(cosines, catalogue.picture_hashes(numbers), rules)
        listed = numbers.tolist()
        groups = [catalogue.group(number) for number in listed] if rules.group_most else []
        company = Company(duplicates, groups, rules.group_most)
        scores = ranked.scores[told]
        worths = np.maximum(np.exp(scores - scores[0]), _LEAST_WORTH)
        worths[np.isin(told, later)] *= _LEAST_WORTH
        worth = worths.tolist()
        owners, length = [0] * len(worth), rules.list_length
        if rng is None:
            shared = diversity.share_places(worth, owners, [1.0], company, length)
            chosen = [(at, value, 1.0) for at, value in shared]
        else:
            temperature = rules.temperature
            chosen = sampling.sample_places(
                worth, owners, [1.0], company, length, temperature=temperature, rng=rng
            )
        reasons_of = [reason for reason in said if reason is not None]
        item_id = catalogue.item_id
        return [
            Pick(listed[at], item_id(listed[at]), value, propensity, *reasons_of[at])
            for at, value, propensity in chosen
        ]

    def _reasons(self, ranked: _Ranked, moment: Moment, hers: list[str]) -> list[Reason | None]:
        """For each the true reason whose source adds most to its score; None: there is none."""
        crowd, catalogue, least = self.crowd, self.catalogue, self.rules.min_similarity
        rows_of_hers, shares = causes(crowd.table.signals, moment, ranked.rows)
        led = crowd.numbers_of(np.maximum(rows_of_hers, 0), catalogue)
        led[rows_of_hers < 0] = -1
        new = set(self.fallback.new[:MOST_NEW].tolist())
        said: list[Reason | None] = []
        for earned, cause, share, near, nearness, source, number in zip(
            ranked.earned.tolist(),
            led.tolist(),
            shares.tolist(),
            ranked.nearest.tolist(),
            ranked.nearness.tolist(),
            ranked.sources.tolist(),
            ranked.numbers.tolist(),
            strict=True,
        ):
            true: list[tuple[float, Reason]] = []
            if cause >= 0 and catalogue.number(name := catalogue.item_id(cause)) is not None:
                true.append((earned[0], ("people-also-clicked", name, share)))
            if hers and nearness >= least:
                true.append((earned[2], ("looks-like", hers[near], nearness)))
            if source & FROM_POPULAR:
                true.append((earned[1], ("popular", None, None)))
            if number in new:
                true.append((-np.inf, ("new", None, None)))
            said.append(max(true, key=_weight)[1] if true else None)
        return said


def _weight(said: tuple[float, Reason]) -> float:
    return said[0]
