"""`make bench`: what a list costs, how soon it comes, and how fast pictures are looked at.

Every figure stands beside a baseline of the same run on the same machine, because these machines
differ and drift: quote the ratios. Writes build/bench.json beside its table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench import crowd_lists, pictures, rebuilding
from tests.bench.race import Course, Load, Result, prepare, run
from tests.bench.world import World
from tests.support.kafka import Kafka
from tests.support.valkey import Valkey

CONTENDERS = ("echo", "naive", "plain", "lookstream")
OUT = Path(__file__).resolve().parents[2] / "build" / "bench.json"
_console = Console()


def race(kafka: Kafka, valkey: Valkey, folder: Path, items: int, load: Load) -> dict[str, Result]:
    """All contenders over one catalogue, one after the other."""
    world = World(items)
    vectors = folder / f"vectors-{items}.npy"
    np.save(vectors, world.vectors)
    results = {}
    items_topic = ""
    # lookstream first: its catalogue is also the plain loop's
    for name in ("lookstream", *(c for c in CONTENDERS if c != "lookstream")):
        _console.print(f"[dim]{items:,} items: {name} …[/dim]")
        course = Course(kafka.address, valkey.url, folder / f"r{items}", name)
        if name == "lookstream":
            course.publish_items(world)
            items_topic = course.topics.item_embeddings
            environment = course.own_environment()
        else:
            environment = course.environment(vectors, items_topic)
        if name in {"lookstream", "plain"}:
            prepare(course, environment)
        results[name] = run(course, environment, world, load)
        course.producer.close()
    return results


def show_race(items: int, results: dict[str, Result]) -> dict[str, object]:
    """Print one catalogue's table; the same as plain data, with the ratios that are promised."""
    table = Table(title=f"{items:,} items", title_justify="left")
    for column in ("", "CPU µs/list", "lists/s", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if not column else "right")
    for name in CONTENDERS:
        one = results[name]
        table.add_row(
            name,
            f"{one.cpu_us:,.0f}",
            f"{one.lists_hz:,.0f}",
            f"{one.p50_s * 1e3:.1f}",
            f"{one.p99_s * 1e3:.1f}",
        )
    _console.print(table)
    ours, naive, plain = results["lookstream"], results["naive"], results["plain"]
    ratios = {
        "cpu_of_naive": ours.cpu_us / naive.cpu_us,
        "cpu_of_plain": ours.cpu_us / plain.cpu_us,
        "cpu_of_echo": ours.cpu_us / results["echo"].cpu_us,
        "p50_s_over_plain": ours.p50_s - plain.p50_s,
    }
    _console.print(
        f"CPU per list: {ratios['cpu_of_naive']:.2f} of the naive agent's, "
        f"{ratios['cpu_of_plain']:.2f} of the plain loop's, "
        f"{ratios['cpu_of_echo']:.2f} of a bare echo's; "
        f"p50 {ratios['p50_s_over_plain'] * 1e3:+.1f} ms against the plain loop"
    )
    return {"contenders": {k: vars(v) for k, v in results.items()}, "ratios": ratios}


def live_and_rebuild(kafka: Kafka, valkey: Valkey, folder: Path) -> dict[str, object]:
    """The same clicks live, as a backlog, and by `lookstream rebuild`."""
    world = World(4_000)
    course = Course(kafka.address, valkey.url, folder / "rebuild", "lookstream")
    course.publish_items(world)
    environment = course.own_environment()
    prepare(course, environment)
    live = run(course, environment, world, Load(warm_up=6_000, measured=12_000, paced=100))
    rebuilt = rebuilding.rebuild(course)
    course.producer.close()
    _console.print(
        f"rebuild: {rebuilt.hz:,.0f} clicks/s, live {live.lists_hz:,.0f} lists/s: "
        f"{rebuilt.hz / live.lists_hz:.2f} times as fast; peak {rebuilt.peak_bytes / 1e6:.0f} MB"
    )
    ratio = rebuilt.hz / live.lists_hz
    return {"live": vars(live), "rebuild": vars(rebuilt), "ratio": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parts = ("4000", "100000", "pictures", "rebuild", "crowd")
    parser.add_argument("--only", choices=parts, help="one part of it")
    only = parser.parse_args().only
    report: dict[str, object] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
    }
    if only in (None, "crowd"):
        report["crowd"] = {str(items): crowd_lists.compare(items) for items in (4_000, 100_000)}
    if only == "crowd":
        return _write(report)
    with tempfile.TemporaryDirectory(prefix="lookstream-bench-") as temporary:
        folder = Path(temporary)
        with Kafka(folder / "kafka") as kafka, Valkey(folder / "valkey") as valkey:
            loads = {
                4_000: Load(warm_up=6_000, measured=12_000, paced=3_000),
                100_000: Load(warm_up=2_500, measured=3_000, paced=600, pace_hz=60.0),
            }
            for items, load in loads.items():
                if only in (None, str(items)):
                    results = race(kafka, valkey, folder, items, load)
                    report[str(items)] = show_race(items, results)
            if only in (None, "rebuild"):
                report["rebuild"] = live_and_rebuild(kafka, valkey, folder)
            if only in (None, "pictures"):
                data = pictures.pictures(64)
                raw_before = pictures.raw_hz(data)
                road = pictures.road_hz(kafka.address, valkey.url, folder / "p", data, 2500)
                raw = (raw_before + pictures.raw_hz(data)) / 2
                report["pictures"] = {"raw_hz": raw, "road_hz": road, "ratio": road / raw}
                _console.print(
                    f"pictures/s, {pictures.VARIANT}, one thread: {road:.0f} from Kafka to "
                    f"embedding, {raw:.0f} in the raw session: {road / raw:.2f}"
                )
    _write(report)


def _write(report: dict[str, object]) -> None:
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    _console.print(f"[dim]written to {OUT}[/dim]")


if __name__ == "__main__":
    main()
