"""`lookstream list USER`: one user's current list, for people or as JSON."""

from __future__ import annotations

import json
import time
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams import lists
from streams.errors import StartRefused
from streams.recommendations import ItemReason, ListedItem, RecommendationList, parse_list
from streams.settings import load_settings
from streams.text import printable
from streams.wires import kafka_options


def show(
    user: Annotated[
        str,
        typer.Argument(metavar="USER", help="A user id, or '*' for somebody nobody knows yet."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The record's value, as JSON.")] = False,
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere", help="Look into all partitions: after some were added. Slower."
        ),
    ] = False,
    within_s: Annotated[
        float, typer.Option("--within", help="Seconds to look for it.", min=0.1, max=3600)
    ] = 30.0,
) -> None:
    """Show the list that USER has now, with the reason for each item.

    Reads the recommendations topic backwards from its end. Exit code 1 where there is no list.
    """
    settings = load_settings()
    topic = settings.topics().recommendations
    try:
        user.encode()
    except UnicodeEncodeError:
        raise StartRefused("The user id is not UTF-8, so nobody has it.") from None
    with lists.open_log(settings.kafka, topic, kafka_options(settings), within_s=within_s) as log:
        found = lists.newest(log, user, everywhere=everywhere)
    if found is None or found.value is None:
        why = f"There is no list for {printable(user)!r} in {topic}"
        hint = "." if everywhere else "; if partitions were added, try --everywhere."
        typer.echo(why + (", it was deleted." if found else hint), err=True)
        raise typer.Exit(1)
    try:
        content = parse_list(found.value)
    except ValueError as error:
        raise StartRefused(
            f"What lies in {topic}, partition {found.partition}, offset {found.offset}, is no list "
            "that this version of lookstream can read."
        ) from error
    if as_json:
        typer.echo(json.dumps(orjson.loads(found.value), indent=2))  # escapes all but ASCII
    else:
        _print(content, Console(), time.time())


def _print(content: RecommendationList, console: Console, now_s: float) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", style="dim")
    for heading in ("item", "why", "group"):
        table.add_column(heading, overflow="fold")
    table.add_column("score", justify="right")
    for item in content.items:
        table.add_row(
            str(item.rank),
            Text(_name(item)),
            Text(_why(item.reason)),
            Text(printable(item.group or "", 200)),
            f"{item.score:.3f}",
        )
    for line in _heading(content, now_s):
        console.print(Text(line))
    if content.items:
        console.print(table)
    else:
        console.print("The list is empty: no item is known that she has not seen.")


def _heading(content: RecommendationList, now_s: float) -> list[str]:
    who = "somebody unknown" if content.user_id == "*" else printable(content.user_id, 300)
    made = f"made {max(0.0, now_s - content.made_at_s):,.0f} s ago"
    lines = [f"{len(content.items)} items for {who}, {made}, by {printable(content.model, 200)}"]
    if content.trigger is not None:
        trigger = content.trigger
        lines.append(f"after {printable(trigger.kind)} on {printable(trigger.item_id, 300)}")
    return lines


def _name(item: ListedItem) -> str:
    name = printable(item.item_id, 300)
    return f"{name} ({printable(item.title, 200)})" if item.title else name


def _why(reason: ItemReason) -> str:
    words = printable(reason.kind).replace("-", " ")
    if reason.item_id:
        words += f" {printable(reason.item_id, 300)}"
    if reason.similarity is not None:
        words += f" ({reason.similarity:.2f})"
    return words
