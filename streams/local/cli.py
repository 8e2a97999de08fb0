"""The command `lookstream demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from kafka.errors import KafkaError
from rich.console import Console

from inference.errors import ModelError
from streams.errors import StartRefused
from streams.local.children import ChildFailed
from streams.local.demo import Options, Outcome, run_demo
from streams.local.foreground import own_foreground
from streams.settings import load_settings

_DEFAULT_MODEL = "resnet50-thin:int8"
_OPENMOJI_ITEMS = 1_800
_FOLDER_ITEMS = 5_000

_For = Annotated[
    float, typer.Option("--for", min=1, metavar="SECONDS", help="Counted from the first list.")
]
_Images = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Your own pictures; sub-folders are groups."),
]
_Kafka = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Your own Kafka, under a prefix removed at the end."),
]
_Redis = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Your own Redis, under a prefix removed at the end."),
]
_Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Leave a page with pictures.")]
_Summary = Annotated[Path | None, typer.Option(metavar="FILE", help="Leave the summary as JSON.")]
_Svg = Annotated[Path | None, typer.Option(hidden=True, help="Leave the view as a picture.")]
_Model = Annotated[
    str,
    typer.Option(metavar="NAME", envvar="LOOKSTREAM_MODEL", help="NAME or NAME:int8."),
]
_Items = Annotated[
    int | None,
    typer.Option(
        min=10,
        max=100_000,
        help=f"Pictures, at most. Default: {_OPENMOJI_ITEMS:,}, or {_FOLDER_ITEMS:,} of a folder.",
        show_default=False,
    ),
]
_Shoppers = Annotated[int, typer.Option(min=1, max=500, help="Simulated shoppers.")]
_Prove = Annotated[
    bool, typer.Option("--prove", help="Prove every reason of every list, and count them.")
]
_Seed = Annotated[int, typer.Option(min=0, help="Of the catalogue's order and the shoppers.")]


def demo(  # noqa: PLR0917 - each is an option, and has a name there
    for_s: _For = 60.0,
    images: _Images = None,
    kafka: _Kafka = None,
    redis: _Redis = None,
    html: _Html = None,
    summary: _Summary = None,
    svg: _Svg = None,
    model: _Model = _DEFAULT_MODEL,
    items: _Items = None,
    shoppers: _Shoppers = 6,
    seed: _Seed = 1,
    prove: _Prove = False,
) -> None:
    """Show the whole road on this machine: pictures and simulated clicks in, live lists out.

    Starts a broker and a store of its own unless told otherwise, ends by itself, and leaves
    nothing behind.
    """
    given = {
        "for_s": for_s,
        "images": images,
        "kafka": kafka,
        "redis": redis,
        "html": html,
        "summary": summary,
        "svg": svg,
        "model": model,
        "items": items or (_FOLDER_ITEMS if images else _OPENMOJI_ITEMS),
        "shoppers": shoppers,
        "seed": seed,
        "prove": prove,
    }
    sys.exit(_demo(given))


def _demo(given: dict[str, Any]) -> int:
    console = Console()
    try:
        with own_foreground():
            outcome = run_demo(Options(**given, models_dir=load_settings().models_dir), console)
    except (ChildFailed, StartRefused, ModelError, KafkaError, ValueError, OSError) as error:
        Console(stderr=True).print(
            f"The demo failed. {error}", markup=False, highlight=False, soft_wrap=True
        )
        return 1
    for line in _said(outcome):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return 0


def _said(outcome: Outcome) -> list[str]:
    if outcome.summary is None:
        return ["Stopped before the first list. Nothing is left behind.", *outcome.notes]
    return [*outcome.summary.lines(), *outcome.notes]
