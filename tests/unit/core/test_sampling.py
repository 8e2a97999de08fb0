"""Places given away by chance: the propensities are the frequencies, and the rules hold."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from streams.core.diversity import NO_PAIRS, Company, grouped, share_places
from streams.core.sampling import sample_places

SCORES = [0.9, 0.6, 0.5, 0.3, 0.0]
OWNERS = [0, 0, 1, 1, 1]
STRENGTHS = [3.0, 1.0]
ROUNDS = 20_000


def drawn(
    rng: np.random.Generator,
    company: Company | None = None,
    length: int = 3,
    temperature: float = 0.7,
) -> list[tuple[int, float, float]]:
    return sample_places(
        SCORES,
        OWNERS,
        STRENGTHS,
        company or Company(),
        length,
        temperature=temperature,
        rng=rng,
    )


@pytest.mark.parametrize(
    "company",
    [
        Company(),
        Company(np.array([[0, 1], [1, 0]], np.int32)),
        Company(NO_PAIRS, *grouped(("xxyyy", 1))),
        Company(taken=np.eye(5, dtype=np.float32)[::-1] * 2.0),
    ],
)
def test_propensities_are_the_frequencies_with_which_places_are_given(company: Company) -> None:
    """Of each place, given the places above it, and so of whole lists."""
    rng = np.random.default_rng(5)
    lists: Counter[tuple[int, ...]] = Counter()
    said: dict[tuple[int, ...], float] = {}
    for _ in range(ROUNDS):
        found = drawn(rng, company, length=2)
        places = tuple(at for at, _, _ in found)
        lists[places] += 1
        said[places] = float(np.prod([propensity for _, _, propensity in found]))
    assert sum(said.values()) == pytest.approx(1.0, abs=1e-9)
    for places, chance in said.items():
        # five standard deviations of a binomial share
        tolerance = 5.0 * np.sqrt(chance * (1.0 - chance) / ROUNDS)
        assert lists[places] / ROUNDS == pytest.approx(chance, abs=tolerance)


def test_the_same_chance_gives_the_same_list() -> None:
    assert drawn(np.random.default_rng(3)) == drawn(np.random.default_rng(3))


def test_nothing_is_drawn_twice_or_without_worth() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        places = [at for at, _, _ in drawn(rng, length=10)]
        assert sorted(places) == [0, 1, 2, 3]


def test_a_low_temperature_gives_what_the_best_order_would() -> None:
    best = [at for at, _ in share_places(SCORES, OWNERS, STRENGTHS, Company(), 4)]
    cold = drawn(np.random.default_rng(1), length=4, temperature=0.001)
    assert [at for at, _, _ in cold] == best
    assert all(propensity > 0.999 for _, _, propensity in cold)


def test_a_high_temperature_forgets_what_they_are_worth() -> None:
    rng = np.random.default_rng(2)
    first = Counter(drawn(rng, length=1, temperature=100.0)[0][0] for _ in range(4_000))
    assert max(first.values()) / min(first.values()) < 1.3


def test_near_duplicates_and_full_groups_are_not_drawn() -> None:
    rng = np.random.default_rng(4)
    company = Company(np.array([[0, 2], [2, 0]], np.int32), *grouped(("xxyzz", 1)))
    for _ in range(200):
        places = [at for at, _, _ in drawn(rng, company, 5)]
        assert not {0, 2} <= set(places)
        groups = ["xxyzz"[at] for at in places]
        assert len(groups) == len(set(groups))


def test_what_looks_like_a_listed_one_is_drawn_less_often() -> None:
    """Beside 0, 1 is worth e**-3 of what it would be."""
    taken = np.zeros((5, 5), np.float32)
    taken[0, 1] = taken[1, 0] = 3.0
    rng = np.random.default_rng(7)
    beside = {
        (company is None): sum(
            {0, 1} <= {at for at, _, _ in drawn(rng, company, length=2)} for _ in range(4_000)
        )
        for company in (None, Company(taken=taken))
    }
    assert 5 * beside[False] < beside[True]


def test_the_better_come_first_more_often() -> None:
    rng = np.random.default_rng(6)
    first = Counter(drawn(rng, length=1)[0][0] for _ in range(4_000))
    ranked = [first[at] for at in (0, 1, 2, 3)]
    assert all(better > worse for better, worse in pairwise(ranked))
