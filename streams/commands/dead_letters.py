"""`lookstream dead-letters list|show|replay`: what was refused, why, and publishing it again."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from streams import letters, lists, replaying
from streams.commands import letters_shown
from streams.errors import StartRefused
from streams.letters import Letter, Wanted
from streams.records import Record
from streams.settings import Settings, load_settings
from streams.text import printable
from streams.topics import dead_letters_max_message_bytes
from streams.wires import kafka_options

app = typer.Typer(
    help="What was refused and why, and publishing it again.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

Reason = Annotated[str | None, typer.Option(help="Only of this reason, e.g. unknown-kind.")]
Topic = Annotated[str | None, typer.Option(help="Only refused from this topic (its full name).")]
Partition = Annotated[int | None, typer.Option(min=0, help="Only from this partition of it.")]
Offset = Annotated[int | None, typer.Option(min=0, help="Only the record at this offset there.")]
Agent = Annotated[str | None, typer.Option(help="Only refused by this agent.")]
Key = Annotated[str | None, typer.Option(help="Only with this key: an item or user id.")]
Since = Annotated[
    str | None, typer.Option(help="Only refused since then: RFC 3339, or 90s, 30m, 2h, 7d ago.")
]
Until = Annotated[str | None, typer.Option(help="Only refused before then.")]
Within = Annotated[
    float, typer.Option("--within", help="Seconds to look for it.", min=0.1, max=86_400)
]


@app.command("list")
def list_(
    *,
    reason: Reason = None,
    topic: Topic = None,
    partition: Partition = None,
    offset: Offset = None,
    agent: Agent = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    within_s: Within = 60.0,
) -> None:
    """List dead letters, the newest last. Exit code 1 where there is none."""
    settings = load_settings()
    wanted = _wanted(
        reason=reason,
        topic=topic,
        partition=partition,
        offset=offset,
        agent=agent,
        key=key,
        since=since,
        until=until,
    )
    others: Counter[int] = Counter()
    with _log(settings, within_s) as log:
        found = letters.newest(log, wanted, limit, _counting(others))
    if as_json:
        for letter in found:
            typer.echo(json.dumps(letters_shown.facts(letter)))
    elif found:
        letters_shown.print_table(found)
    _say_others(others)
    if not found:
        typer.echo("No such dead letter.", err=True)
        raise typer.Exit(1)


@app.command()
def show(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="PARTITION:OFFSET, as `list` says it, or TOPIC:PARTITION:OFFSET of the original.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write the value, as it came, to this new file.")
    ] = None,
    within_s: Within = 60.0,
) -> None:
    """Show one dead letter whole; pictures by their kind. Exit code 1 where there is none."""
    settings = load_settings()
    with _log(settings, within_s) as log:
        letter = _find(log, place)
    if letter is None:
        typer.echo(f"There is no dead letter {printable(place)}.", err=True)
        raise typer.Exit(1)
    for line in letters_shown.lines(letter):
        typer.echo(line)
    if out is not None:
        value = letter.what.value or b""
        try:
            with out.open("xb") as file:
                file.write(value)
        except OSError as error:
            raise StartRefused(f"{out} can't be written: {error.strerror}.") from error
        typer.echo(f"{len(value):,} bytes written to {out}")


@app.command()
def replay(
    *,
    reason: Reason = None,
    topic: Topic = None,
    partition: Partition = None,
    offset: Offset = None,
    agent: Agent = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="PARTITION:OFFSET", help="Only those after this letter: goes on after a stop."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All of them, without a filter.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also what would only be refused again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be published, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    rate: Annotated[float, typer.Option(min=0, help="Records a second; 0: no limit.")] = 200.0,
    within_s: Within = 3_600.0,
) -> None:
    """Publish refused records again, as they came: key, value, headers, timestamp.

    They go to the topics of this installation only. A replayed record is a new event: replayed
    twice it counts twice. What is refused again becomes a new dead letter. Exit code 1 where there
    is nothing to replay. Interrupted, it says how far it came.
    """
    settings = load_settings()
    wanted = _wanted(
        reason=reason,
        topic=topic,
        partition=partition,
        offset=offset,
        agent=agent,
        key=key,
        since=since,
        until=until,
    )
    if after is not None:
        wanted = replace(wanted, after=_place(after))
    if wanted == Wanted() and not everything:
        raise StartRefused("Name what to replay by a filter (--reason, --since, …), or say --all.")
    topics = settings.topics()
    ours = frozenset({topics.images, topics.clicks})
    plan = replaying.Plan()
    with _log(settings, within_s) as log:
        stops = letters.stops_of(log)
        others: Counter[int] = Counter()
        for letter in letters.every(log, wanted, stops, _counting(others)):
            plan.takes(letter, ours, force)
        _say_plan(plan)
        _say_others(others)
        if not plan.count:
            raise typer.Exit(1)
        if dry_run:
            return
        if not yes:
            typer.confirm(f"Publish {plan.count:,} records again?", abort=True)
        again = replaying.Plan()
        chosen = (
            letter
            for letter in letters.every(log, wanted, stops)
            if again.takes(letter, ours, force)
        )
        shown = track(
            chosen,
            "replaying",
            total=plan.count,
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        most = dead_letters_max_message_bytes(settings.picture_max_bytes)
        producer = replaying.new_producer(settings.kafka, kafka_options(settings), most)
        try:
            count = replaying.replay(shown, producer, rate_hz=rate)
        except replaying.ReplayStopped as stopped:
            _say_stopped(stopped, plan.count)
            raise typer.Exit(130) from None
        finally:
            producer.close(5)
    typer.echo(f"{count:,} records published again")


def _log(settings: Settings, within_s: float) -> AbstractContextManager[lists.KafkaLog]:
    topic = settings.topics().dead_letters
    return lists.open_log(settings.kafka, topic, kafka_options(settings), within_s=within_s)


def _wanted(
    *,
    reason: str | None,
    topic: str | None,
    partition: int | None,
    offset: int | None,
    agent: str | None,
    key: str | None,
    since: str | None,
    until: str | None,
) -> Wanted:
    try:
        return Wanted(
            reason=reason,
            topic=topic,
            partition=partition,
            offset=offset,
            agent=agent,
            key=None if key is None else key.encode(),
            since_ms=None if since is None else _moment_ms(since),
            until_ms=None if until is None else _moment_ms(until),
        )
    except UnicodeEncodeError:
        raise StartRefused("The key is not UTF-8, so no record has it.") from None


def _moment_ms(text: str) -> int:
    """A time, or how long ago."""
    if span := _SPAN.fullmatch(text.strip()):
        return int((time.time() - float(span[1]) * _SECONDS[span[2]]) * 1000)
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise StartRefused(
            f"{printable(text)!r} is no time: write 2026-11-27T10:30:00Z, or 90s, 30m, 2h, 7d ago."
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _find(log: lists.KafkaLog, place: str) -> Letter | None:
    parts = place.rsplit(":", 2)
    try:
        numbers = [int(part) for part in parts[-2:]]
    except ValueError:
        numbers = []
    if len(numbers) < 2 or min(numbers) < 0:
        raise StartRefused(
            "A place is PARTITION:OFFSET, or TOPIC:PARTITION:OFFSET of the original."
        )
    if len(parts) == 3:
        wanted = Wanted(topic=parts[0], partition=numbers[0], offset=numbers[1])
        found = letters.newest(log, wanted, 1)
        numbers = [found[0].partition, found[0].offset] if found else []
    return letters.at(log, *numbers) if numbers else None


def _place(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,10}):(\d{1,19})", text)
    if found is None:
        raise StartRefused(f"{printable(text)!r} is no place of a letter: write PARTITION:OFFSET.")
    return int(found[1]), int(found[2])


def _say_stopped(stopped: replaying.ReplayStopped, planned: int) -> None:
    said = f"Stopped: {stopped.count:,} of {planned:,} records were published again"
    if stopped.last is not None:
        place = stopped.last.place
        said += f", {place} the last of them. With --after {place} it goes on from there"
    typer.echo(f"{said}.", err=True)


def _say_plan(plan: replaying.Plan) -> None:
    for (topic, reason), count in sorted(plan.replayed.items()):
        typer.echo(f"{count:,} to {printable(topic, 300)}: {printable(reason)}")
    for reason, count in sorted(plan.hopeless.items()):
        typer.echo(f"{count:,} left out: {printable(reason)} would be refused again (--force)")
    if plan.foreign:
        typer.echo(f"{plan.foreign:,} left out: not from a topic of this installation")


def _counting(others: Counter[int]) -> letters.Unreadable:
    def count(record: Record) -> None:
        others[record.partition] += 1

    return count


def _say_others(others: Counter[int]) -> None:
    if others:
        typer.echo(f"{others.total():,} records there are no dead letters of lookstream", err=True)
