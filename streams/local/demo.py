"""`lookstream demo`: pictures and clicks in, lists out, on one machine, from nothing.

The story of a run: export the model if it isn't there; start broker, store, topics and workers;
draw a catalogue and publish it; as soon as a few pictures are embedded, let shoppers click; show
what they click and what they get; after `for_s` seconds from the first list, or when asked, count,
end everything, and say what it came to. Whatever happens on the way, everything started is ended
and everything made is removed.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from streams.local.board import Board
from streams.local.children import guard_folder
from streams.local.display import Display, write_svg
from streams.local.page import render_page
from streams.local.prepare import export_model, gather, is_exported
from streams.local.services import Services, open_services
from streams.local.shoppers import Shelf, draw_shoppers
from streams.local.stopping import Stopped, Stopping
from streams.local.street import Street
from streams.local.summary import Summary, write_whole
from streams.local.traffic import Clicks, ListReader, Publisher
from streams.local.workers import Watch, Worker

_FEW = 40
"""Pictures embedded before the shoppers come."""
_READY_WITHIN_S = 180.0
_FIRST_LIST_WITHIN_S = 60.0
_LAST_LISTS_WITHIN_S = 5.0
# So that a click waits for neither where cores are few.
_EMBEDDER_POLITENESS = _LEARNER_POLITENESS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says, and where models are kept."""

    for_s: float
    images: Path | None
    kafka: str | None
    redis: str | None
    html: Path | None
    summary: Path | None
    svg: Path | None
    model: str
    items: int
    shoppers: int
    seed: int
    models_dir: Path
    prove: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. Without a summary it was stopped before the first list."""

    summary: Summary | None
    notes: tuple[str, ...]


def run_demo(options: Options, console: Console) -> Outcome:
    """Run the demo. Main thread only.

    Raises ChildFailed, StartRefused, ModelError, ValueError or OSError, each with a sentence for
    people, after everything was ended.
    """
    for file in (options.html, options.summary, options.svg):
        if file is not None and not file.resolve().parent.is_dir():
            raise ValueError(f"There is no folder {str(file.parent)!r} to write {file.name!r} in.")
    with Stopping() as stopping, Display(console) as display:
        board = Board(display, stopping, total=options.items)
        try:
            with ExitStack() as stack:
                summary = _run(options, board, stack)
                board.stage = "ending the workers, the broker and the store"
                board.show(wait_s=0)
            board.stage = "this is how it ended"
            display.keep(board.scene())
        except Stopped:
            summary = None
    return Outcome(summary, tuple(board.notes))


def _run(options: Options, board: Board, stack: ExitStack) -> Summary:
    """The story. What has to be undone goes onto `stack`. Raises Stopped before the first list."""
    folder = Path(tempfile.mkdtemp(prefix="lookstream-demo-"))
    stack.callback(guard_folder(folder).stop)
    if not is_exported(options.models_dir, options.model):
        export_model(board, options.models_dir, options.model, folder)
    board.stage = "starting the broker and the store"
    board.show(wait_s=0)
    services = open_services(
        stack,
        folder,
        kafka=options.kafka,
        redis=options.redis,
        stopped=board.stopping.asked,
        note=board.notes.append,
    )
    board.stopping.check()
    board.watch = watch = _start_workers(options, services, folder, stack)
    shelf, street = _open_shop(options, services, board, stack)

    few = min(_FEW, max(1, len(shelf.themes) // 2))
    board.stage = "waiting for the workers"
    board.until(
        lambda: watch.ready() and board.embedded() >= few,
        _READY_WITHIN_S,
        f"The workers were not ready with {few} pictures",
    )
    street.start()
    board.stage = "the first clicks are under way"
    board.until(
        lambda: street.first_list_at_s is not None, _FIRST_LIST_WITHIN_S, "No list ever came"
    )
    board.stage = "lists follow the clicks"
    first_s = street.first_list_at_s or time.monotonic()
    drawn = options.svg is None
    while (left_s := first_s + options.for_s - time.monotonic()) > 0:
        if board.stopping.asked():
            break
        board.check()
        if options.svg is not None and not drawn and left_s < options.for_s / 2:
            write_svg(options.svg, board.scene(left_s))
            drawn = True
        board.show(left_s=left_s, wait_s=left_s)
    ran_s = time.monotonic() - first_s
    board.stage = "counting"
    _settle(board, street, watch)
    return _write(options, board, street, ran_s)


def _start_workers(options: Options, services: Services, folder: Path, stack: ExitStack) -> Watch:
    settings = {
        "KAFKA": services.kafka,
        "REDIS": services.redis,
        "TOPIC_PREFIX": services.topics.prefix,
        "MODEL": options.model,
        "MODEL_THREADS": str(max(1, (os.cpu_count() or 2) // 2)),  # the rest is for the lists
        **services.tuning,
    }
    workers: list[Worker] = []

    def end() -> None:
        for worker in workers:  # ask all at once, then wait for each
            worker.child.let_go()
        for worker in workers:
            worker.child.stop()

    stack.callback(end)
    proven = {"PROVEN_LISTS": "1" if options.prove else "0"}
    workers.append(Worker("recommender", folder, {**settings, **proven}))
    workers.append(Worker("learner", folder, settings, politeness=_LEARNER_POLITENESS))
    workers.append(Worker("embedder", folder, settings, politeness=_EMBEDDER_POLITENESS))
    watch = Watch(workers)
    stack.callback(watch.halt)
    watch.start()
    return watch


def _open_shop(
    options: Options, services: Services, board: Board, stack: ExitStack
) -> tuple[Shelf, Street]:
    """Begin to publish the catalogue, and call the shoppers together. They don't click yet."""
    collection = gather(board, options.images, options.items, options.seed)
    board.catalogue = collection.name
    board.items = {item.item_id: item for item in collection.items}
    board.total = board.drawn = len(board.items)
    shelf = Shelf({item.item_id: item.theme for item in collection.items})
    rng = np.random.default_rng(options.seed)
    shoppers = draw_shoppers(options.shoppers, shelf.themes.values(), rng)
    kafka, topics = services.kafka, services.topics

    board.clicks = clicks = Clicks(kafka, topics.clicks, board.tally.click_accepted)
    stack.callback(clicks.close)
    board.street = street = Street(shoppers, shelf, clicks, board.tally)
    stack.callback(street.halt)
    board.reader = reader = ListReader(
        kafka, topics.recommendations, street.read, fetch_wait_ms=services.fetch_wait_ms
    )
    stack.callback(reader.halt)
    reader.start()
    board.publisher = publisher = Publisher(
        kafka,
        topics.images,
        collection.items,
        embedded=board.embedded,
        out=lambda item: shelf.put([item.item_id]),
    )
    stack.callback(publisher.halt)
    publisher.start()
    return shelf, street


def _settle(board: Board, street: Street, watch: Watch) -> None:
    """No more clicks; let the last ones have their lists, and the workers their last word."""
    street.halt()
    if board.publisher is not None:
        board.publisher.halt()
    deadline_s = time.monotonic() + _LAST_LISTS_WITHIN_S
    while not board.settled() and time.monotonic() < deadline_s:
        time.sleep(0.1)
        watch.look()
    watch.halt()
    watch.look()


def _write(options: Options, board: Board, street: Street, ran_s: float) -> Summary:
    """The summary, and the files that were asked for."""
    scene = board.scene()
    first_s, clicked_s = street.first_list_at_s, street.first_click_at_s
    summary = Summary(
        pictures_published=scene.published,
        pictures_embedded=scene.embedded,
        clicks_sent=scene.clicks_sent,
        clicks_applied=scene.clicks_applied,
        lists_published=scene.lists,
        dead_letters=scene.dead_letters,
        reasons_proven=board.proofs()[0] if options.prove else None,
        reasons_false=board.proofs()[1] if options.prove else None,
        click_to_list_p50_s=scene.click_to_list_s[0],
        click_to_list_p99_s=scene.click_to_list_s[1],
        taste_hit_rate=scene.fit[0],
        taste_hit_rate_random=scene.fit[1],
        first_list_after_s=first_s - clicked_s if first_s and clicked_s else None,
        pictures_out_at_first_list=street.out_at_first_list,
        ran_s=ran_s,
        model=options.model,
        catalogue=scene.catalogue,
        shoppers=options.shoppers,
        seed=options.seed,
    )
    if options.summary is not None:
        summary.write(options.summary)
    if options.html is not None:
        write_whole(options.html, render_page(scene, summary).encode())
    return summary
