"""Lists, items and scenes made by hand."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from streams.local.catalogue import Item
from streams.local.scene import Clicked, Scene, Visitor
from streams.local.shoppers import Shopper
from streams.local.summary import Summary
from streams.recommendations import ItemReason, ListedItem, RecommendationList, Trigger


def png(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def item(item_id: str, *, title: str | None = None, theme: str = "fruit", **more: Any) -> Item:
    more.setdefault("drawn", png())
    return Item(item_id, title or f"a {item_id}", "food", (theme,), theme, **more)


def listed(
    item_id: str, kind: str = "new", of: str | None = None, similarity: float | None = None
) -> ListedItem:
    return ListedItem(item_id, 1, 0.5, 1.0, ItemReason(kind, of, similarity), title=f"a {item_id}")


def a_list(
    *items: ListedItem, user: str = "ada", partition: int = 0, offset: int | None = 0
) -> RecommendationList:
    trigger = None
    if offset is not None:
        trigger = Trigger("clicks", partition, offset, "apple", "click", 0.0)
    list_id = f"clicks-{partition}-{offset}"
    return RecommendationList(list_id, user, 0.0, trigger, "model", "policy", items)


def visitor(name: str = "ada", tastes: tuple[str, ...] = ("fruit",)) -> Visitor:
    return Visitor(Shopper(name, tastes, tastes, np.random.default_rng(1)))


def scene(**changes: Any) -> Scene:
    she = visitor()
    she.clicks.appendleft(Clicked("apple", "like", 8.0))
    she.read(a_list(listed("pear", "looks-like", "apple", 0.82), listed("axe")))
    items = [item("apple"), item("pear"), item("axe", theme="tool")]
    given: dict[str, Any] = {
        "stage": "lists follow the clicks",
        "catalogue": "OpenMoji",
        "items": {made.item_id: made for made in items},
        "total": 10,
        "drawn": 10,
        "published": 8,
        "embedded": 6,
        "visitors": (she,),
        "shown": 0,
        "now_s": 10.0,
        "left_s": 42.0,
        "clicks_sent": 5,
        "clicks_applied": 4,
        "lists": 3,
        "dead_letters": 2,
        "click_to_list_s": (0.0074, 1.25),
        "fit": (0.5, 0.034),
    }
    return Scene(**(given | changes))


def summary(**changes: Any) -> Summary:
    given: dict[str, Any] = {
        "pictures_published": 1800,
        "pictures_embedded": 1799,
        "clicks_sent": 300,
        "clicks_applied": 299,
        "lists_published": 298,
        "dead_letters": 1,
        "click_to_list_p50_s": 0.0074,
        "click_to_list_p99_s": 0.25,
        "taste_hit_rate": 0.512,
        "taste_hit_rate_random": 0.034,
        "first_list_after_s": 0.02,
        "pictures_out_at_first_list": 340,
        "ran_s": 60.0,
        "model": "resnet50-thin:int8",
        "catalogue": "OpenMoji",
        "shoppers": 6,
        "seed": 1,
    }
    return Summary(**(given | changes))
