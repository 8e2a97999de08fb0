"""`lookstream rebuild`: restore profiles from the log, after the store lost data."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.errors import StartRefused
from streams.settings import Settings, load_settings
from streams.workers.rebuild import Rebuild, Rebuilt, Stretch

_SAY_EVERY_S = 10.0

Hear = Callable[[int, int], None]


def rebuild(
    from_scratch: Annotated[
        bool,
        typer.Option(
            "--from-scratch",
            help="Delete every profile first, and read the log from its beginning.",
        ),
    ] = False,
    accept_losses: Annotated[
        bool,
        typer.Option(
            "--accept-losses", help="Go on although the log no longer has all that is missing."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is missing, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before deleting.")] = False,
) -> None:
    """Restore the profiles that the store lost, from the clicks in Kafka.

    Goes on from what the store holds: after a backup was restored, or a replica took over, only
    what is missing is applied. Workers may run meanwhile; those that found the store behind wait,
    and go on by themselves. Stopped half-way, it goes on where it was.

    A profile is then what one pass over the log makes of it, with the items as they are known now.
    """
    settings = load_settings()
    if from_scratch and not (yes or dry_run):
        typer.confirm(f"Delete every profile in {settings.redis_shown}?", abort=True)
    raise typer.Exit(
        asyncio.run(_rebuild(settings, from_scratch, accept_losses, dry_run)),
    )


async def _rebuild(
    settings: Settings, from_scratch: bool, accept_losses: bool, dry_run: bool
) -> int:
    with _progress() as (on_index, on_progress):
        job = Rebuild(settings, on_index=on_index, on_progress=on_progress)
        try:
            await job.open(as_if_empty=from_scratch)
            _check(settings.topics().clicks, job.stretches, accept_losses or dry_run)
            if dry_run:
                return 0
            if from_scratch:
                typer.echo(f"deleted {await job.forget():,} profiles")
            begun_s = time.monotonic()
            done = await job.run()
        finally:
            await job.close()
    _summary(done, time.monotonic() - begun_s)
    return 0


def _check(topic: str, stretches: list[Stretch], accept: bool) -> None:
    """Say what is missing; refuse where the log has lost some of it."""
    for each in stretches:
        holds = f"up to offset {each.mark}" if each.mark >= 0 else "nothing"
        lost = (
            f"; {each.lost:,} offsets before that are in the log no more" if each.lost > 0 else ""
        )
        typer.echo(
            f"{topic}-{each.partition}: the store holds {holds}, the log has {each.offsets:,} "
            f"offsets beyond{lost}"
        )
    if any(each.lost > 0 for each in stretches) and not accept:
        raise StartRefused(
            "The log no longer has all that is missing in the store: profiles would begin anew in "
            "the middle. Restore a newer backup of the store, or go on with --accept-losses."
        )


def _summary(done: Rebuilt, seconds: float) -> None:
    clicks = done.applied + done.duplicates + done.refused
    typer.echo(
        f"{done.applied:,} clicks applied, {done.duplicates:,} were known, {done.refused:,} are no "
        f"clicks; {seconds:.1f} s, {clicks / max(seconds, 1e-9):,.0f} a second"
    )


@contextmanager
def _progress() -> Iterator[tuple[Hear, Hear]]:
    """Bars on a terminal, a line now and then elsewhere: for the index, and for the clicks."""
    steps = ("reading the item index", "applying clicks")
    if not sys.stderr.isatty():
        yield _lines(steps[0]), _lines(steps[1])
        return
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )

    def hears(step: str) -> Hear:
        task = bars.add_task(step, visible=False)
        return lambda done, total: bars.update(task, completed=done, total=total, visible=True)

    with bars:
        yield hears(steps[0]), hears(steps[1])


def _lines(what: str, clock: Callable[[], float] = time.monotonic) -> Hear:
    said_s = -_SAY_EVERY_S

    def hear(done: int, total: int) -> None:
        nonlocal said_s
        if clock() - said_s >= _SAY_EVERY_S or done == total:
            said_s = clock()
            typer.echo(f"{what}: {done:,} of {total:,}", err=True)

    return hear
