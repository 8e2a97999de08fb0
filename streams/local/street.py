"""The shoppers at work: each looks, clicks, and reads her list, at her own pace."""

from __future__ import annotations

import time
from collections.abc import Sequence

from streams.local.scene import Clicked, Visitor
from streams.local.shoppers import Shelf, Shopper
from streams.local.tally import Tally
from streams.local.traffic import Clicks, Task
from streams.recommendations import RecommendationList


class Street(Task):
    """Lets shoppers click through `clicks`; takes the lists that were read, and keeps the tally."""

    def __init__(
        self, shoppers: Sequence[Shopper], shelf: Shelf, clicks: Clicks, tally: Tally
    ) -> None:
        super().__init__("shoppers", self._walk)
        self.visitors = tuple(Visitor(shopper) for shopper in shoppers)
        self.first_click_at_s: float | None = None
        self.first_list_at_s: float | None = None
        self.out_at_first_list: int | None = None
        self._by_name = {visitor.shopper.user_id: visitor for visitor in self.visitors}
        self._shelf = shelf
        self._clicks = clicks
        self._tally = tally

    def read(self, got: RecommendationList, at_s: float) -> None:
        """A list was read from the topic at `at_s` (monotonic)."""
        visitor = self._by_name.get(got.user_id)
        if visitor is None:
            return  # the list for somebody unknown
        shopper = visitor.shopper
        hits = shopper.fit([item.item_id for item in got.items], self._shelf.themes)
        self._tally.list_read(got, at_s, (hits, self._shelf.share(shopper.tastes)))
        visitor.read(got)
        if self.first_list_at_s is None:
            self.out_at_first_list = len(self._shelf.out)
            self.first_list_at_s = at_s

    def _walk(self) -> None:
        now_s = time.monotonic()
        due = {visitor.shopper.user_id: now_s for visitor in self.visitors}
        while not self.halted:
            for name, visitor in self._by_name.items():
                now_s = time.monotonic()
                if due[name] <= now_s and not self.halted:
                    self._look(visitor, now_s)
                    due[name] = now_s + visitor.shopper.pause_s()
            self._clicks.check()
            self.pause(max(0.001, min(due.values()) - time.monotonic()))

    def _look(self, visitor: Visitor, now_s: float) -> None:
        newest = visitor.newest
        listed = [item.item_id for item in newest.items] if newest else []
        act = visitor.shopper.look(listed, self._shelf)
        if act is None:
            return
        chosen_from = newest.list_id if newest and act.item_id in listed else None
        if self.first_click_at_s is None:
            self.first_click_at_s = now_s
        self._clicks.send(visitor.shopper.user_id, act, chosen_from)
        visitor.clicks.appendleft(Clicked(act.item_id, act.kind, now_s))
