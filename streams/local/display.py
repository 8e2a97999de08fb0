"""The demo in the terminal: one shopper's clicks and her list, live; plain lines elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich import box
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from streams.local.scene import DID, Clicked, Scene, Visitor, title_of, why
from streams.local.summary import duration, share, write_whole
from streams.text import printable

_ROWS = 20
_REASON_TITLE = 26  # characters of the other item's title, so that the similarity has room
_PLAIN_EVERY_S = 5.0
_FRAMES_A_SECOND = 8
_SVG_SIZE = (120, 32)


class Display:
    """Shows scenes. A context manager: the terminal is itself again afterwards."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._kept: Scene | None = None
        self._last_line_s = float("-inf")
        self._last_stage = ""

    def __enter__(self) -> Display:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                screen=False,
                vertical_overflow="crop",
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            if self._kept is not None:
                self._console.print(render(self._kept, self._console.height - 1))

    def keep(self, scene: Scene) -> None:
        """On a terminal, leave this moment standing at the end."""
        self._kept = scene

    @property
    def pause_s(self) -> float:
        """How long to wait before the next scene is worth showing."""
        return 1 / _FRAMES_A_SECOND if self._live is not None else 0.25

    def show(self, scene: Scene) -> None:
        """Show one moment; without a terminal a line of it, at a new stage and every 5 s."""
        if self._live is not None:
            self._live.update(render(scene, self._console.height), refresh=True)
        elif scene.stage != self._last_stage or scene.now_s - self._last_line_s >= _PLAIN_EVERY_S:
            self._last_line_s, self._last_stage = scene.now_s, scene.stage
            self._console.print(plain_line(scene), markup=False, highlight=False, soft_wrap=True)


def write_svg(path: Path, scene: Scene) -> None:
    """The view as an SVG that loads nothing: for a README. Raises OSError."""
    console = Console(
        record=True,
        width=_SVG_SIZE[0],
        height=_SVG_SIZE[1],
        force_terminal=True,
        color_system="truecolor",
        file=io.StringIO(),
    )
    console.print(render(scene, _SVG_SIZE[1]))
    own_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    drawn = console.export_svg(title="lookstream demo", code_format=own_fonts)
    write_whole(path, drawn.encode())


def plain_line(scene: Scene) -> str:
    """The scene in one line, for logs and pipes."""
    if scene.left_s is None:
        if scene.embedded:
            return f"{scene.stage}: {scene.embedded:,} of {scene.total:,} pictures embedded"
        if 0 < scene.drawn < scene.total:
            return f"{scene.stage}: {scene.drawn:,} of {scene.total:,}"
        return f"{scene.stage}: {scene.detail.strip()}" if scene.detail else scene.stage
    p50, p99 = scene.click_to_list_s
    hits, chance = scene.fit
    return (
        f"{scene.left_s:3.0f} s left: {scene.embedded:,} of {scene.total:,} pictures embedded, "
        f"{scene.clicks_applied:,} clicks, {scene.lists:,} lists, "
        f"{scene.dead_letters:,} dead letters, "
        f"click to list p50 {duration(p50)} p99 {duration(p99)}, "
        f"to her taste {share(hits)} (random {share(chance)})"
    )


def render(scene: Scene, height: int) -> RenderableType:
    """The whole view, at most `height` lines."""
    parts: list[RenderableType] = [_heading(scene), _bars(scene)]
    used = 6
    if scene.visitors:
        visitor = scene.visitors[scene.shown % len(scene.visitors)]
        rows = max(3, min(_ROWS, height - used - 7))
        parts.append(_shopper(scene, visitor, rows))
        parts.append(_counts(scene))
    return Group(*parts)


def _heading(scene: Scene) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    left = "" if scene.left_s is None else f"{scene.left_s:.0f} s left · Ctrl-C ends"
    line.add_row(
        Text.assemble(
            ("lookstream", "bold cyan"),
            f"  {scene.stage}",
            (f"  {printable(scene.detail, 80)}", "dim"),
        ),
        Text(left, style="dim"),
    )
    return line


def _bars(scene: Scene) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for name, done in _progress(scene):
        bar = ProgressBar(
            total=max(scene.total, 1), completed=done, complete_style="cyan",
            finished_style="green",
        )  # fmt: skip
        table.add_row(name, bar, f"{done:,} / {scene.total:,}")
    return table


def _progress(scene: Scene) -> list[tuple[str, int]]:
    bars = [("published", scene.published), ("embedded", scene.embedded)]
    return [("drawn", scene.drawn), *bars] if scene.drawn < scene.total else bars


def _shopper(scene: Scene, visitor: Visitor, rows: int) -> RenderableType:
    shopper = visitor.shopper
    who = shopper.user_id
    tastes = ", ".join(printable(taste, 40) for taste in shopper.tastes)
    grid = Table.grid(expand=True, padding=(0, 0))
    grid.add_column(ratio=2)
    grid.add_column(ratio=5)
    grid.add_row(
        Panel(
            _clicks(scene, visitor, rows),
            title=f"[bold]{who}'s clicks[/]",
            subtitle="[dim]newest first[/]",
            box=box.ROUNDED,
            border_style="cyan",
            height=rows + 2,
        ),
        Panel(
            _list(scene, visitor, rows),
            title=f"[bold]{who}'s list[/]",
            subtitle=Text.assemble(("● to her hidden taste: ", "dim"), (tastes, "green")),
            box=box.ROUNDED,
            border_style="cyan",
            height=rows + 2,
        ),
    )
    return grid


def _clicks(scene: Scene, visitor: Visitor, rows: int) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True, justify="right", style="dim")
    for click in list(visitor.clicks)[:rows]:
        table.add_row(*_click_row(scene, click))
    if not visitor.clicks:
        return Text("has not clicked yet", style="dim")
    return table


def _click_row(scene: Scene, click: Clicked) -> tuple[Text, Text, str]:
    style = {"like": "not dim magenta", "dislike": "not dim red", "hide": "not dim red"}.get(
        click.kind, ""
    )
    ago = max(0.0, scene.now_s - click.at_s)
    return (
        Text(DID.get(click.kind, click.kind), style=style),
        Text(printable(title_of(click.item_id, scene.items), 60)),
        "now" if ago < 1 else f"{ago:.0f} s",
    )


def _list(scene: Scene, visitor: Visitor, rows: int) -> RenderableType:
    if visitor.newest is None:
        return Text("no list yet: it comes with the first click", style="dim")
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=3)
    for rank, listed in enumerate(visitor.newest.items[:rows], start=1):
        item = scene.items.get(listed.item_id)
        fits = item is not None and visitor.shopper.likes(item.theme)
        table.add_row(
            str(rank),
            Text("●" if fits else "·", style="green" if fits else "dim"),
            Text(printable(listed.title or listed.item_id, 60), style="bold" if fits else ""),
            Text(printable(why(listed, scene.items, _REASON_TITLE), 90)),
        )
    return table


def _counts(scene: Scene) -> RenderableType:
    p50, p99 = scene.click_to_list_s
    hits, chance = scene.fit
    shown = [
        ("clicks applied", f"{scene.clicks_applied:,}"),
        ("lists", f"{scene.lists:,}"),
        ("dead letters", f"{scene.dead_letters:,}"),
        ("click to list", f"{duration(p50)} p50  {duration(p99)} p99"),
        ("to her taste", f"{share(hits)}, random {share(chance)}"),
    ]
    return Columns(
        [Text.assemble((f"{name} ", "dim"), (value, "bold")) for name, value in shown],
        padding=(0, 3),
    )
