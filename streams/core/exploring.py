"""The last places of a list, given to new items by chance: or nobody would ever learn of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streams.core import candidates, diversity
from streams.core.catalogue import Catalogue
from streams.core.diversity import NO_PAIRS, Company, Seated
from streams.core.picks import Fallback, Pick
from streams.core.rules import TasteRules

AMONG = 40
"""New items that are drawn from: the newest. More cost more to compare with what is listed."""


def give_places(
    picks: list[Pick],
    barred: candidates.Keys,
    fallback: Fallback,
    *,
    catalogue: Catalogue,
    rules: TasteRules,
    rng: np.random.Generator,
) -> list[Pick]:
    """`picks` with up to `explored_places` of the new items of `fallback` at its end.

    They take the places of the last picks where the list is full; each is drawn evenly among the
    `AMONG` newest that may stand there. What that may cost is bounded: the places above stay as
    they are. Of a part of a place it is drawn whether it is given.
    """
    whole, part = divmod(rules.explored_places, 1.0)
    most = int(whole) + (part > 0.0)
    # The first of them stands beside all picks but the last, the next beside one less, and so on.
    beside = picks[: rules.list_length - 1]
    pool = _pool(beside, barred, fallback, catalogue)
    if not pool:
        return picks
    n = len(beside)
    numbers = np.array([*(pick.number for pick in beside), *pool], np.int32)
    groups = [catalogue.group(number) for number in numbers.tolist()] if rules.group_most else []
    new, hashes = numbers[n:], catalogue.picture_hashes(numbers)
    alike = diversity.look_same(catalogue.cosines(new, numbers[:n]), hashes[n:], hashes[:n], rules)
    taken = np.zeros(len(pool), np.bool_)
    explored: list[tuple[int, float]] = []
    staying = picks
    while len(explored) < most:
        stay = rules.list_length - len(explored) - 1
        left = np.flatnonzero(~(alike[:, :stay].any(axis=1) | taken)).tolist()
        if groups:
            company = Company(NO_PAIRS, *diversity.grouped((groups, rules.group_most)))
            seated = Seated(company)
            for at in (*range(min(stay, n)), *(n + at for at, _ in explored)):
                seated.seat(at)
            left = [at for at in left if seated.admits(n + at)]
        if not left:
            break
        chance = part if len(explored) == whole else 1.0
        if chance < 1.0 and rng.random() >= chance:
            if stay < len(picks):  # whoever stands there might have had to go
                last = picks[stay]
                staying = [*picks[:stay], replace(last, propensity=last.propensity * (1.0 - part))]
            break
        at = left[int(rng.integers(len(left)))]
        explored.append((at, chance / len(left)))
        if len(explored) == most:
            break
        one = slice(at, at + 1)
        taken |= diversity.look_same(
            catalogue.cosines(new, new[one]), hashes[n:], hashes[n:][one], rules
        )[:, 0]
        taken[at] = True
    staying = staying[: rules.list_length - len(explored)]
    score = staying[-1].score if staying else 1.0
    for at, propensity in explored:
        score /= 2.0
        item_id = catalogue.item_id(pool[at])
        staying.append(Pick(pool[at], item_id, score, propensity, "exploring"))
    return staying


def _pool(
    beside: list[Pick], barred: candidates.Keys, fallback: Fallback, catalogue: Catalogue
) -> list[int]:
    """The newest items that she may see and that are not listed: `AMONG` at most."""
    numbers = fallback.new[:AMONG]
    if not len(numbers):
        return []
    free = catalogue.available(numbers) > candidates.is_barred(catalogue.keys(numbers), barred)
    listed = {pick.number for pick in beside}
    return [number for number in numbers[free].tolist() if number not in listed]
