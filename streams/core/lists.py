"""The list: from a profile, and what was found near its interests, to what is published."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core import candidates, diversity, ranker, reasons
from streams.core.catalogue import Catalogue, Numbers, Vectors
from streams.core.picks import Fallback, Pick, ReasonKind
from streams.core.profile import Profile
from streams.core.rules import TasteRules


def make_list(
    profile: Profile,
    found_numbers: Numbers,
    found_similarities: NDArray[np.float32],
    fallback: Fallback,
    *,
    catalogue: Catalogue,
    rules: TasteRules,
    now_s: float,
) -> list[Pick]:
    """Her list, best first: at most `list_length` items, each once, each with a true reason.

    found_numbers, found_similarities: int32 and float32 [q, k], the items nearest to each row of
    `queries(profile, catalogue, rules, now_s)` by their best view and that cosine; -1 pads.
    Nothing she has touched or hidden, nothing unavailable, no near-duplicates. What her interests
    don't fill comes from `fallback`. Shorter only where there is nothing else.
    """
    barred = candidates.barred_keys(profile)
    picks: list[Pick] = []
    if found_numbers.size and profile.model_id == catalogue.model_id:
        _, strengths = candidates.active(profile, rules, now_s)
        if len(strengths) != len(found_numbers):
            raise ValueError(
                f"found items for {len(found_numbers)} queries, but there are {len(strengths)}"
            )
        hers = reasons.items_of_hers(profile, catalogue)

        def choose(pool: candidates.Candidates) -> list[Pick]:
            return _choose(
                pool, strengths, hers, profile, catalogue=catalogue, rules=rules, now_s=now_s
            )

        # Somewhat more than are needed: near-duplicates and items like none of hers drop out.
        # Should that not do, look at everything that was found.
        total = sum(strengths)
        room = [int(1.25 * rules.list_length * s / total) + 2 for s in strengths]
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
    return picks


def make_fallback_list(fallback: Fallback, catalogue: Catalogue, rules: TasteRules) -> list[Pick]:
    """The list for somebody nobody knows yet: popular items, then the newest."""
    picks: list[Pick] = []
    _fill(picks, set(), fallback, catalogue, rules)
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
) -> list[Pick]:
    n = len(pool.numbers)
    if not n or not hers:
        return []
    numbers = np.array([*pool.numbers, *hers.values()], np.int32)
    vectors = catalogue.vectors(numbers)
    # In this layout the product takes BLAS two thirds of the time of `vectors[:n] @ vectors.T`.
    cosines = vectors @ np.ascontiguousarray(vectors[:n].T)
    scores = ranker.score(pool, vectors[:n], profile, rules, now_s)
    nearest, nearness = reasons.looks_like(cosines[n:])
    scores = [
        s if near >= rules.min_similarity else 0.0 for s, near in zip(scores, nearness, strict=True)
    ]
    duplicates = diversity.near_duplicates(
        cosines[:n], catalogue.picture_hashes(numbers[:n]), rules
    )
    chosen = diversity.share_places(
        scores, pool.interests, strengths, duplicates, rules.list_length
    )
    names = list(hers)
    item_id = catalogue.item_id
    return [
        Pick(
            pool.numbers[at],
            item_id(pool.numbers[at]),
            value,
            1.0,
            "looks-like",
            names[nearest[at]],
            nearness[at],
        )
        for at, value in chosen
    ]


def _fill(
    picks: list[Pick],
    barred: set[int],
    fallback: Fallback,
    catalogue: Catalogue,
    rules: TasteRules,
) -> None:
    """Add fallback items until the list is full. Their scores say no more than their order."""
    numbers = fallback.numbers.tolist()
    keys = catalogue.keys(fallback.numbers).tolist()
    there = catalogue.available(fallback.numbers).tolist()
    listed = {pick.number for pick in picks}
    kinds: dict[int, ReasonKind] = {}
    for number, kind, key, available in zip(numbers, fallback.kinds, keys, there, strict=True):
        if available and key not in barred and number not in listed:
            kinds.setdefault(number, kind)
    free = list(kinds)
    base, step = (picks[-1].score, 2) if picks else (1.0, 1)
    while free and len(picks) < rules.list_length:
        chunk = free[: 2 * (rules.list_length - len(picks))]
        del free[: len(chunk)]
        for number in _unlike(chunk, [pick.number for pick in picks], catalogue, rules):
            if len(picks) == rules.list_length:
                break
            score = base / step
            picks.append(Pick(number, catalogue.item_id(number), score, 1.0, kinds[number]))
            step += 1


def _unlike(
    chunk: list[int], listed: list[int], catalogue: Catalogue, rules: TasteRules
) -> list[int]:
    """Of `chunk`, in order, what is no near-duplicate of one listed or taken before it."""
    numbers = np.array([*listed, *chunk], np.int32)
    vectors: Vectors = catalogue.vectors(numbers)
    pairs = diversity.near_duplicates(vectors @ vectors.T, catalogue.picture_hashes(numbers), rules)
    blocked = {at for place in range(len(listed)) for at in pairs.get(place, ())}
    taken: list[int] = []
    for at in range(len(listed), len(numbers)):
        if at not in blocked:
            taken.append(int(numbers[at]))
            blocked.update(pairs.get(at, ()))
    return taken
