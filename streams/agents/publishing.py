"""From picks to records on `recommendations`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np

from streams import recommendations
from streams.core import lists
from streams.core.picks import Fallback, Pick
from streams.core.rules import TasteRules
from streams.delivery import Batch
from streams.events import Click
from streams.recommendations import Headers, Trigger
from streams.records import Record
from streams.stores.item_index import ItemIndex

FALLBACK_POLICY = "greedy-1"
"""Nothing of the list for somebody unknown is left to chance."""


def policy_of(rules: TasteRules) -> str:
    """How places are given away; it travels with each list, so that lists can be compared later."""
    explores = "+explore" if rules.explored_places else ""
    if rules.temperature > 0.0:
        return f"softmax-1({rules.temperature:g}){explores}"
    return f"greedy-1{explores}"


def chance(list_id: str) -> np.random.Generator:
    """What a list draws from: the same whenever and wherever the list is made."""
    seed = int.from_bytes(blake2b(list_id.encode(), digest_size=16).digest())
    return np.random.Generator(np.random.PCG64(seed))


class ListWriter:
    """Writes lists of one model to one topic. `clock` gives seconds since the epoch."""

    def __init__(
        self, topic: str, index: ItemIndex, rules: TasteRules, clock: Callable[[], float]
    ) -> None:
        self._topic = topic
        self._index = index
        self._policy = policy_of(rules)
        self._clock = clock

    def send(self, batch: Batch, record: Record, click: Click, picks: Sequence[Pick]) -> None:
        """Publish `picks` as the list that follows from `click`."""
        facts = self._index.facts
        key, value, headers = recommendations.encode(
            user_id=click.user_id,
            trigger=Trigger(
                record.topic, record.partition, record.offset, click.item_id, click.kind, click.at_s
            ),
            made_at_s=self._clock(),
            model=self._index.model_id,
            policy=self._policy,
            picks=picks,
            facts=[facts(pick.number) for pick in picks],
        )
        batch.send(self._topic, key=key, value=value, headers=headers, source=record)


class AnybodysList:
    """The list for somebody nobody knows yet: written again only when a reader would notice."""

    def __init__(self, index: ItemIndex, rules: TasteRules, clock: Callable[[], float]) -> None:
        self._index = index
        self._rules = rules
        self._clock = clock
        self._published = ""

    def changed(self, fallback: Fallback) -> tuple[str, tuple[bytes, bytes, Headers]] | None:
        """Its id and record, if it differs from what was last `published`; None before any item."""
        picks = lists.make_fallback_list(fallback, self._index, self._rules)
        facts = [self._index.facts(pick.number) for pick in picks]
        model = self._index.model_id
        list_id = recommendations.fallback_list_id(model, FALLBACK_POLICY, picks, facts)
        if not picks or list_id == self._published:
            return None
        record = recommendations.encode_fallback(
            made_at_s=self._clock(), model=model, policy=FALLBACK_POLICY, picks=picks, facts=facts
        )
        return list_id, record

    def published(self, list_id: str) -> None:
        """The broker has it: say nothing until it changes again."""
        self._published = list_id
