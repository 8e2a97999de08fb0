"""`python -m tests.chaos`: inflict seeded faults on real workers, and judge what is left.

Exit code 0 if every promise was kept; 1 on any difference, with the workers' logs kept.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos import report
from tests.chaos.run import run
from tests.chaos.sabotage import SWITCHES
from tests.chaos.schedule import EVERY_S, KINDS, schedule


def main(arguments: list[str]) -> int:
    """Run, print, and say by the exit code how it ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, help="a fresh one is chosen and printed")
    parser.add_argument("--every-s", type=float, default=EVERY_S, help="on average")
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=list(KINDS))
    parser.add_argument("--sabotage", choices=sorted(SWITCHES), help="break a promise on purpose")
    parser.add_argument(
        "--frozen", action="store_true", help="nothing is learned, and residuals are judged too"
    )
    parser.add_argument("--keep", action="store_true", help="keep the logs of a clean run too")
    given = parser.parse_args(arguments)
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"seed {seed}, {given.faults} faults, logs in {folder}", flush=True)
    faults = schedule(seed, given.faults, kinds=given.kinds, every_s=given.every_s)
    clean = False
    try:
        verdict = run(
            folder / "site",
            faults,
            seed=seed,
            sabotage=given.sabotage,
            frozen=given.frozen,
            say=_say,
        )
        clean = not verdict.differences
        print(verdict.table)
        for difference in verdict.differences:
            print(f"DIFFERENCE: {difference}")
        print(report.one_line(verdict.figures), flush=True)
    finally:
        if clean and not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs are kept in {folder}", flush=True)
    return 0 if clean else 1


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
