"""The page: self-contained, escaped, readable without the pictures."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from html.parser import HTMLParser
from pathlib import Path

from streams.local.catalogue import Item
from streams.local.page import render_page
from tests.unit.local.making import item, scene, summary

EVIL = "<script>alert('1')</script>\" onload=\"x"


class Parsed(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_nothing_is_loaded_from_anywhere() -> None:
    page = render_page(scene(), summary())
    for _, attributes in Parsed(page).tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert "url(" not in page
    assert "@import" not in page
    assert not Parsed(page).all("script")


def test_the_policy_allows_pictures_inside_and_this_very_style() -> None:
    page = render_page(scene(), summary())
    policy = next(m["content"] or "" for m in Parsed(page).all("meta") if m.get("http-equiv"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    assert f"style-src 'sha256-{digest}'" in policy


def test_no_attribute_of_style_that_the_policy_would_refuse() -> None:
    assert all("style" not in attributes for _, attributes in Parsed(page_of()).tags)


def page_of() -> str:
    return render_page(scene(), summary())


def test_titles_tastes_and_names_cannot_become_markup() -> None:
    made = scene()
    made.visitors[0].shopper.tastes[:] = [EVIL]
    items = {i: item(i, title=EVIL) for i in made.items}
    page = render_page(scene(items=items, catalogue=EVIL, visitors=made.visitors), summary())
    assert "<script" not in page
    assert all("onload" not in attributes for _, attributes in Parsed(page).tags)
    assert html.escape(EVIL) in page


def test_every_picture_says_what_it_shows() -> None:
    images = Parsed(page_of()).all("img")
    assert {image["alt"] for image in images} == {"a apple", "a pear", "a axe"}


def test_an_item_without_a_readable_picture_keeps_its_place() -> None:
    broken = {i: item(i, drawn=b"not a picture") for i in ("apple", "pear")}
    gone = Item("axe", "a axe", "", (), "", file=Path("/nowhere/axe.png"))
    page = render_page(scene(items=broken | {"axe": gone}), summary())
    assert not Parsed(page).all("img")
    assert page.count('role="img"') == 3


def test_the_reason_of_each_item_is_given_in_words() -> None:
    assert "looks like “a apple”, .82" in page_of()


def test_whoever_made_the_pictures_is_named() -> None:
    assert "OpenMoji – the open-source emoji" in page_of()
    assert "CC BY-SA" not in render_page(scene(catalogue="holiday"), summary())


def test_a_shopper_without_clicks_or_list_is_shown_as_one() -> None:
    made = scene()
    made.visitors[0].clicks.clear()
    made.visitors[0].newest = None
    page = render_page(made, summary())
    assert "She has not clicked yet." in page
    assert "She has no list yet." in page
