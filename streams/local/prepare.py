"""The long parts before the first click: exporting the model, drawing the catalogue."""

from __future__ import annotations

import time
from pathlib import Path

from inference.errors import ModelFileChanged, ModelFileMissing
from inference.manifest import load_manifest
from streams.local import catalogue
from streams.local.board import Board
from streams.local.catalogue import Collection
from streams.local.children import Child, ChildFailed
from streams.local.traffic import Task
from streams.local.workers import LOOKSTREAM, worker_environment
from streams.text import printable


def is_exported(models_dir: Path, model: str) -> bool:
    """Whether the model is there, whole. Raises ModelError when its description can't be used."""
    try:
        load_manifest(models_dir, model).read_graph()
    except (ModelFileMissing, ModelFileChanged):
        return False
    return True


def export_model(board: Board, models_dir: Path, model: str, folder: Path) -> None:
    """Run `lookstream export` in a process of its own, and show how it goes.

    Raises ChildFailed, or Stopped when asked to end.
    """
    name, log, started_s = model.partition(":")[0], folder / "export.log", time.monotonic()
    board.stage = f"exporting the model {name}, once"
    child = Child(
        f"export of the model {name}",
        [*LOOKSTREAM, "export", name, "--models-dir", str(models_dir)],
        env=worker_environment({}),
        log=log,
    )
    try:
        while (code := child.exit_code()) is None:
            board.stopping.check()
            board.detail = f"{time.monotonic() - started_s:.0f} s  {_newest(log)}"
            board.show()
    finally:
        board.detail = ""
        child.stop()
    if code != 0:
        raise ChildFailed(
            f"The model {name} could not be exported (exit code {code}).{child.last_words()}"
        )


def gather(board: Board, images: Path | None, count: int, seed: int) -> Collection:
    """The catalogue: a folder looked through, or OpenMoji drawn in a thread, shown as it goes.

    Raises ValueError or ModelError with a sentence for people, or Stopped.
    """
    if images is not None:
        board.stage = "looking through the folder"
        board.show(wait_s=0)
        found = catalogue.folder(images, count, seed)
        if found.skipped:
            left_out = ", ".join(f"{why} ({n:,})" for why, n in found.skipped.most_common())
            board.notes.append(f"Left out of {printable(found.name)}: {left_out}.")
        return found
    board.stage = "drawing the catalogue while the workers start"
    made: list[Collection] = []

    def drawn(so_far: int) -> None:
        board.drawn = so_far

    task = Task(
        "drawing",
        lambda: made.append(
            catalogue.openmoji(count, seed, progress=drawn, stopped=board.stopping.asked)
        ),
    )
    task.start()
    try:
        while task.is_alive():
            board.check()
            board.show()
    finally:
        task.join()
    task.check()
    board.stopping.check()
    return made[0]


def _newest(log: Path) -> str:
    """The newest line of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").split("\n")
    return printable(next((line.strip() for line in reversed(lines) if line.strip()), ""))
