"""One click into a profile: the story of what she did, in the order of her events."""

from __future__ import annotations

import math

import numpy as np

from streams.core import splitting
from streams.core.catalogue import Catalogue, Vectors
from streams.core.interests import Interests, faded
from streams.core.learning.rules import LIKES
from streams.core.profile import ClickFact, Profile, item_key
from streams.core.recent import LATEST_S
from streams.core.repelled import Repelled
from streams.core.rules import NEGATIVE_KINDS, TasteRules


def apply(
    profile: Profile,
    click: ClickFact,
    source: str,
    offset: int,
    *,
    catalogue: Catalogue,
    rules: TasteRules,
) -> bool:
    """Apply `click`, the event at `offset` of `source` ("topic-partition"), to `profile`.

    False for a duplicate (an offset not above the last applied one of that source): then nothing
    has changed. A click on an item that isn't known is kept, and folded in at her next click after
    its vector has come. If the catalogue speaks of another model than the profile, the interests
    are made anew from her recent items. An event older than the profile's clock counts as if it
    had faded since; time doesn't go back.

    Raises ValueError, with the profile unchanged, for an unknown kind or an id that a profile can't
    hold (empty, with a line feed, not UTF-8).
    """
    if profile.applied(source, offset):
        return False
    item_id, kind = click.item_id, click.kind
    if not item_id or not source or "\n" in item_id or "\n" in source:
        raise ValueError("an item id or source is empty or contains a line feed")
    key = item_key(item_id)
    weight = rules.weight(kind, click.dwell_s)

    at_s = event_time_s(profile, click)
    _advance(profile, at_s, rules)
    if profile.model_id != catalogue.model_id:
        _start_anew(profile, catalogue.model_id)
    _fold_pending(profile, catalogue, rules)

    number = catalogue.number(item_id)
    if number is not None:
        fact = click if at_s == click.at_s else ClickFact(item_id, kind, at_s)
        _fold(profile, fact, weight, catalogue.views(number), rules)
    profile.recent.note(item_id, kind, weight, at_s, pending=number is None, rules=rules)
    if kind in NEGATIVE_KINDS:
        profile.hidden.add(key, rules.hidden)
        profile.likes.discard(key)
    else:
        profile.seen.add(key, rules.seen)
    if rules.is_like(kind, weight):
        profile.liked += key not in profile.likes
        profile.likes.add(key, LIKES)
    profile.events += 1
    if profile.events % splitting.EVERY == 0:
        _split(profile, catalogue, rules)
    profile.mark(source, offset)
    return True


def _split(profile: Profile, catalogue: Catalogue, rules: TasteRules) -> None:
    """Let an interest become two, if her recent items that are in an interest say so."""
    recent = profile.recent
    weights = {
        recent.ids[at]: recent.weight(at, rules)
        for at in range(len(recent))
        if recent.kind(at) not in NEGATIVE_KINDS
    }
    waiting = {recent.ids[at] for at in recent.pending()}
    known = [
        (item_id, number)
        for item_id, number in zip(weights, catalogue.numbers(list(weights)), strict=True)
        if number is not None and item_id not in waiting
    ]
    if known:
        item_ids = [item_id for item_id, _ in known]
        vectors = catalogue.vectors(np.array([number for _, number in known], np.int32))
        splitting.split(profile.interests, item_ids, [weights[i] for i in item_ids], vectors, rules)


def event_time_s(profile: Profile, click: ClickFact) -> float:
    """When the click counts as done: what is no time is now, and time has its ends."""
    at_s = click.at_s
    if 0.0 <= at_s <= LATEST_S:
        return at_s
    return profile.clock_s if math.isnan(at_s) else min(max(at_s, 0.0), float(LATEST_S))


def _advance(profile: Profile, at_s: float, rules: TasteRules) -> None:
    passed_s = at_s - profile.clock_s
    if passed_s > 0.0:
        profile.clock_s = at_s
    if profile.interests.items:
        profile.interests.fade(passed_s, rules)
    if profile.repelled.weights:
        profile.repelled.fade(passed_s, rules)


def _start_anew(profile: Profile, model_id: str) -> None:
    """Vectors of two models can't be compared: everything she did lately waits to be folded in."""
    profile.model_id = model_id
    profile.interests = Interests()
    profile.repelled = Repelled()
    for at in range(len(profile.recent)):
        profile.recent.set_pending(at, True)


def _fold_pending(profile: Profile, catalogue: Catalogue, rules: TasteRules) -> None:
    recent = profile.recent
    for at in recent.pending():
        number = catalogue.number(recent.ids[at])
        if number is None:
            continue
        recent.set_pending(at, False)
        fact = ClickFact(recent.ids[at], recent.kind(at), recent.times_s[at])
        _fold(profile, fact, recent.weight(at, rules), catalogue.views(number), rules)


def _fold(
    profile: Profile, fact: ClickFact, weight: float, views: Vectors, rules: TasteRules
) -> None:
    """Move the interests, or what repels her, by an event on an item with these views."""
    age_s = profile.clock_s - fact.at_s
    if fact.kind in NEGATIVE_KINDS:
        if fact.kind == "dislike":
            profile.interests.weaken(views, rules)
        profile.repelled.repel(views, weight * faded(age_s, rules.repel_half_life_s), rules)
        return
    short, long = weight, weight
    if age_s > 0.0:
        short *= faded(age_s, rules.short_half_life_s)
        long *= faded(age_s, rules.long_half_life_s)
    profile.interests.attract(views, short, long, fact.item_id, rules)
    if profile.repelled.weights:
        profile.repelled.forgive(views, rules)
