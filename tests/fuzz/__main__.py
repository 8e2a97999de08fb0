"""`python -m tests.fuzz`: cases, account, exit code 1 where something was found."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from pathlib import Path

from tests.fuzz import rules, watch, worker

FOLDER = Path("build/fuzz")


def main() -> int:
    """Run, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--case", type=Path, default=None, help="run this file's case again")
    parser.add_argument(
        "--through-workers",
        type=int,
        default=None,
        metavar="N",
        help="so many of the cases go through worker processes as well; default: a fifth",
    )
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
    found = _tell(watch.run(seed, args.cases, on_progress=_progress()), seed, keep=True)
    count = args.cases // 5 if args.through_workers is None else args.through_workers
    return max(found, _through_workers(seed, count)) if count else found


def _progress() -> watch.Callable[[watch.Account], None]:
    start_s = time.monotonic()
    told = 0

    def tell(account: watch.Account) -> None:
        nonlocal told
        for number, wrong in account.findings[told:]:
            print(f"  case {number}: {wrong[:300]}", flush=True)
        told = len(account.findings)
        if account.cases % 1000 == 0:
            spent_s = time.monotonic() - start_s
            found = len(account.findings)
            print(f"  {account.cases} cases in {spent_s:.0f} s, {found} findings", flush=True)

    return tell


def _through_workers(seed: int, count: int) -> int:
    print(
        f"Cases 0 to {count - 1} through an embedder and a recommender, on a broker …", flush=True
    )
    account = worker.run(seed, count)
    print(
        f"{sum(account.counted.values())} of {sum(account.published.values())} counted, "
        f"{account.letters} dead letters, in {account.seconds:.0f} s. Most memory: "
        + ", ".join(f"{name} {most / 1e6:.0f} MB" for name, most in account.peak_bytes.items())
    )
    for wrong in account.findings:
        print(f"FOUND: seed {seed}, through workers: {wrong}")
    print(f"{len(account.findings)} findings.", flush=True)
    return 1 if account.findings else 0


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
