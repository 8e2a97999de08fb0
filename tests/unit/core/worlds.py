"""A made-up catalogue: clusters of unit vectors, each a taste, in a seeded order. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.core.apply import apply
from streams.core.candidates import queries
from streams.core.catalogue import Numbers, Vectors
from streams.core.crowd import Crowd
from streams.core.lists import make_list
from streams.core.picks import Fallback, Pick, ReasonKind
from streams.core.profile import ClickFact, Profile, item_key
from streams.core.rules import TasteRules

NOW_S = 1_780_000_000.0
RULES = TasteRules()


class World:
    """A Catalogue of `tastes` x `per_taste` items named "taste/place", searched by brute force.

    Names shorter than `id_bytes` are filled up with "-".

    Items of one taste have a cosine of about `closeness`, others of about 0.
    """

    def __init__(
        self,
        seed: int = 7,
        *,
        tastes: int = 6,
        per_taste: int = 40,
        dim: int = 64,
        views: int = 1,
        closeness: float = 0.7,
        model_id: str = "model-1",
        id_bytes: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.model_id, self.dim = model_id, dim
        n = tastes * per_taste
        centres = _unit(rng.normal(size=(tastes, 1, 1, dim)))
        own = _unit(rng.normal(size=(tastes, per_taste, views, dim)))
        mixed = _unit(np.sqrt(closeness) * centres + np.sqrt(1.0 - closeness) * own)
        self._views: Vectors = mixed.reshape(n, views, dim).astype(np.float32)
        self._first = np.ascontiguousarray(self._views[:, 0])
        self.ids = [
            f"{taste}/{place}".ljust(id_bytes, "-")
            for taste in range(tastes)
            for place in range(per_taste)
        ]
        self._numbers = {item_id: number for number, item_id in enumerate(self.ids)}
        self._keys = np.array([item_key(item_id) for item_id in self.ids], np.uint32)
        self.there: NDArray[np.bool_] = np.ones(n, np.bool_)
        self.hashes: NDArray[np.uint64] = rng.integers(1, 2**63, n, dtype=np.uint64)
        self.unknown: set[str] = set()
        self.groups: dict[int, str] = {}

    def number(self, item_id: str) -> int | None:
        return None if item_id in self.unknown else self._numbers.get(item_id)

    def numbers(self, item_ids: Sequence[str]) -> list[int | None]:
        return [self.number(item_id) for item_id in item_ids]

    def item_id(self, number: int) -> str:
        return self.ids[number]

    def views(self, number: int) -> Vectors:
        return self._views[number]

    def vectors(self, numbers: Numbers) -> Vectors:
        first: Vectors = self._first.take(numbers, axis=0)  # half the time of [numbers]
        return first

    def cosines(self, numbers: Numbers, others: Numbers) -> Vectors:
        products: Vectors = self.vectors(numbers) @ self.vectors(others).T
        return products

    def keys(self, numbers: Numbers) -> NDArray[np.uint32]:
        return self._keys.take(numbers)

    def available(self, numbers: Numbers) -> NDArray[np.bool_]:
        return self.there.take(numbers)

    def group(self, number: int) -> str | None:
        return self.groups.get(number)

    def picture_hashes(self, numbers: Numbers) -> NDArray[np.uint64]:
        return self.hashes.take(numbers)

    def copy_picture(self, original: str, copy: str) -> None:
        """Give item `copy` the vectors of item `original`."""
        self._views[self._numbers[copy]] = self._views[self._numbers[original]]
        self._first[self._numbers[copy]] = self._first[self._numbers[original]]

    def search(self, wanted: Vectors, k: int) -> tuple[Numbers, NDArray[np.float32]]:
        """What an item index does: int32 and float32 [q, k], best view each, -1 pads."""
        numbers = np.full((len(wanted), k), -1, np.int32)
        cosines = np.zeros((len(wanted), k), np.float32)
        known = [n for n, item_id in enumerate(self.ids) if item_id not in self.unknown]
        if not known:
            return numbers, cosines
        best = np.einsum("nvd,qd->qnv", self._views[known], wanted).max(axis=2)
        for row, scores in enumerate(best):
            order = np.argsort(-scores, kind="stable")[:k]
            numbers[row, : len(order)] = np.array(known, np.int32)[order]
            cosines[row, : len(order)] = scores[order]
        return numbers, cosines

    def fallback(self, popular: int = 60) -> Fallback:
        """The last items of all tastes in turn, half of them popular, the other half new."""
        numbers = np.random.default_rng(3).permutation(len(self.ids))[: 2 * popular]
        kinds: list[ReasonKind] = ["popular"] * popular
        return Fallback(numbers.astype(np.int32), kinds + ["new"] * (len(numbers) - popular))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def clicks_on(item_ids: list[str], kind: str = "like", at_s: float = NOW_S) -> list[ClickFact]:
    """One click a minute, from `at_s`."""
    return [ClickFact(item_id, kind, at_s + 60.0 * i) for i, item_id in enumerate(item_ids)]


def visit(
    world: World,
    clicks: list[ClickFact],
    profile: Profile | None = None,
    rules: TasteRules = RULES,
) -> Profile:
    """`profile`, or a new one, after `clicks`, the next events of its one partition."""
    profile = profile or Profile()
    first = profile.marks.get("clicks-0", -1) + 1
    for offset, click in enumerate(clicks, first):
        assert apply(profile, click, "clicks-0", offset, catalogue=world, rules=rules)
    return profile


def list_for(
    world: World,
    profile: Profile,
    rules: TasteRules = RULES,
    *,
    now_s: float | None = None,
    fallback: Fallback | None = None,
    rng: np.random.Generator | None = None,
    crowd: Crowd | None = None,
) -> list[Pick]:
    """Her list, by way of a search: what a recommender does."""
    now_s = profile.clock_s if now_s is None else now_s
    numbers, cosines = world.search(queries(profile, world, rules, now_s), rules.candidates)
    return make_list(
        profile,
        numbers,
        cosines,
        world.fallback() if fallback is None else fallback,
        catalogue=world,
        rules=rules,
        now_s=now_s,
        rng=rng,
        crowd=crowd,
    )


def tastes_of(picks: list[Pick]) -> list[int]:
    """The taste of each listed item."""
    return [int(pick.item_id.split("/")[0]) for pick in picks]
