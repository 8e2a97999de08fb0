"""`lookstream doctor`: everything a worker needs, looked at one by one."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.text import Text

from streams.doctor import Finding, examine
from streams.errors import StartRefused
from streams.settings import load_settings

_STYLES = {"ok": "green", "note": "yellow", "problem": "red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON list of findings.")] = False,
) -> None:
    """Look at the settings, the model, the device, Kafka, the topics, the store and the disk.

    Says for each whether it is well, and what to do if not. Exit code 1 where there is a problem.
    """
    try:
        settings = load_settings()
    except StartRefused as refused:
        findings = [
            Finding("settings", "problem", sentence, "Correct the environment variable.")
            for sentence in str(refused).splitlines()
        ]
    else:
        findings = [Finding("settings", "ok", "all are known and allowed"), *examine(settings)]
    if as_json:
        rows = [finding.as_dict() for finding in findings]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(findings, Console())
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)


def _print(findings: list[Finding], console: Console) -> None:
    for finding in findings:
        console.print(
            Text(f"{finding.state:>7}  ", style=_STYLES[finding.state])
            + Text(f"{finding.subject}: ", style="bold")
            + Text(finding.detail),
            soft_wrap=True,
        )
        if finding.remedy:
            console.print(Text(f"         {finding.remedy}"), soft_wrap=True)
