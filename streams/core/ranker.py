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
    taken = rules.repulsion * np.array(
        repelled.strengths(rules, now_s - profile.clock_s), np.float32
    )
    vectors = catalogue.vectors(np.array(candidates.numbers, np.int32))
    repulsions = (vectors @ (repelled.vectors() * taken[:, None]).T).max(axis=1).tolist()
    return [
        similarity - repulsion if repulsion > 0.0 else similarity
        for similarity, repulsion in zip(candidates.similarities, repulsions, strict=True)
    ]
