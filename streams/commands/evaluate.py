"""`lookstream evaluate`: how good the lists would have been, on somebody's own log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

from streams.core.crowd import LEAST_LIKES
from streams.errors import StartRefused
from streams.evaluation import files, loading, report
from streams.evaluation.baselines import baselines
from streams.evaluation.findings import Findings, of_replay
from streams.evaluation.learned import Learned
from streams.evaluation.log import Log, make_log
from streams.evaluation.method import Method
from streams.evaluation.product import ALL_SCORED, Lookstream
from streams.evaluation.replay import WARM_UP, replay
from streams.evaluation.split import make_split, run_split
from streams.evaluation.vectors import ItemPictures, Pictures
from streams.evaluation.warm import warm_up
from streams.settings import Settings, load_settings
from streams.text import printable

Hear = Callable[[int, int], None]
Bar = Callable[[str], Hear]


def evaluate(
    *,
    clicks: Annotated[
        Path | None,
        typer.Option(help="CSV or JSONL: user_id, item_id, and optionally kind, at, dwell_s."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="A folder of pictures, each named by its item's id.")
    ] = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(help="An .npz with `ids` and `emb`, in place of pictures; `emb` is centred."),
    ] = None,
    items: Annotated[
        Path | None, typer.Option(help="CSV or JSONL: item_id, since (when it may be listed).")
    ] = None,
    split: Annotated[
        Path | None,
        typer.Option(help="In place of clicks: CSV of user, item, part (train or test)."),
    ] = None,
    warm_up: Annotated[
        float | None,
        typer.Option(
            help="Share of the log that is only learned.",
            min=0.0,
            max=1.0,
            show_default=str(WARM_UP),
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(help="Rank before every so manieth event only.", min=1, show_default="1"),
    ] = None,
    score_all: Annotated[
        bool, typer.Option("--score-all", help="Also without candidate retrieval, as a row.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of everything that is left to chance.", min=0)] = 1,
    json_out: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Write all figures here.")
    ] = None,
    plot_out: Annotated[
        Path | None, typer.Option("--plot", metavar="OUT.png", help="Draw the curves over time.")
    ] = None,
) -> None:
    """Replay a log through lookstream and plain baselines, and say how good their lists were.

    Before each positive event on an item new to her, every method ranks all items she has not
    touched, and the rank of the one that came is noted; then it learns. What each number means is
    in docs/evaluation.md. Needs neither Kafka nor Redis; settings count as they do for workers.
    """
    if (clicks is None) == (split is None):
        raise typer.BadParameter("Give one of --clicks and --split.")
    if pictures is not None and embeddings is not None:
        raise typer.BadParameter("Give one of --pictures and --embeddings, or neither.")
    if split is not None:
        _refuse_for_a_split({"--items": items, "--warm-up": warm_up, "--every": every})
    draw = _drawing(plot_out)
    _check_out(json_out)
    settings = load_settings()
    threadpool_limits(1)  # as in a worker; and sums don't depend on the machine's cores
    with _progress() as bar:
        looks = _looks(pictures, embeddings, settings, bar)
        if clicks is not None:
            rows, since_s = files.read_clicks(clicks), files.read_since(items) if items else {}
            more_items = looks.ids if looks else ()
            log = make_log(rows, settings.taste_rules(), since_s=since_s, more_items=more_items)
        elif split is not None:
            log, wanted = make_split(*files.read_split(split), settings.taste_rules(), seed)
        by_item = _by_item(looks, log)
        _compile(settings, bar("compiling"))
        ours = Lookstream(log, by_item, settings)
        methods = [ours, *_others(log, by_item, settings, seed, score_all)]
        if split is None:
            share, step = WARM_UP if warm_up is None else warm_up, every or 1
            how = {"warm_up": share, "every": step}
            done = replay(log, methods, warm_up=share, every=step, seed=seed, hear=bar("replaying"))
            findings = of_replay(done, by_item)
        else:
            how = {}
            findings = run_split(log, wanted, methods, seed=seed, hear=bar("learning and ranking"))
        if not len(findings.users):
            raise StartRefused(
                "There is nothing to rank: after the warm-up no positive event is on an item that "
                "is new to its user."
            )
    protocol = {
        "log": "clicks" if split is None else "split",
        "users": len(log.user_ids),
        "items": len(log.item_ids),
        "learned": len(log),
        **how,
        "seed": seed,
        "pictures": None if looks is None else looks.model_id,
        "pictured": None if by_item is None else _pictured(log, by_item)[0],
        "likes_learned": ours.likes,
    }
    findings = replace(findings, protocol=protocol)
    made = report.results(findings, seed)
    _say(made, findings)
    if json_out is not None:
        document = orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n"
        _write(json_out, lambda: json_out.write_bytes(document))
    if plot_out is not None:
        _write(plot_out, lambda: draw(findings, plot_out))


def _looks(
    pictures: Path | None, embeddings: Path | None, settings: Settings, bar: Bar
) -> Pictures | None:
    if embeddings is not None:
        return loading.read_embeddings(embeddings)
    if pictures is None:
        return None
    found, left_out = loading.embed_folder(pictures, settings, bar("looking at pictures"))
    for each in left_out:
        typer.echo(f"left out {each}", err=True)
    return found


def _compile(settings: Settings, hear: Hear) -> None:
    """Before the methods' seconds are counted."""
    hear(0, 1)
    warm_up(settings)
    hear(1, 1)


def _by_item(looks: Pictures | None, log: Log) -> ItemPictures | None:
    """The pictures by the log's items. Says how many have one; refuses them if none does."""
    if looks is None:
        return None
    found = looks.by_item(log)
    pictured, of = _pictured(log, found)
    if not pictured:
        one, other = log.item_ids[int(log.items[0])], looks.ids[0]
        raise StartRefused(
            f"None of the log's {of:,} items has a picture: it names '{printable(one)}', they name "
            f"'{printable(other)}'. Both must use the same ids."
        )
    without = "" if pictured == of else "; those without one are not listed by lookstream"
    typer.echo(f"{pictured:,} of the log's {of:,} items have a picture{without}", err=True)
    return found


def _pictured(log: Log, pictures: ItemPictures) -> tuple[int, int]:
    """How many items that were clicked, or said to be there, have a picture; and of how many."""
    there = log.since_s < np.inf
    there[log.items] = True
    return int(np.count_nonzero(pictures.has & there)), int(np.count_nonzero(there))


def _others(
    log: Log, pictures: ItemPictures | None, settings: Settings, seed: int, score_all: bool
) -> list[Method]:
    """All methods but lookstream's own row."""
    methods: list[Method] = [Learned(log, seed=seed)]
    if score_all:
        methods.insert(0, Lookstream(log, pictures, settings, name=ALL_SCORED, score_all=True))
    plain, left_out = baselines(log, pictures, seed, settings.taste_rules())
    for sentence in left_out:
        typer.echo(sentence, err=True)
    return [*methods, *plain]


def _say(made: dict[str, Any], findings: Findings) -> None:
    protocol, console = made["protocol"], Console()
    ranked = "ranked events" if protocol["log"] == "clicks" else "ranked users"
    typer.echo(
        f"{protocol['users']:,} users, {protocol['items']:,} items, {protocol['learned']:,} events "
        f"learned, {made['events']:,} {ranked}"
    )
    likes = protocol["likes_learned"]
    if likes is not None and likes < LEAST_LIKES:
        typer.echo(
            f"lookstream ranked by {'popularity' if protocol['pictures'] is None else 'pictures'} "
            f"alone: others' clicks rank its lists from {LEAST_LIKES:,.0f} likes on, and "
            f"{likes:,.0f} were learned (a like counts less until its user is trusted)"
        )
    for table in report.tables(made, findings.measures):
        console.print()
        console.print(table)


def _refuse_for_a_split(options: Mapping[str, object]) -> None:
    for name, given in options.items():
        if given is not None:
            raise typer.BadParameter(f"{name} counts with --clicks only, not with --split.")


def _drawing(out: Path | None) -> Callable[[Findings, Path], None]:
    """What draws: asked for before the work, so that what is missing is said before it."""
    if out is None:
        return lambda findings, path: None
    from streams.evaluation.plot import ENDINGS, plot  # noqa: PLC0415 - a second to import

    _check_out(out)
    if out.suffix.lower() not in ENDINGS:
        raise _unwritable(out, f"its name must end in one of {', '.join(ENDINGS)}")
    return plot


def _check_out(out: Path | None) -> None:
    """Refuse, before the work, what can't be written after it."""
    if out is None:
        return
    folder = out.absolute().parent
    if not folder.is_dir():
        raise _unwritable(out, f"there is no folder {printable(str(folder), 300)}")
    if out.is_dir():
        raise _unwritable(out, "it is a folder: name a file")
    if not os.access(out if out.exists() else folder, os.W_OK):
        raise _unwritable(out, "Permission denied")


def _write(out: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        raise _unwritable(out, error.strerror or str(error)) from error


def _unwritable(out: Path, why: str) -> StartRefused:
    return StartRefused(f"{printable(str(out), 300)} can't be written: {why}.")


@contextmanager
def _progress() -> Iterator[Bar]:
    """Bars on a terminal; elsewhere nothing."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )

    def bar(step: str) -> Hear:
        task = bars.add_task(step)
        return lambda done, total: bars.update(task, completed=done, total=total)

    with bars:
        yield bar
