"""The list: from a profile, and what was found near its interests, to what is published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streams.core import candidates, diversity, exploring
from streams.core.catalogue import Catalogue, Numbers
from streams.core.crowd import Crowd
from streams.core.crowd_list import CrowdList
from streams.core.diversity import NO_PAIRS, Company, Seated
from streams.core.picks import Fallback, Pick, ReasonKind
from streams.core.picture_list import PictureList, duplicates_of, groups_of
from streams.core.profile import Profile
from streams.core.rules import TasteRules

NOTHING_BARRED: candidates.Keys = np.empty(0, np.uint32)
_VARIED = 3
"""Lengths of a list for somebody nobody knows that are looked at to make it varied."""


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
    makers: list[CrowdList | PictureList] = [PictureList(profile, barred, catalogue, rules, now_s)]
    if crowd is not None and crowd.ranks:
        makers.insert(0, CrowdList(profile, barred, fallback, crowd, catalogue, rules, now_s))

    def ranked(rng: np.random.Generator | None, limited: bool) -> list[Pick]:
        lists = (
            maker.choose(found_numbers, found_similarities, rng, limited=limited)
            for maker in makers
        )
        return next(filter(None, lists), [])

    picks = ranked(rng if rules.temperature > 0.0 else None, True)
    if len(picks) < rules.list_length:
        listed = len(picks)
        _fill(picks, barred, fallback, catalogue, rules)
        if listed and len(picks) < rules.list_length:
            # Better than nothing: what one item of hers leads to beyond its share.
            more = {pick.number: pick for pick in ranked(None, False)}
            there = {pick.number for pick in picks}
            left = [number for number in more if number not in there]
            _add(picks, left, lambda at, score: replace(more[at], score=score), catalogue, rules)
    if rng is not None and rules.explored_places:
        picks = exploring.give_places(
            picks, barred, fallback, catalogue=catalogue, rules=rules, rng=rng
        )
    return picks


def make_fallback_list(fallback: Fallback, catalogue: Catalogue, rules: TasteRules) -> list[Pick]:
    """The list for somebody nobody knows yet: popular items, then the newest, both varied."""
    picks: list[Pick] = []
    _fill(picks, NOTHING_BARRED, fallback, catalogue, rules)
    return picks


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
    if not picks and rules.unlikeness > 0.0:  # nobody's taste has chosen what may look alike
        popular = [number for number in left if kinds[number] == "popular"]
        left = _varied(popular, catalogue, rules) + _varied(left[len(popular) :], catalogue, rules)

    def make(number: int, score: float) -> Pick:
        return Pick(number, catalogue.item_id(number), score, 1.0, kinds[number])

    _add(picks, left, make, catalogue, rules)


def _add(
    picks: list[Pick],
    left: list[int],
    make: Callable[[int, float], Pick],
    catalogue: Catalogue,
    rules: TasteRules,
) -> None:
    """Add what may stand there of `left`, made with its score, until the list is full."""
    together = [*(pick.number for pick in picks), *left]
    seated = Seated(Company(NO_PAIRS, *groups_of(together, catalogue, rules)))
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
            picks.append(make(number, base / step))
            step += 1


def _varied(numbers: list[int], catalogue: Catalogue, rules: TasteRules) -> list[int]:
    """`numbers`, best first, with the first of them in an order that keeps what looks alike apart:
    as in `unlike_places`, of which the one at place r is worth 1 / r."""
    few = numbers[: _VARIED * rules.list_length]
    if len(few) < 2:
        return numbers
    asked = np.array(few, np.int32)
    taken = np.float32(rules.unlikeness) * catalogue.cosines(asked, asked)
    places, _ = diversity.unlike_places(
        -np.log(np.arange(1.0, len(few) + 1.0)), Company(taken=taken), len(few)
    )
    return [few[at] for at in places.tolist()] + numbers[len(few) :]


def _unlike(
    chunk: list[int], listed: list[int], catalogue: Catalogue, rules: TasteRules
) -> list[int]:
    """Of `chunk`, in order, what is no near-duplicate of one listed or taken before it."""
    numbers = [*listed, *chunk]
    pairs = duplicates_of(numbers, catalogue, rules)
    seated = Seated(Company(pairs))
    for at in range(len(listed)):
        seated.seat(at)
    taken: list[int] = []
    for at in range(len(listed), len(numbers)):
        if seated.admits(at):
            seated.seat(at)
            taken.append(numbers[at])
    return taken
