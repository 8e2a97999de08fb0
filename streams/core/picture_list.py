"""A list ranked by how things look: near each of her interests, as many as it has a claim to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core import candidates, diversity, ranker, reasons, sampling
from streams.core.catalogue import Catalogue, Numbers
from streams.core.diversity import NO_PAIRS, Company
from streams.core.picks import Pick
from streams.core.profile import Profile
from streams.core.rules import TasteRules


@dataclass(slots=True)
class PictureList:
    """One user's list at one moment, `now_s`. `barred`: rising keys that may not be listed."""

    profile: Profile
    barred: candidates.Keys
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
        """Her list, best first; shorter where there is nothing true to say of more.

        found, similarities: int32 and float32 [q, k], near each interest, -1 pads. rng: places are
        drawn from it, if it is given. limited: whether one item of hers may be named only as often
        as the rules say. Raises ValueError if q is not the number of her active interests.
        """
        profile, catalogue, rules = self.profile, self.catalogue, self.rules
        if not found.size or profile.model_id != catalogue.model_id:
            return []
        _, strengths = candidates.active(profile, rules, self.now_s)
        if len(strengths) != len(found):
            raise ValueError(
                f"found items for {len(found)} queries, but there are {len(strengths)}"
            )
        hers = reasons.items_of_hers(profile, catalogue)
        most_named = rules.most_named(len(hers)) if limited else rules.list_length
        # Somewhat more than are needed: near-duplicates and items like none of hers drop out.
        # Should that not do, look at everything that was found. What is drawn is drawn from all.
        total = sum(strengths)
        spare = found.size if rng is not None else 2
        room = [int(1.25 * rules.list_length * s / total) + spare for s in strengths]
        pool = candidates.gather(found, similarities, self.barred, room, catalogue)
        picks = self._choose(pool, strengths, hers, most_named, rng)
        if len(picks) < rules.list_length and pool.cut:
            everything = [found.size] * len(room)
            pool = candidates.gather(found, similarities, self.barred, everything, catalogue)
            picks = self._choose(pool, strengths, hers, most_named, rng)
        return picks

    def _choose(
        self,
        pool: candidates.Candidates,
        strengths: list[float],
        hers: dict[str, int],
        most_named: int,
        rng: np.random.Generator | None,
    ) -> list[Pick]:
        catalogue, rules = self.catalogue, self.rules
        if not pool.numbers or not hers:
            return []
        scores = ranker.score(pool, catalogue, self.profile, rules, self.now_s)
        numbers, owners, length = pool.numbers, pool.interests, rules.list_length
        names, item_id = list(hers), catalogue.item_id
        if rng is None:
            # Nearly always the best make a list as they are, so only they are compared: with hers,
            # and among themselves. Only if some may not stand beside the others the whole pool is.
            company = Company(NO_PAIRS, *groups_of(numbers, catalogue, rules))
            chosen = diversity.share_places(scores, owners, strengths, company, length)
            best = [numbers[at] for at, _ in chosen]
            nearest, nearness = _nearest(best, hers, catalogue)
            if (
                not len(duplicates_of(best, catalogue, rules))
                and (not nearness or min(nearness) >= rules.min_similarity)
                and max(Counter(nearest).values(), default=0) <= most_named
            ):
                return [
                    Pick(number, item_id(number), value, 1.0, "looks-like", names[at], near)
                    for number, (_, value), at, near in zip(
                        best, chosen, nearest, nearness, strict=True
                    )
                ]
        # Of what looks like none of hers there would be nothing to say.
        nearest, nearness = _nearest(numbers, hers, catalogue)
        alike = [at for at, near in enumerate(nearness) if near >= rules.min_similarity]
        if not alike:
            return []
        numbers = [numbers[at] for at in alike]
        scores, owners = [scores[at] for at in alike], [owners[at] for at in alike]
        named = np.array([nearest[at] for at in alike], np.int32)
        company = Company(
            duplicates_of(numbers, catalogue, rules),
            *groups_of(numbers, catalogue, rules, (named, most_named)),
        )
        if rng is None:
            shared = diversity.share_places(scores, owners, strengths, company, length)
            places = [(at, value, 1.0) for at, value in shared]
        else:
            temperature = rules.temperature
            places = sampling.sample_places(
                scores, owners, strengths, company, length, temperature=temperature, rng=rng
            )
        return [
            Pick(
                numbers[at],
                item_id(numbers[at]),
                value,
                chance,
                "looks-like",
                names[nearest[alike[at]]],
                nearness[alike[at]],
            )
            for at, value, chance in places
        ]


def groups_of(
    numbers: list[int], catalogue: Catalogue, rules: TasteRules, *ways: tuple[Numbers, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is said of items in the catalogue, if it matters, and other ways to group them."""
    if not rules.group_most:
        return diversity.grouped(*ways)
    names = [catalogue.group(number) for number in numbers]
    return diversity.grouped(*ways, (names, rules.group_most))


def duplicates_of(numbers: list[int], catalogue: Catalogue, rules: TasteRules) -> NDArray[np.int32]:
    """The near-duplicates among `numbers`, by place."""
    asked = np.array(numbers, np.int32)
    return diversity.near_duplicates(
        catalogue.cosines(asked, asked), catalogue.picture_hashes(asked), rules
    )


def _nearest(
    numbers: list[int], hers: dict[str, int], catalogue: Catalogue
) -> tuple[list[int], list[float]]:
    """For each of `numbers`: which of hers is nearest, and how near."""
    mine = np.array(list(hers.values()), np.int32)
    return reasons.looks_like(catalogue.cosines(np.array(numbers, np.int32), mine))
