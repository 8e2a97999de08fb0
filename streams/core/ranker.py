"""How good a candidate is for her, on its own: one score, whatever the list around it."""

from __future__ import annotations

import numpy as np

from streams.core.candidates import Candidates
from streams.core.catalogue import Catalogue
from streams.core.profile import Profile
from streams.core.rules import TasteRules


def score(
    candidates: Candidates, catalogue: Catalogue, profile: Profile, rules: TasteRules, now_s: float
) -> list[float]:
    """Relevance of each candidate: its similarity to an interest, less what repels.

    similarity - `repulsion` max over r of strength(r) max(0, cosine with r), the repelled
    directions r (Rocchio's feedback, with the negative part kept apart from the positive one). The
    cosine is that of the candidate's first view.
    """
    repelled = profile.repelled
    if not len(repelled) or not candidates.numbers:
        return candidates.similarities
    strengths = repelled.strengths(rules, now_s - profile.clock_s)
    taken = np.array([[rules.repulsion * strength] for strength in strengths], np.float32)
    vectors = catalogue.vectors(np.array(candidates.numbers, np.int32))
    cosines = vectors @ (repelled.vectors() * taken).T
    repulsions = np.maximum.reduce(cosines, axis=1, initial=0.0).tolist()
    return [
        similarity - repulsion
        for similarity, repulsion in zip(candidates.similarities, repulsions, strict=True)
    ]
