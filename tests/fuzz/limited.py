"""The process that the cases run in. Its memory is limited; watch.py reads what it says.

Lines on the pipe, JSON each: {"make": n}, {"start": n}, then {"done": n, …} with what became of it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import resource
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from streams import logs
from tests.fuzz import rules
from tests.fuzz.case import CLICKS, IMAGES, NOW_MS, Case, load
from tests.fuzz.cases import make
from tests.fuzz.pictures import whole
from tests.fuzz.place import Place
from tests.fuzz.target import Target

_LISTS_SHOWN_EVERY = 10
_METRICS_READ_EVERY = 250
_REFRESH_EVERY = 100


async def run_cases(args: argparse.Namespace) -> None:
    """Run the cases one by one, each with a good record beside it."""
    place = Place()
    await place.start()
    module, _, name = args.target.partition(":")
    target: Target = getattr(import_module(module), name)(Path(args.models), place)
    output = rules.Output(1)
    numbers = range(args.first, args.first + args.count)
    try:
        for number in numbers:
            _say(args.pipe, make=number)
            case = load(Path(args.case)) if args.case else make(args.seed, number)
            rules.forget_peak()
            _say(args.pipe, start=number)
            said = await _run(target, place, output, case, number)
            if number % _METRICS_READ_EVERY == 0 or number == numbers[-1]:
                said["wrong"] += _metrics_wrong(target)
            _say(args.pipe, done=number, kind=case.kind, bytes=case.size, **said)
    finally:
        await target.close()
        place.close()


async def _run(
    target: Target, place: Place, output: rules.Output, case: Case, number: int
) -> dict[str, Any]:
    record, beside = case.record(2 * number), _neighbour(case.topic, 2 * number + 1)
    spent, wrong = rules.Spent(), list[str]()
    outcome, reason = "", ""
    try:
        batch, letters = await target.handle(record, beside)
        if number % _REFRESH_EVERY == 0:
            await target.refresh()
    except Exception as error:  # noqa: BLE001 - every one of them is a finding
        wrong.append(f"an exception left the agent: {logs.describe(error)}\n{_trace(error)}")
    else:
        outcome = str(batch.outcome(record))
        reason = next((str(r.reason) for r in batch.refusals if r.record is record), "")
        wrong += rules.outcome_wrong(batch, letters, record, beside)
        if number % _LISTS_SHOWN_EVERY == 0:
            wrong += rules.shown_wrong(batch.sends)
    wrong += spent.wrong() + rules.memory_wrong(target) + output.wrong()
    wrong += place.went_elsewhere()
    return {
        "outcome": outcome,
        "reason": reason,
        "cpu_s": spent.cpu_s,
        "peak_bytes": rules.peak_bytes(),
        "wrong": wrong,
    }


def _neighbour(topic: str, offset: int) -> Any:
    """A good record, which must be served whatever comes beside it."""
    value = whole()["PNG"][0] if topic == IMAGES else b'{"item_id":"item-7","kind":"view"}'
    key = b"neighbour" if topic == IMAGES else b"a-neighbour"
    assert topic in (IMAGES, CLICKS)
    return Case("good", topic, key, value, (), NOW_MS).record(offset)


def _metrics_wrong(target: Target) -> list[str]:
    return [
        wrong
        for name, metrics in target.metrics.items()
        for wrong in rules.leaks(f"the metrics page of the {name}", metrics.page())
    ]


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-3000:]


def _say(pipe: int, **said: object) -> None:
    os.write(pipe, json.dumps(said).encode() + b"\n")


def main() -> None:
    """Called by watch.py."""
    parser = argparse.ArgumentParser()
    for name in ("--seed", "--first", "--count", "--pipe"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--case", default="")
    parser.add_argument("--target", required=True)
    args = parser.parse_args()
    logs.configure(level="debug")
    whole()
    resource.setrlimit(resource.RLIMIT_DATA, (rules.DATA_BYTES, rules.DATA_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()
    with contextlib.suppress(BrokenPipeError):  # whoever watched is gone
        asyncio.run(run_cases(args))


if __name__ == "__main__":
    main()
