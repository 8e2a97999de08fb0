"""Pages of docs/ that are made from code: printed, or written where they belong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def write_or_print(page: str, render: Callable[[], str]) -> None:
    """Write docs/`page` when the command line says --write, else print it."""
    match sys.argv[1:]:
        case []:
            sys.stdout.write(render())
        case ["--write"]:
            (DOCS / page).write_text(render(), encoding="utf-8")
        case _:
            sys.exit("usage: [--write]")
