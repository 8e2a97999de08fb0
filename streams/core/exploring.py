"""The last places of a list, given to new items by chance: or nobody would ever learn of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core import candidates, diversity
from streams.core.catalogue import Catalogue
from streams.core.diversity import Company, Seated
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
    they are.
    """
    kept = picks[: rules.list_length - rules.explored_places]
    pool = _pool(kept, barred, fallback, catalogue)
    if not pool:
        return picks
    first = len(kept)
    numbers = np.array([*(pick.number for pick in kept), *pool], np.int32)
    seated = None
    if rules.group_most:
        groups = [catalogue.group(number) for number in numbers.tolist()]
        seated = Seated(Company(groups=groups, most=rules.group_most))
        for at in range(first):
            seated.seat(at)
    hashes, new = catalogue.picture_hashes(numbers), numbers[first:]
    new_hashes = hashes[first:]
    cosines = catalogue.cosines(new, numbers[:first])
    alike = diversity.look_same(cosines, new_hashes, hashes[:first], rules)
    same: NDArray[np.bool_] = np.logical_or.reduce(alike, axis=1)
    explored: list[Pick] = []
    while True:
        left = np.flatnonzero(~same).tolist()
        if seated is not None:
            left = [at for at in left if seated.admits(first + at)]
        if not left:
            break
        at = left[int(rng.integers(len(left)))]
        score = (kept[-1].score if kept else 1.0) / 2.0 ** (len(explored) + 1)
        item_id = catalogue.item_id(pool[at])
        explored.append(Pick(pool[at], item_id, score, 1.0 / len(left), "exploring"))
        if len(explored) == rules.explored_places:
            break
        if seated is not None:
            seated.seat(first + at)
        one = slice(at, at + 1)
        cosines = catalogue.cosines(new, new[one])
        same |= diversity.look_same(cosines, new_hashes, new_hashes[one], rules)[:, 0]
        same[at] = True
    # Where too few are new, the last picks keep their places.
    rest = picks[first : rules.list_length - len(explored)]
    return [*kept, *rest, *explored]


def _pool(
    kept: list[Pick], barred: candidates.Keys, fallback: Fallback, catalogue: Catalogue
) -> list[int]:
    """The newest items that she may see and that are not listed: `AMONG` at most."""
    numbers = fallback.new[:AMONG]
    if not len(numbers):
        return []
    free = catalogue.available(numbers) > candidates.is_barred(catalogue.keys(numbers), barred)
    listed = {pick.number for pick in kept}
    return [number for number in numbers[free].tolist() if number not in listed]
