"""The list: from a profile, and what was found near its interests, to what is published."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core import candidates, diversity, exploring, ranker, reasons, sampling
from streams.core.catalogue import Catalogue, Numbers
from streams.core.crowd import Crowd
from streams.core.crowd_list import CrowdList
from streams.core.diversity import Company, Seated
from streams.core.picks import Fallback, Pick, ReasonKind
from streams.core.profile import Profile
from streams.core.rules import TasteRules

NOTHING_BARRED: candidates.Keys = np.empty(0, np.uint32)


def make_list(
    profile: Profile,
    found_numbers: Numbers,
    found_similarities: NDArray[np.float32],
    fallback: Fallback,
    *,
    catalogue: Catalogue,
    rules: TasteRules,
    now_s: float,
    rng: np.random.Generator | None = None,
    crowd: Crowd | None = None,
) -> list[Pick]:
    """Her list, best first: at most `list_length` items, each once, each with a true reason.

    found_numbers, found_similarities: int32 and float32 [q, k], the items nearest to each row of
    `queries(profile, catalogue, rules, now_s)` by their best view and that cosine; -1 pads.
    Nothing she has touched or hidden, nothing unavailable, no near-duplicates. What her interests
    don't fill comes from `fallback`. Shorter only where there is nothing else.

    rng    what `temperature` and `explore_share` draw from; None: nothing is left to chance.
    crowd  what others' clicks have taught: it ranks where it leads anywhere from what she did.
    """
    barred = candidates.barred_keys(profile)
    picks: list[Pick] = []
    if crowd is not None and crowd.ranks:
        drawn = rng if rules.temperature > 0.0 else None
        ranked = CrowdList(profile, barred, fallback, crowd, catalogue, rules, now_s)
        picks = ranked.choose(found_numbers, found_similarities, drawn)
    if not picks and found_numbers.size and profile.model_id == catalogue.model_id:
        _, strengths = candidates.active(profile, rules, now_s)
        if len(strengths) != len(found_numbers):
            raise ValueError(
                f"found items for {len(found_numbers)} queries, but there are {len(strengths)}"
            )
        hers = reasons.items_of_hers(profile, catalogue)

        def choose(pool: candidates.Candidates) -> list[Pick]:
            return _choose(
                pool,
                strengths,
                hers,
                profile,
                catalogue=catalogue,
                rules=rules,
                now_s=now_s,
                rng=rng if rules.temperature > 0.0 else None,
            )

        # Somewhat more than are needed: near-duplicates and items like none of hers drop out.
        # Should that not do, look at everything that was found.
        total = sum(strengths)
        # What is drawn is drawn from all.
        spare = found_numbers.size if rng is not None and rules.temperature > 0.0 else 2
        room = [int(1.25 * rules.list_length * s / total) + spare for s in strengths]
        pool = candidates.gather(found_numbers, found_similarities, barred, room, catalogue)
        picks = choose(pool)
        if len(picks) < rules.list_length and pool.cut:
            everything = [found_numbers.size] * len(room)
            pool = candidates.gather(
                found_numbers, found_similarities, barred, everything, catalogue
            )
            picks = choose(pool)
    if len(picks) < rules.list_length:
        _fill(picks, barred, fallback, catalogue, rules)
    if rng is not None and rules.explored_places:
        picks = exploring.give_places(
            picks, barred, fallback, catalogue=catalogue, rules=rules, rng=rng
        )
    return picks


def make_fallback_list(fallback: Fallback, catalogue: Catalogue, rules: TasteRules) -> list[Pick]:
    """The list for somebody nobody knows yet: popular items, then the newest."""
    picks: list[Pick] = []
    _fill(picks, NOTHING_BARRED, fallback, catalogue, rules)
    return picks


def _choose(
    pool: candidates.Candidates,
    strengths: list[float],
    hers: dict[str, int],
    profile: Profile,
    *,
    catalogue: Catalogue,
    rules: TasteRules,
    now_s: float,
    rng: np.random.Generator | None,
) -> list[Pick]:
    if not pool.numbers or not hers:
        return []
    scores = ranker.score(pool, catalogue, profile, rules, now_s)
    numbers, owners, length = pool.numbers, pool.interests, rules.list_length
    names, item_id = list(hers), catalogue.item_id
    if rng is None:
        # Nearly always the best make a list as they are, so only they are compared: with hers, and
        # among themselves. Only if some may not stand beside the others the whole pool is.
        company = Company(groups=_groups(numbers, catalogue, rules), most=rules.group_most)
        chosen = diversity.share_places(scores, owners, strengths, company, length)
        best = [numbers[at] for at, _ in chosen]
        nearest, nearness = _nearest(best, hers, catalogue)
        duplicates = _duplicates(best, catalogue, rules)
        if not len(duplicates) and (not nearness or min(nearness) >= rules.min_similarity):
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
    company = Company(
        _duplicates(numbers, catalogue, rules),
        _groups(numbers, catalogue, rules),
        rules.group_most,
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


def _groups(numbers: list[int], catalogue: Catalogue, rules: TasteRules) -> list[str | None]:
    return [catalogue.group(number) for number in numbers] if rules.group_most else []


def _nearest(
    numbers: list[int], hers: dict[str, int], catalogue: Catalogue
) -> tuple[list[int], list[float]]:
    """For each of `numbers`: which of hers is nearest, and how near."""
    mine = np.array(list(hers.values()), np.int32)
    return reasons.looks_like(catalogue.cosines(np.array(numbers, np.int32), mine))


def _duplicates(numbers: list[int], catalogue: Catalogue, rules: TasteRules) -> NDArray[np.int32]:
    """The near-duplicates among `numbers`, by place."""
    asked = np.array(numbers, np.int32)
    return diversity.near_duplicates(
        catalogue.cosines(asked, asked), catalogue.picture_hashes(asked), rules
    )


def _fill(
    picks: list[Pick],
    barred: candidates.Keys,
    fallback: Fallback,
    catalogue: Catalogue,
    rules: TasteRules,
) -> None:
    """Add fallback items until the list is full. Their scores say no more than their order."""
    numbers = fallback.numbers.tolist()
    there = catalogue.available(fallback.numbers)
    free = there > candidates.is_barred(catalogue.keys(fallback.numbers), barred)
    listed = {pick.number for pick in picks}
    kinds: dict[int, ReasonKind] = {}
    for number, kind, may_be_listed in zip(numbers, fallback.kinds, free.tolist(), strict=True):
        if may_be_listed and number not in listed:
            kinds.setdefault(number, kind)
    left = list(kinds)
    listed_groups = _groups([*(pick.number for pick in picks), *left], catalogue, rules)
    seated = Seated(Company(groups=listed_groups, most=rules.group_most))
    for at in range(len(picks)):
        seated.seat(at)
    place_of = {number: at for at, number in enumerate(left, len(picks))}
    base, step = (picks[-1].score, 2) if picks else (1.0, 1)
    while left and len(picks) < rules.list_length:
        chunk = left[: 2 * (rules.list_length - len(picks))]
        del left[: len(chunk)]
        for number in _unlike(chunk, [pick.number for pick in picks], catalogue, rules):
            if len(picks) == rules.list_length:
                break
            if not seated.admits(place_of[number]):
                continue
            seated.seat(place_of[number])
            score = base / step
            picks.append(Pick(number, catalogue.item_id(number), score, 1.0, kinds[number]))
            step += 1


def _unlike(
    chunk: list[int], listed: list[int], catalogue: Catalogue, rules: TasteRules
) -> list[int]:
    """Of `chunk`, in order, what is no near-duplicate of one listed or taken before it."""
    numbers = [*listed, *chunk]
    pairs = _duplicates(numbers, catalogue, rules)
    seated = Seated(Company(pairs))
    for at in range(len(listed)):
        seated.seat(at)
    taken: list[int] = []
    for at in range(len(listed), len(numbers)):
        if seated.admits(at):
            seated.seat(at)
            taken.append(numbers[at])
    return taken
