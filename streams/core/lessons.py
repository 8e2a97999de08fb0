"""What a click says to others than herself: what it adds to an item's popularity, and, to the
crowd's learner, the click and what she had done before it."""

from __future__ import annotations

import math
from typing import NamedTuple

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


class News(NamedTuple):
    """What a click says that her others have not said: that she touched an item, that she liked it.

    A click that says neither counts for nobody else: one account could count for many.
    """

    first: bool
    liked: bool


def news_of(profile: Profile, click: ClickFact, rules: TasteRules) -> News:
    """What is new of `click`, which is not applied to `profile` yet.

    Nothing of a dislike, nor of an item that she disliked or hid before: what she disliked is no
    longer among her likes, so each dislike would make the next like new. An item that her profile
    has forgotten counts as new.
    """
    key = item_key(click.item_id)
    if click.kind in NEGATIVE_KINDS or key in profile.hidden:
        return News(first=False, liked=False)
    likes = rules.is_like(click.kind, rules.weight(click.kind, click.dwell_s))
    return News(first=key not in profile.seen, liked=likes and key not in profile.likes)


def popular_by(profile: Profile, click: ClickFact, rules: TasteRules) -> float:
    """What `click`, not applied to `profile` yet, adds to its item's popularity, in clicks.

    0 where there is no news of it.
    """
    return rules.weight(click.kind, click.dwell_s) if any(news_of(profile, click, rules)) else 0.0


def interaction_of(
    profile: Profile, click: ClickFact, partition: int, offset: int, rules: TasteRules
) -> Interaction | None:
    """What the learner is told of `click`, which is not applied to `profile` yet.

    None where it teaches nothing: where there is no news of it.
    """
    first, liked = news_of(profile, click, rules)
    if not (first or liked):
        return None
    at_s = event_time_s(profile, click)
    return Interaction(
        partition=partition,
        offset=offset,
        item=item_key(click.item_id),
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
