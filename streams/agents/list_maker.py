"""Lists for several users at once: one search for all their interests, then a list for each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from streams.agents.fallback import FallbackItems
from streams.agents.proving import Proving
from streams.agents.publishing import chance
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.core import candidates, lists
from streams.core.crowd import Crowd
from streams.core.picks import Pick
from streams.core.profile import Profile
from streams.core.rules import TasteRules
from streams.stores.item_index import ItemIndex
from streams.stores.remembered import RememberedSearches

# Users of one search: 80 queries at most, 12 ms among 100,000 items. Then the loop has its turn.
_USERS_AT_ONCE = 16


class Wanted(NamedTuple):
    """A list that is wanted: whose, and its id, which decides what is left to chance."""

    profile: Profile
    list_id: str
    now_s: float | None = None
    """For when, in event time; None: for right after her last click, when workers make it."""

    @property
    def moment_s(self) -> float:
        """That moment; never before her last click."""
        clock_s = self.profile.clock_s
        return clock_s if self.now_s is None else max(self.now_s, clock_s)


class ListMaker:
    """Makes lists of what is known now."""

    def __init__(
        self,
        *,
        index: ItemIndex,
        fallback: FallbackItems,
        rules: TasteRules,
        remembered_searches: int,
        stages: Stages,
        slices: Slices,
        crowd: Crowd | None = None,
        proving: Proving | None = None,
    ) -> None:
        self._proving = proving
        self._crowd = crowd
        self._index = index
        self._searches = RememberedSearches(index, remembered_searches)
        self._fallback = fallback
        self._rules = rules
        self._stages = stages
        self._slices = slices

    async def make(self, wanted: Sequence[Wanted]) -> list[list[Pick]]:
        """A list for each, in their order."""
        made: list[list[Pick]] = []
        fallback = self._fallback.current
        for start in range(0, len(wanted), _USERS_AT_ONCE):
            some = wanted[start : start + _USERS_AT_ONCE]
            with self._stages.time("search"):
                asked = [
                    candidates.queries(want.profile, self._index, self._rules, want.moment_s)
                    for want in some
                ]
                numbers, similarities = self._searches.search(
                    np.concatenate(asked), self._rules.candidates
                )
            await self._slices.breathe()
            ends = list(accumulate(map(len, asked)))
            with self._stages.time("rank"):
                for want, end, rows in zip(some, ends, map(len, asked), strict=True):
                    found = slice(end - rows, end)
                    if self._crowd is not None:
                        self._crowd.relist(self._index.take_relisted(), self._index)
                    picks = lists.make_list(
                        want.profile,
                        numbers[found],
                        similarities[found],
                        fallback,
                        catalogue=self._index,
                        rules=self._rules,
                        now_s=want.moment_s,
                        rng=chance(want.list_id) if self._rules.random else None,
                        crowd=self._crowd,
                    )
                    if self._proving is not None and self._proving.takes(want.list_id):
                        self._proving.prove(
                            picks,
                            want.list_id,
                            profile=want.profile,
                            catalogue=self._index,
                            fallback=fallback,
                            crowd=self._crowd,
                            now_s=want.moment_s,
                        )
                    made.append(picks)
                    await self._slices.breathe()
        return made
