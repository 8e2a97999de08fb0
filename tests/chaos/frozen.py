"""What a learner had published before it was frozen: then residuals follow from the clicks alone.

A residual depends on what had been learned when the click came, and that on when its recommender
read it. Where the signals stand still before the first click, it is a function of her events: so
profiles and lessons can be compared whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from streams.core.crowd import Crowd
from streams.core.learning.signals import decode_signals
from streams.core.learning.weights_codec import decode_weights
from streams.core.profile import item_key
from streams.records import RawRecord
from streams.settings import Settings
from streams.topics import Topics
from tests.chaos import oracle
from tests.chaos.load import BASE, GHOSTS, Sent
from tests.unit.core.learning.clicks import NOW_S, Clicker

_USERS = 150
_EACH = 12
# The rest is clicked, and nothing is known of it: that too must not depend on who looks.
_LEARNED = [f"base-{n}" for n in range(BASE - 6)] + [f"ghost-{n}" for n in range(GHOSTS - 2)]
_WEIGHTS = b"weights"

Published = Mapping[bytes, bytes]
"""The newest values of both topics of the learner, by key."""


def published(settings: Settings) -> Published:
    """What it had learned: enough for lists to be ranked by it."""
    return oracle.learn(_interactions(), settings)


def records_of(known: Published, topics: Topics) -> Iterator[Sent]:
    """The same as records."""
    for key, value in known.items():
        yield Sent(topics.ranker if key == _WEIGHTS else topics.item_signals, key, value)


def crowd_of(known: Published, settings: Settings) -> Crowd:
    """The same as a recommender has it."""
    crowd = Crowd(settings.learning_rules())
    for key, value in known.items():
        if key == _WEIGHTS:
            crowd.table.weights = decode_weights(value)
        else:
            crowd.table.put(decode_signals(value))
    return crowd


def _interactions() -> Iterator[RawRecord]:
    """Two tastes: half the users like even items, half of them odd ones."""
    rng = np.random.default_rng(1)
    users = [Clicker() for _ in range(_USERS)]
    for offset in range(_USERS * _EACH):
        number = offset % _USERS
        item = _LEARNED[2 * int(rng.integers(len(_LEARNED) // 2)) + number % 2]
        at_s = NOW_S + offset / 10
        told = users[number].clicks(item_key(item), offset, at_s=at_s)
        if told.first or told.liked:
            yield RawRecord("learned", 0, offset, int(1000 * at_s), b"", told.encode())
