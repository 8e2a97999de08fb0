"""`lookstream config`: the settings in effect."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from streams.settings import defaults, load_settings, shown
from streams.text import printable


def config(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what is not default.")] = False,
) -> None:
    """Show the settings in effect, as environment variables, without secrets.

    docs/configuration.md says what each does and costs.
    """
    values = shown(load_settings())
    if changed:
        default = shown(defaults())
        values = {name: value for name, value in values.items() if value != default[name]}
    if as_json:
        typer.echo(orjson.dumps(values, option=orjson.OPT_INDENT_2).decode())
    else:
        for name, value in values.items():
            typer.echo(f"{name}={printable(value, 2_000)}")
