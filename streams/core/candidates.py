"""What to search for, and which of the found items may be listed at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.core.catalogue import Catalogue, Numbers, Vectors
from streams.core.profile import Profile
from streams.core.rules import TasteRules


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


def barred_keys(profile: Profile) -> set[int]:
    """Keys of the items she has touched or doesn't want: not to be listed."""
    data = profile.seen.data + profile.hidden.data
    return set(np.frombuffer(data, "<u4").tolist())


def gather(
    found_numbers: Numbers,
    found_similarities: NDArray[np.float32],
    barred: set[int],
    room: list[int],
    catalogue: Catalogue,
) -> Candidates:
    """The union of what was found near each interest, without what may not be listed.

    found_numbers, found_similarities: int32 and float32 [q, k], each row by falling similarity; a
    number of -1 is none. `room` says how many at most to take for each interest.
    """
    pool = Candidates([], [], [])
    asked = found_numbers.ravel()
    if not asked.size:
        return pool
    if asked.min() < 0:
        if (most := asked.max()) < 0:
            return pool
        asked = np.where(asked < 0, most, asked)
    keys = catalogue.keys(asked)
    there = catalogue.available(asked)
    if not there.all():
        barred = barred.union(keys[~there].tolist())
    numbers, rows, similarities = pool.numbers, pool.interests, pool.similarities
    places: dict[int, int] = {}
    found: list[list[int]] = found_numbers.tolist()
    its_keys: list[list[int]] = keys.reshape(found_numbers.shape).tolist()  # type: ignore[assignment]
    nearness: list[list[float]] = found_similarities.tolist()
    for row, left in enumerate(room):
        for number, key, similarity in zip(found[row], its_keys[row], nearness[row], strict=True):
            if key in barred:
                continue
            if number in places:  # nearer to which of her interests?
                place = places[number]
                if similarity > similarities[place]:
                    rows[place], similarities[place] = row, similarity
                continue
            if number < 0:
                break
            if not left:
                pool.cut = True
                break
            left -= 1  # noqa: PLW2901
            places[number] = len(numbers)
            numbers.append(number)
            rows.append(row)
            similarities.append(similarity)
    return pool
