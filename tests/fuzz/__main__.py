"""`python -m tests.fuzz`: cases, account, exit code 1 where something was found."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from pathlib import Path

from tests.fuzz import rules, watch

FOLDER = Path("build/fuzz")


def main() -> int:
    """Run, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--case", type=Path, default=None, help="run this file's case again")
    args = parser.parse_args()
    seed = secrets.randbelow(10**9) if args.seed is None else args.seed
    if args.case is not None:
        print(f"The case in {args.case}, again.")
        return _tell(watch.run(seed, 1, case=args.case), seed, keep=False)
    print(
        f"Seed {seed}: {args.cases} cases. Bounds: {rules.MEMORY_BYTES // 10**6} MB resident, "
        f"{rules.DATA_BYTES // 10**6} MB asked for, {rules.CPU_S:g} s of CPU or "
        f"{watch.WAIT_S:g} s by the clock for one case.",
        flush=True,
    )
    return _tell(watch.run(seed, args.cases, on_progress=_progress()), seed, keep=True)


def _progress() -> watch.Callable[[watch.Account], None]:
    start_s = time.monotonic()

    def tell(account: watch.Account) -> None:
        if account.cases % 1000 == 0:
            spent_s = time.monotonic() - start_s
            found = len(account.findings)
            print(f"  {account.cases} cases in {spent_s:.0f} s, {found} findings", flush=True)

    return tell


def _tell(account: watch.Account, seed: int, *, keep: bool) -> int:
    for title, counts in (("By kind", account.kinds), ("Ended as", account.ends)):
        print(f"{title}:")
        for name, count in sorted(counts.items()):
            print(f"  {count:6d}  {name}")
    cpu_s, number, kind = account.slowest
    print(f"Slowest: case {number} ({kind}), {cpu_s:.2f} s of CPU.")
    print(f"Most memory: {account.peak_bytes / 1e6:.0f} MB.")
    for number, wrong in account.findings:
        where = f" Its bytes: {watch.keep(seed, number, FOLDER)}" if keep else ""
        print(f"FOUND: seed {seed}, case {number}: {wrong}{where}")
    print(f"{account.cases} cases, {len(account.findings)} findings.", flush=True)
    return 1 if account.findings else 0


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
