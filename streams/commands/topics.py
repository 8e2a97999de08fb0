"""`lookstream topics create|check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from streams import topic_admin
from streams.settings import Settings, load_settings
from streams.topic_check import Difference, differences
from streams.wires import kafka_options

app = typer.Typer(
    help="Create the topics on LOOKSTREAM_KAFKA, or check that they are as they should be.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)


@app.command()
def create(
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Also set what differs in existing topics. Partitions are never changed."
        ),
    ] = False,
) -> None:
    """Create the topics that are missing. Doing it again changes nothing.

    Exit code 1 where a topic that existed is not as lookstream needs it.
    """
    settings = load_settings()
    topics = tuple(settings.topics())
    with topic_admin.connect(settings.kafka, kafka_options(settings)) as admin:
        created = topic_admin.create(
            admin,
            topics,
            partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            said=typer.echo,
        )
        existed = [topic for topic in topics if topic.name not in created]
        left = _differences(admin, settings) if existed else []
        fixed = topic_admin.fix(admin, left) if fix else []
        left = [difference for difference in left if difference not in fixed]
    for difference in fixed:
        typer.echo(f"{difference.topic}: set {'='.join(difference.config or ())}")
    _finish(left, len(topics))


@app.command()
def check() -> None:
    """Compare the topics with what lookstream needs: partitions, compaction, message sizes.

    Says what differs, why it matters and how to mend it. Exit code 1 where it must be mended;
    what may be a choice of yours is noted, and no error.
    """
    settings = load_settings()
    with topic_admin.connect(settings.kafka, kafka_options(settings)) as admin:
        left = _differences(admin, settings)
    _finish(left, len(tuple(settings.topics())))


def _differences(admin: topic_admin.Admin, settings: Settings) -> list[Difference]:
    topics = tuple(settings.topics())
    return differences(
        topics,
        topic_admin.look(admin, topics),
        partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        kafka=settings.kafka,
    )


def _finish(left: Sequence[Difference], topics: int) -> None:
    for difference in left:
        mark = "" if difference.vital else "note: "
        typer.echo(f"{mark}{difference.topic} {difference.what}")
        typer.echo(f"    {difference.remedy}")
    wrong = sum(difference.vital for difference in left)
    typer.echo(f"{topics} topics, {wrong} to mend" if wrong else f"{topics} topics, all well")
    if wrong:
        raise typer.Exit(1)
