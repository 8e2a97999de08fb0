"""What a click teaches the crowd's learner: the click, and what she had done before it."""

from __future__ import annotations

import math

import numpy as np

from streams.core.apply import event_time_s
from streams.core.learning.interaction import Interaction
from streams.core.learning.rules import BARRED, FACTORS, LATELY, LIKES
from streams.core.learning.table import NO_KEYS, Keys
from streams.core.profile import ClickFact, Profile, item_key
from streams.core.rules import NEGATIVE_KINDS, TasteRules

_HALF = np.dtype("<f2")


def lately(profile: Profile) -> Keys:
    """Keys of what she did last and doesn't dislike, latest first: uint32 [<= LATELY]."""
    ids = profile.recent.positive()[: -LATELY - 1 : -1]
    return np.array([item_key(item_id) for item_id in ids], np.uint32)


def residual_of(profile: Profile) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Her residual: float32 [FACTORS], zero where nothing is known."""
    if len(profile.residual) != FACTORS * _HALF.itemsize:
        return np.zeros(FACTORS, np.float32)
    return np.frombuffer(profile.residual, _HALF).astype(np.float32)


def interaction_of(
    profile: Profile, click: ClickFact, partition: int, offset: int, rules: TasteRules
) -> Interaction | None:
    """What the learner is told of `click`, which is not applied to `profile` yet.

    None where it teaches nothing: a dislike, or an item that she has touched, and liked or not,
    before. An item that her profile has forgotten counts as new.
    """
    if click.kind in NEGATIVE_KINDS:
        return None
    key = item_key(click.item_id)
    weight = rules.weight(click.kind, click.dwell_s)
    first = key not in profile.seen and key not in profile.hidden
    liked = rules.is_like(click.kind, weight) and key not in profile.likes
    if not (first or liked):
        return None
    at_s = event_time_s(profile, click)
    return Interaction(
        partition=partition,
        offset=offset,
        item=key,
        at_s=at_s,
        liked=liked,
        first=first,
        since_s=max(at_s - profile.clock_s, 0.0) if profile.events else math.inf,
        liked_before=profile.liked,
        touched_before=len(profile.seen),
        lately=lately(profile),
        likes=profile.likes.latest(LIKES),
        barred=_barred(profile) if liked and first and len(profile.likes) else NO_KEYS,
        residual=residual_of(profile),
    )


def _barred(profile: Profile) -> Keys:
    """What may not be listed for her, each once: what she saw last, and what she hid last."""
    hidden = profile.hidden.latest(BARRED // 4)
    return np.unique(np.concatenate((profile.seen.latest(BARRED - len(hidden)), hidden)))
