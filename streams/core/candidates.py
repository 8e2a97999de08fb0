"""What to search for, and which of the found items may be listed at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Catalogue, Numbers, Vectors
from streams.core.profile import KEY_DTYPE, Profile
from streams.core.rules import TasteRules

Keys = NDArray[np.uint32]


@dataclass(slots=True)
class Candidates:
    """Items that may be listed, each once, under the interest that it is nearest to.

    Parallel lists; a ranker's features would be more of them.
    """

    numbers: list[int]
    interests: list[int]
    """The position among the searched interests (`active`) that found each of them."""
    similarities: list[float]
    """The cosine of that interest with the item's best view."""
    cut: bool = False
    """Whether there are more than were asked for."""


def active(profile: Profile, rules: TasteRules, now_s: float) -> tuple[list[int], list[float]]:
    """The interests worth a search at `now_s`, and the strength of each.

    Too weak is what has no claim to a place in the list: a share below half a place.
    """
    strengths = profile.interests.strengths(rules, now_s - profile.clock_s)
    least = sum(strengths) / (2 * rules.list_length)
    if strengths and min(strengths) >= least > 0.0:
        return list(range(len(strengths))), strengths  # nearly always
    chosen = [at for at, strength in enumerate(strengths) if strength >= least > 0.0]
    return chosen, [strengths[at] for at in chosen]


def queries(profile: Profile, catalogue: Catalogue, rules: TasteRules, now_s: float) -> Vectors:
    """Vectors to search near: float32 [q, dim], unit rows, 0 <= q <= `interests`.

    None for a profile of another model than the catalogue's (a duplicate of before the change).
    """
    if profile.model_id != catalogue.model_id:
        return np.empty((0, catalogue.dim), np.float32)
    chosen, _ = active(profile, rules, now_s)
    if len(chosen) == len(profile.interests) > 0:
        return profile.interests.vectors.copy()  # it changes in place with her next click
    return profile.interests.vectors[chosen].reshape(len(chosen), catalogue.dim)


def barred_keys(profile: Profile) -> Keys:
    """Keys of the items she has touched or doesn't want, rising: not to be listed."""
    return np.sort(np.frombuffer(profile.seen.data + profile.hidden.data, KEY_DTYPE))


def is_barred(keys: Keys, barred: Keys) -> NDArray[np.bool_]:
    """Whether each of `keys` is among `barred`, which are rising: bool [n].

    A binary search in numpy takes half the time of making a set of 300 keys, and asks all at once.
    """
    if not barred.size:
        return np.zeros(keys.shape, np.bool_)
    nearest: Keys = barred.take(barred.searchsorted(keys), mode="clip")
    same: NDArray[np.bool_] = nearest == keys
    return same


def gather(
    found_numbers: Numbers,
    found_similarities: NDArray[np.float32],
    barred: Keys,
    room: list[int],
    catalogue: Catalogue,
) -> Candidates:
    """The union of what was found near each interest, without what may not be listed.

    found_numbers, found_similarities: int32 and float32 [q, k], each row by falling similarity; a
    number of -1 is none, and only others like it follow. `barred` are rising keys. `room` says how
    many at most to take for each interest.
    """
    asked = found_numbers.ravel()
    if not asked.size:
        return Candidates([], [], [])
    missing = None
    if min(found_numbers[:, -1].tolist()) < 0:
        missing = asked < 0
        if (most := asked.max()) < 0:
            return Candidates([], [], [])
        asked = np.where(missing, most, asked)  # the catalogue is asked of what it knows only
    free = catalogue.available(asked) > is_barred(catalogue.keys(asked), barred)  # and not
    if missing is not None:
        free &= ~missing
    places = free.nonzero()[0]
    width = found_numbers.shape[1]
    ends = places.searchsorted(np.arange(width, asked.size + 1, width)).tolist()
    taken, rows, cut, start = [], [], False, 0
    for row, (end, most) in enumerate(zip(ends, room, strict=True)):
        stop = min(end, start + most)
        taken.append(places[start:stop])
        rows += [row] * (stop - start)
        cut |= stop < end
        start = end
    chosen = np.concatenate(taken)
    numbers: list[int] = asked[chosen].tolist()
    pool = Candidates(numbers, rows, found_similarities.ravel()[chosen].tolist(), cut)
    return pool if len(set(numbers)) == len(numbers) else _each_once(pool)


def _each_once(pool: Candidates) -> Candidates:
    """Each item under the interest that it is nearest to; the first of equally near ones."""
    nearest: dict[int, tuple[int, float]] = {}
    for number, row, similarity in zip(
        pool.numbers, pool.interests, pool.similarities, strict=True
    ):
        if number not in nearest or similarity > nearest[number][1]:
            nearest[number] = row, similarity
    rows, similarities = zip(*nearest.values(), strict=True)
    return Candidates(list(nearest), list(rows), list(similarities), pool.cut)
