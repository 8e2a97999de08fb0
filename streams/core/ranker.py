"""How good a candidate is for her, on its own: one score, whatever the list around it."""

from __future__ import annotations

import numpy as np

from streams.core.candidates import Candidates, active
from streams.core.catalogue import Catalogue
from streams.core.profile import Profile
from streams.core.rules import TasteRules

CONCENTRATION = 10.0
"""How fast likelihood falls with the angle: a tenth less in cosine makes it e times less likely.
From 5 to 10 it hardly matters."""


def score(
    candidates: Candidates, catalogue: Catalogue, profile: Profile, rules: TasteRules, now_s: float
) -> list[float]:
    """How likely each candidate is to be what she likes, if her interests are what she likes.

    A mixture of von Mises-Fisher densities (A. Banerjee et al., "Clustering on the unit hypersphere
    using von Mises-Fisher distributions", JMLR 2005): the sum over her interests of
    share exp(`CONCENTRATION` (cosine - 1)), over the share of the interest that found it, with
    which `diversity.share_places` multiplies again. So it is 1 in the direction of an only
    interest, and what lies between two is more likely than what lies as far from one alone.

    From each cosine is taken what repels: `repulsion` max over r of strength(r) max(0, cosine with
    r), the repelled directions r (Rocchio's feedback, with the negative part kept apart from the
    positive one). 0 where that leaves nothing of the cosine with the interest that found it.
    Cosines are those of the candidate's first view, but for that one, which is of its best.
    """
    if not candidates.numbers:
        return []
    chosen, strengths = active(profile, rules, now_s)
    vectors = catalogue.vectors(np.array(candidates.numbers, np.int32))
    cosines = vectors @ profile.interests.vectors[chosen].T
    found = np.array(candidates.similarities, np.float32)
    owners = np.array(candidates.interests, np.intp)
    cosines[np.arange(len(found)), owners] = found
    repelled = profile.repelled
    if len(repelled):
        faded = repelled.strengths(rules, now_s - profile.clock_s)
        taken = np.array([[rules.repulsion * strength] for strength in faded], np.float32)
        against = vectors @ (repelled.vectors() * taken).T
        repulsions = np.maximum.reduce(against, axis=1, initial=0.0)
        cosines -= repulsions[:, None]
        found = found - repulsions
    shares = np.array(strengths) / sum(strengths)
    densities = np.exp(CONCENTRATION * (cosines.astype(np.float64) - 1.0)) @ shares
    scores: list[float] = np.where(found > 0.0, densities / shares[owners], 0.0).tolist()
    return scores
