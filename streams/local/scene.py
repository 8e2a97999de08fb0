"""What there is to see at one moment of the demo: the same for the terminal and the page."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.local.catalogue import Item
from streams.local.shoppers import Shopper
from streams.recommendations import ListedItem, RecommendationList

_CLICKS_KEPT = 40

DID = {
    "view": "looked at",
    "click": "clicked",
    "like": "liked",
    "save": "saved",
    "purchase": "bought",
    "dwell": "stayed at",
    "dislike": "disliked",
    "hide": "hid",
}


@dataclass(frozen=True, slots=True)
class Clicked:
    """One thing a shopper did. `at_s` is monotonic."""

    item_id: str
    kind: str
    at_s: float


@dataclass(slots=True)
class Visitor:
    """A shopper, what she did lately (newest first), and her newest list."""

    shopper: Shopper
    clicks: deque[Clicked] = field(default_factory=lambda: deque(maxlen=_CLICKS_KEPT))
    newest: RecommendationList | None = None
    lists: int = 0

    def read(self, got: RecommendationList) -> None:
        """A list of hers was read. A later trigger's list stands, whatever comes after it."""
        self.lists += 1
        old, new = self.newest.trigger if self.newest else None, got.trigger
        if old and new and old.partition == new.partition and old.offset > new.offset:
            return
        self.newest = got


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One moment."""

    stage: str
    """What is going on, in words."""
    catalogue: str
    items: Mapping[str, Item]
    total: int
    drawn: int
    published: int
    embedded: int
    visitors: tuple[Visitor, ...]
    shown: int
    """Which of the visitors the terminal shows."""
    now_s: float
    detail: str = ""
    """What goes on within the stage."""
    left_s: float | None = None
    """Seconds until the end; None before the first list."""
    clicks_sent: int = 0
    clicks_applied: int = 0
    lists: int = 0
    dead_letters: int = 0
    click_to_list_s: tuple[float | None, float | None] = (None, None)
    fit: tuple[float | None, float | None] = (None, None)


def title_of(item_id: str, items: Mapping[str, Item]) -> str:
    """What people call an item."""
    item = items.get(item_id)
    return item.title if item else item_id


def why(listed: ListedItem, items: Mapping[str, Item], most: int = 1000) -> str:
    """An item's reason, in words; of the other item's title at most `most` characters."""
    reason = listed.reason
    other = title_of(reason.item_id, items) if reason.item_id else ""
    if len(other) > most:
        other = other[: most - 1].rstrip() + "…"
    match reason.kind:
        case "looks-like" if other:
            near = f", {hundredths(reason.similarity)}" if reason.similarity is not None else ""
            return f"looks like “{other}”{near}"
        case "people-also-clicked" if other:
            return f"who clicked “{other}” clicked this too"
        case "popular":
            return "popular now"
        case "new":
            return "new here"
        case "exploring":
            return "a guess, to learn from"
    return reason.kind.replace("-", " ")


def hundredths(similarity: float) -> str:
    """'.82', '1.00', '-.05'."""
    return f"{similarity:.2f}".replace("0.", ".", 1) if abs(similarity) < 0.995 else "1.00"
