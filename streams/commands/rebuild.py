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
    new_log: Annotated[
        bool,
        typer.Option(
            "--new-log",
            help="The topic of clicks was made anew: keep the profiles, and go on with it.",
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
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask first.")] = False,
) -> None:
    """Restore the profiles that the store lost, from the clicks in Kafka.

    Goes on from what the store holds: after a backup was restored, or a replica took over, only
    what is missing is applied. Workers may run meanwhile; those that found the store behind wait,
    and go on by themselves. Stopped half-way, it goes on where it was.

    Where the topic of clicks was made anew, its offsets begin again, and the store says that it
    holds them already: --new-log keeps the profiles, and applies the new log on top.

    A profile is then what one pass over the log makes of it, with the items as they are known now.
    """
    if from_scratch and new_log:
        raise typer.BadParameter("--from-scratch and --new-log exclude each other.")
    settings = load_settings()
    if new_log and not (yes or dry_run):
        typer.confirm("Every click in the log will be applied. Is it really a new one?", abort=True)
    if from_scratch and not (yes or dry_run):
        typer.confirm(f"Delete every profile in {settings.redis_shown}?", abort=True)
    raise typer.Exit(
        asyncio.run(_rebuild(settings, from_scratch, new_log, accept_losses, dry_run)),
    )


async def _rebuild(
    settings: Settings, from_scratch: bool, new_log: bool, accept_losses: bool, dry_run: bool
) -> int:
    with _progress() as (on_index, on_progress):
        job = Rebuild(settings, on_index=on_index, on_progress=on_progress)
        try:
            await job.open(as_if_empty=from_scratch, new_log=new_log)
            topic = settings.topics().clicks
            _say(topic, job.stretches)
            if dry_run:
                return 0
            if new_log:
                _check_new(topic, job.stretches)
                typer.echo(f"kept {await job.take_as_new_log():,} profiles for the new log")
            else:
                _check(topic, job.stretches, accept_losses)
            if from_scratch:
                typer.echo(f"deleted {await job.forget():,} profiles")
            begun_s = time.monotonic()
            done = await job.run()
        finally:
            await job.close()
    _summary(done, time.monotonic() - begun_s)
    return 0


def _say(topic: str, stretches: list[Stretch]) -> None:
    """What is missing, by partition."""
    for each in stretches:
        holds = f"up to offset {each.mark}" if each.mark >= 0 else "nothing"
        more = ""
        if each.anew:
            more = f", and ends before offset {each.end}"
        elif each.lost:
            more = f"; {each.lost:,} offsets before that are in the log no more"
        typer.echo(
            f"{topic}-{each.partition}: the store holds {holds}, the log has {each.offsets:,} "
            f"offsets beyond{more}"
        )


def _check(topic: str, stretches: list[Stretch], accept: bool) -> None:
    """Refuse where the log is another one, or has lost some of what is missing."""
    if any(each.anew for each in stretches):
        raise StartRefused(
            f"The log ends before what the store holds of it. If {topic} was made anew, run "
            "`lookstream rebuild --new-log`: it keeps the profiles, and applies all of the new log "
            "on top. If the log lost its end (a broker that was behind became leader), run "
            "`lookstream rebuild --from-scratch`: it makes the profiles of this log alone."
        )
    if any(each.lost for each in stretches) and not accept:
        raise StartRefused(
            "The log no longer has all that is missing in the store: profiles would begin anew in "
            "the middle. Restore a newer backup of the store, or go on with --accept-losses."
        )


def _check_new(topic: str, stretches: list[Stretch]) -> None:
    """Refuse where the log may be the one that the store knows: clicks would count twice."""
    if any(each.mark >= 0 for each in stretches) and not any(each.anew for each in stretches):
        raise StartRefused(
            f"{topic} has all that the store holds of it, so it may be the same log, whose clicks "
            "would count twice. Run `lookstream rebuild`, or --from-scratch if it is another."
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
