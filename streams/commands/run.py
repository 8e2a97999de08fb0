"""`lookstream run WORKER`: one worker in this process, until it is told to stop."""

from __future__ import annotations

from typing import NoReturn

import typer

from streams import logs
from streams.settings import Settings, load_settings

app = typer.Typer(
    help="Run a worker in the foreground. SIGTERM ends it in order. Run as many as you like, up to "
    "LOOKSTREAM_PARTITIONS of a kind: they share the work. Of learners one works, others stand by.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)


@app.command()
def embedder() -> None:
    """Look at pictures: images in, item-embeddings out.

    Needs Kafka with the topics (`lookstream topics create`), an exported model (`lookstream
    export`), and onnxruntime (extra `cpu` or `gpu`). Uses LOOKSTREAM_KAFKA, LOOKSTREAM_MODEL,
    LOOKSTREAM_DEVICE, LOOKSTREAM_HTTP and those under Pictures in docs/configuration.md.
    """
    settings = _start()
    from streams.workers.embedder import run_embedder  # noqa: PLC0415 - imports Faust and onnxruntime

    _end(run_embedder(settings))


@app.command()
def recommender() -> None:
    """Turn clicks into lists: clicks in, recommendations out.

    Needs Kafka with the topics (`lookstream topics create`), Redis or Valkey, and the manifest of
    the model that the embedder runs (not its weights). Uses LOOKSTREAM_KAFKA, LOOKSTREAM_REDIS,
    LOOKSTREAM_MODEL, LOOKSTREAM_HTTP, LOOKSTREAM_SNAPSHOT_DIR and those under Taste and lists in
    docs/configuration.md.
    """
    settings = _start()
    from streams.workers.recommender import run_recommender  # noqa: PLC0415 - imports Faust

    _end(run_recommender(settings))


@app.command()
def learner() -> None:
    """Learn from what everybody chooses: interactions in, item-signals and ranker out.

    Needs Kafka with the topics (`lookstream topics create`), and the manifest of the model that the
    embedder runs, unless LOOKSTREAM_LEARNER_PICTURES is false. One works; a second one stands by.
    Uses LOOKSTREAM_KAFKA, LOOKSTREAM_HTTP, LOOKSTREAM_SNAPSHOT_DIR and those under The learner in
    docs/configuration.md.
    """
    settings = _start()
    from streams.workers.learner import run_learner  # noqa: PLC0415 - imports Faust and numba

    _end(run_learner(settings))


def _start() -> Settings:
    settings = load_settings()
    logs.configure(level=settings.log_level, style=settings.log_format, secrets=settings.secrets)
    return settings


def _end(code: int) -> NoReturn:
    from streams.delivery import end_process  # noqa: PLC0415 - imports Faust

    end_process(code)
