"""What a demo comes to: counted by the workers and read from the topics, never hoped for."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The result of one run. Times in seconds, rates from 0 to 1; None where nothing was seen."""

    pictures_published: int
    pictures_embedded: int
    """By the embedder's own count of applied events."""
    clicks_sent: int
    clicks_applied: int
    """By the recommender's own count."""
    lists_published: int
    """Read from the topic, each list id once."""
    dead_letters: int
    """By the workers' own counts."""
    reasons_proven: int | None = None
    """Reasons of lists that held when they were proven; None: nobody was asked to."""
    reasons_false: int | None = None
    """Those that didn't."""
    click_to_list_p50_s: float | None
    click_to_list_p99_s: float | None
    taste_hit_rate: float | None
    """Mean share of a list that fits its shopper's hidden taste at that moment."""
    taste_hit_rate_random: float | None
    """The same for items drawn at random from what was out at that moment."""
    first_list_after_s: float | None
    """From the first click to the first list."""
    pictures_out_at_first_list: int | None
    """How much of the catalogue was published when the first list came."""
    ran_s: float
    """From the first list to the end."""
    model: str
    catalogue: str
    shoppers: int
    seed: int

    def lines(self) -> list[str]:
        """For people."""
        fit = "no list to judge by"
        if self.taste_hit_rate is not None and self.taste_hit_rate_random is not None:
            fit = f"{share(self.taste_hit_rate)} of a list is to her taste; of random items "
            fit += share(self.taste_hit_rate_random)
        return [
            f"pictures embedded  {self.pictures_embedded:,} of {self.pictures_published:,} "
            "published",
            f"clicks applied     {self.clicks_applied:,} of {self.clicks_sent:,} sent",
            f"lists published    {self.lists_published:,}",
            f"dead letters       {self.dead_letters:,}",
            *self._proofs(),
            f"click to list      p50 {duration(self.click_to_list_p50_s)}, "
            f"p99 {duration(self.click_to_list_p99_s)}",
            f"hidden tastes      {fit}",
        ]

    def _proofs(self) -> list[str]:
        if self.reasons_proven is None or self.reasons_false is None:
            return []
        return [f"reasons            {self.reasons_proven:,} hold, {self.reasons_false:,} do not"]

    def write(self, path: Path) -> None:
        """As JSON, whole or not at all. Raises OSError."""
        write_whole(path, orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n")


def duration(seconds: float | None) -> str:
    """'7.4 ms', '1.25 s', or a dash."""
    if seconds is None:
        return "–"
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it. Raises OSError."""
    path = path.resolve()
    if path.exists() and not path.is_file():  # a pipe, a terminal: nothing to put in its place
        path.write_bytes(data)
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def share(value: float | None) -> str:
    """As "57%" or "3.5%", or a dash."""
    if value is None:
        return "–"
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"
