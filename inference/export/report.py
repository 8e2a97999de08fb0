"""What `lookstream export` prints."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from inference.errors import ModelError
from inference.manifest import Manifest


def refuse(console: Console, error: ModelError) -> NoReturn:
    """Print a refusal and leave."""
    console.print(f"[bold red]refused[/] {escape(str(error))}", soft_wrap=True)
    raise typer.Exit(1) from error


def show(console: Console, manifest: Manifest, models_dir: Path) -> None:
    """What was made: sizes, hashes, figures."""
    console.print(f"[bold]{manifest.model_id}[/]  {manifest.dim} numbers a vector")
    for entry in (manifest.files.fp32, manifest.files.int8):
        file = models_dir / manifest.name / entry.file
        console.print(
            f"  [green]✓[/] {file}  {entry.bytes / 1e6:.1f} MB  sha256 {entry.sha256[:12]}…",
            soft_wrap=True,
        )
    table = Table("pictures", "chance", "fp32", "int8", "cosine", title="precision@10 by category")
    for title, row in manifest.figures.items():
        if "chance" in row:
            values = (row["chance"], row["precision_at_10_fp32"], row["precision_at_10_int8"])
            table.add_row(title, *(f"{v:.3f}" for v in values), f"{row['cosine_int8_mean']:.4f}")
    if table.row_count:
        console.print(table)
    speed = manifest.figures.get("speed")
    if speed:
        console.print(
            f"  int8 is {speed['int8_to_fp32']} times as fast as fp32 ({speed['measured_with']})"
        )
