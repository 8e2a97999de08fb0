"""The demo as one page: clicks on the left, the list they led to on the right, for each shopper.

Self-contained: pictures are inside, nothing is loaded, there is no script, and a content security
policy holds it to that. Everything that came from a catalogue is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path

from inference.errors import PictureError
from inference.pictures import PictureLimits, open_picture
from streams.local.catalogue import Item
from streams.local.scene import DID, Clicked, Scene, Visitor, title_of, why
from streams.local.summary import Summary, duration, share
from streams.recommendations import ListedItem

_THUMB_PIXELS = 144
_CLICKS_SHOWN = 20
_OPENMOJI = (
    "All emojis designed by OpenMoji – the open-source emoji and icon project. "
    "License: CC BY-SA 4.0."
)


def render_page(scene: Scene, summary: Summary) -> str:
    """The whole page as HTML."""
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    pictures = _Pictures(scene.items)
    names = [visitor.shopper.user_id for visitor in scene.visitors]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            "<title>lookstream demo: clicks and the lists they led to</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            "<header>",
            "<h1>Clicks, and the lists they led to</h1>",
            f'<p class="lead">{_lead(scene, summary)}</p>',
            _figures(summary),
            '<nav aria-label="Shoppers"><ul>',
            *(f'<li><a href="#{escape(n)}">{escape(n.capitalize())}</a></li>' for n in names),
            "</ul></nav>",
            "</header>",
            "<main>",
            *(_section(visitor, scene, pictures) for visitor in scene.visitors),
            "</main>",
            f"<footer><p>{_footer(scene, summary)}</p></footer>",
            "</body>",
            "</html>",
            "",
        ]
    )


class _Pictures:
    """Small pictures as data URIs, each made once."""

    def __init__(self, items: Mapping[str, Item]) -> None:
        self._items = items
        self._uris: dict[str, str | None] = {}

    def tag(self, item_id: str) -> str:
        """An <img>, or a box with an initial where there is no picture to show."""
        if item_id not in self._uris:
            self._uris[item_id] = self._uri(item_id)
        uri, title = self._uris[item_id], escape(title_of(item_id, self._items))
        if uri is None:
            initial = escape(title_of(item_id, self._items)[:1].upper())
            return f'<span class="picture none" role="img" aria-label="{title}">{initial}</span>'
        return f'<img class="picture" src="{uri}" alt="{title}" loading="lazy">'

    def _uri(self, item_id: str) -> str | None:
        item = self._items.get(item_id)
        if item is None:
            return None
        try:
            data = item.picture()
            image = open_picture(data, PictureLimits(), shortest_side=_THUMB_PIXELS)
        except (PictureError, OSError):
            return None
        image.thumbnail((_THUMB_PIXELS, _THUMB_PIXELS))
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=80)
        return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _lead(scene: Scene, summary: Summary) -> str:
    return escape(
        f"{summary.shoppers} simulated shoppers, {summary.pictures_embedded:,} pictures from "
        f"{scene.catalogue}, {summary.ran_s:.0f} seconds. Each shopper has tastes that the system "
        "is never told: it sees the pictures, and what she clicks."
    )


def _figures(summary: Summary) -> str:
    figures = [
        ("Pictures embedded", f"{summary.pictures_embedded:,}", ""),
        ("Clicks applied", f"{summary.clicks_applied:,}", ""),
        ("Lists published", f"{summary.lists_published:,}", ""),
        (
            "Click to list",
            duration(summary.click_to_list_p50_s),
            f"median; 99th percentile {duration(summary.click_to_list_p99_s)}",
        ),
        (
            "Of a list, to her taste",
            share(summary.taste_hit_rate),
            f"random items: {share(summary.taste_hit_rate_random)}",
        ),
        ("Dead letters", f"{summary.dead_letters:,}", ""),
    ]
    rows = [
        f"<div><dt>{name}</dt><dd>{escape(value)}"
        + (f"<small>{escape(more)}</small>" if more else "")
        + "</dd></div>"
        for name, value, more in figures
    ]
    return '<dl class="figures">' + "".join(rows) + "</dl>"


def _section(visitor: Visitor, scene: Scene, pictures: _Pictures) -> str:
    name = escape(visitor.shopper.user_id)
    tastes = " · ".join(f"<b>{escape(taste)}</b>" for taste in visitor.shopper.tastes)
    listed = visitor.newest.items if visitor.newest else ()
    rows = [
        _listed(rank, item, visitor, scene, pictures) for rank, item in enumerate(listed, start=1)
    ]
    clicks = [_clicked(click, scene, pictures) for click in list(visitor.clicks)[:_CLICKS_SHOWN]]
    return "\n".join(
        [
            f'<section id="{name}" aria-labelledby="{name}-name">',
            f'<h2 id="{name}-name">{name}</h2>',
            f'<p class="tastes">Her hidden tastes: {tastes}</p>',
            '<div class="sides">',
            "<div>",
            "<h3>Her clicks, newest first</h3>",
            f'<ol class="clicks">{"".join(clicks) or _empty("She has not clicked yet.")}</ol>',
            "</div>",
            "<div>",
            "<h3>Her list, and why each item is on it</h3>",
            f'<ol class="list">{"".join(rows) or _empty("She has no list yet.")}</ol>',
            "</div>",
            "</div>",
            "</section>",
        ]
    )


def _clicked(click: Clicked, scene: Scene, pictures: _Pictures) -> str:
    title = escape(title_of(click.item_id, scene.items))
    did = escape(DID.get(click.kind, click.kind))
    ago_s = max(0.0, scene.now_s - click.at_s)
    return (
        f'<li class="{escape(click.kind)}">{pictures.tag(click.item_id)}'
        f'<span class="what">{title}<span>{did}</span></span>'
        f'<time datetime="PT{ago_s:.0f}S">{ago_s:.0f} s ago</time></li>'
    )


def _listed(
    rank: int, listed: ListedItem, visitor: Visitor, scene: Scene, pictures: _Pictures
) -> str:
    item = scene.items.get(listed.item_id)
    fits = item is not None and visitor.shopper.likes(item.theme)
    mark = '<span class="mark">● to her taste</span>' if fits else ""
    return (
        f'<li class="{"fits" if fits else "other"}"><span class="rank">{rank}</span>'
        f"{pictures.tag(listed.item_id)}"
        f'<span class="title">{escape(listed.title or listed.item_id)}</span>'
        f'<span class="why">{escape(why(listed, scene.items))}</span>{mark}</li>'
    )


def _empty(sentence: str) -> str:
    return f'<li class="empty">{sentence}</li>'


def _footer(scene: Scene, summary: Summary) -> str:
    source = f" {_OPENMOJI}" if scene.catalogue == "OpenMoji" else ""
    return escape(f"Made by lookstream demo. Model {summary.model}, seed {summary.seed}.{source}")
