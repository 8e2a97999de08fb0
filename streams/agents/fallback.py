"""What is listed where taste says nothing, kept fresh in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import numpy as np

from streams.core.picks import Fallback, ReasonKind
from streams.stores.item_index import ItemIndex
from streams.stores.profiles import ProfileStore

_NOTHING = Fallback(np.empty(0, np.int32), ())


class FallbackItems:
    """Decayed popularity, best first, then the newest items: at most `most` of each.

    `refresh` asks the store; `current` costs nothing, so that no list waits for it.

    check  raises where the store must not be believed.
    """

    def __init__(
        self,
        store: ProfileStore,
        index: ItemIndex,
        check: Callable[[], Awaitable[None]],
        most: int = 200,
    ) -> None:
        self._store = store
        self._index = index
        self._check = check
        self._most = most
        self._current = _NOTHING

    @property
    def current(self) -> Fallback:
        """As of the last `refresh`. What was withdrawn since is left out when a list is made."""
        return self._current

    async def refresh(self) -> None:
        """Read what is popular and what is new. Raises DependencyDown, and what `check` does."""
        popular = await self._store.popular(self._most)
        # Afterwards: what a store said before it lost its data is still true.
        await self._check()
        self._current = self._made(item_id for item_id, _ in popular)

    def _made(self, popular: Iterable[str]) -> Fallback:
        kinds: dict[int, ReasonKind] = {}
        for item_id in popular:
            number = self._index.number(item_id)
            if number is not None:
                kinds[number] = "popular"
        for number in self._index.newest(self._most).tolist():
            kinds.setdefault(number, "new")
        return Fallback(np.fromiter(kinds, np.int32, len(kinds)), tuple(kinds.values()))
