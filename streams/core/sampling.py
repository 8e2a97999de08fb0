"""Places given away by chance, and the chance of each: what a log of lists can be learned from.

At each place a candidate is drawn with probability proportional to worth ** (1 / temperature); its
worth is what share_places would compare (diversity.py). That is a softmax over logarithms of worth.
Drawing place after place among those left is the Plackett-Luce model (R. Plackett, "The analysis of
permutations", 1975).

The propensity of a place is the probability with which it went to its item, given the places above
it. The product over the places is the probability of the whole list, which is what
inverse-propensity estimators need (A. Swaminathan, T. Joachims, ICML 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streams.core.diversity import Company, Seated


def sample_places(
    scores: Sequence[float],
    owners: Sequence[int],
    strengths: Sequence[float],
    company: Company,
    length: int,
    *,
    temperature: float,
    rng: np.random.Generator,
    held: Sequence[int] = (),
) -> list[tuple[int, float, float]]:
    """Up to `length` candidates as (position, worth at its turn, propensity), in drawn order.

    scores, owners and strengths as in share_places; temperature above 0. Candidates with a score
    of 0 or less are not listed. held: positions of those that get their places later, whatever is
    drawn, and count among their groups already.
    """
    total = sum(strengths) or 1.0
    owner = np.array(owners, np.intp)
    with np.errstate(divide="ignore"):
        logits = np.log(np.maximum(np.array(scores), 0.0)) + np.log(
            np.array(strengths)[owner] / total
        )
    logits[np.array(scores) <= 0.0] = -np.inf
    odds, off = np.ones(len(strengths)), np.zeros(len(logits))
    seated = Seated(company)
    left = np.isfinite(logits)
    for at in held:
        seated.hold(at)
        seated.close(left, at)
    chosen: list[tuple[int, float, float]] = []
    while len(chosen) < length and left.any():
        worth = logits - np.log(odds)[owner] - off
        drawn = np.where(left, worth / temperature, -np.inf)
        chances = np.exp(drawn - drawn.max())
        chances /= chances.sum()
        summed = np.cumsum(chances)
        at = int(summed.searchsorted(rng.random() * summed[-1], side="right"))
        chosen.append((at, float(np.exp(worth[at])), float(chances[at])))
        odds[owner[at]] += 2.0
        seated.seat(at)
        if company.taken is not None:
            off = np.maximum(off, company.taken[at])
        left[at] = False
        left[company.pairs[company.pairs[:, 0] == at, 1]] = False
        seated.close(left, at)
    return chosen
