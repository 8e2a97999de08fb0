"""A smaller part of `make fuzz`, and the proof that it can fail."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import rules, watch, worker
from tests.fuzz.case import CLICKS, MARK, Case, load
from tests.fuzz.cases import make

SEED = 20_261_127


def test_nothing_is_found_in_the_cases_of_a_fixed_seed() -> None:
    account = watch.run(SEED, 600)
    assert account.findings == []
    assert account.cases == 600
    assert account.ends["applied"] > 100
    assert len(account.ends) > 20  # most of the reasons, too


def test_nothing_is_found_in_the_cases_of_a_new_seed() -> None:
    seed = secrets.randbelow(10**9)
    print(f"make fuzz SEED={seed} CASES=300")
    account = watch.run(seed, 300)
    assert account.findings == [], f"make fuzz SEED={seed} CASES=300"
    assert account.cases == 300


@pytest.mark.integration
def test_workers_stay_up_and_account_for_every_case() -> None:
    account = worker.run(SEED, 150)
    assert account.findings == []
    assert sum(account.counted.values()) == sum(account.published.values()) == 150
    assert 50 < account.letters < 150


@pytest.mark.integration
def test_a_worker_that_dies_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "DATA_BYTES", 30_000_000)  # too little to start with
    account = worker.run(SEED, 3)
    assert "ended with" in account.findings[0]


@pytest.mark.parametrize(
    ("bug", "found"),
    [
        ("Raises", "an exception left the agent: KeyError"),
        ("Dies", "the process died"),
        ("Leaks", "holds the payload"),
        ("Rings", "holds b'\\x1b'"),
        ("Grows", "it held"),
        ("Asks", "MemoryError"),
        ("Works", "s of CPU"),
        ("Waits", "it took more than 5 s"),
        ("Loses", "the dead letter does not hold what came in"),
        ("Wanders", "it looked up elsewhere.test"),
    ],
)
def test_a_planted_bug_is_found(bug: str, found: str) -> None:
    wait_s = 5.0 if bug == "Waits" else watch.WAIT_S
    account = watch.run(
        SEED, 120, target=f"tests.fuzz.planted:{bug}", wait_s=wait_s, most_findings=1
    )
    assert account.findings
    number, wrong = account.findings[0]
    assert found in wrong
    assert 0 <= number < 120


def test_a_case_follows_from_seed_and_number_alone() -> None:
    in_order = [make(SEED, number) for number in range(40)]
    assert [make(SEED, number) for number in reversed(range(40))] == in_order[::-1]
    assert in_order != [make(SEED + 1, number) for number in range(40)]
    assert all(case.marked for case in in_order)


def test_a_case_is_the_same_when_it_was_saved_and_read(tmp_path: Path) -> None:
    for number in range(60):
        kept = watch.keep(SEED, number, tmp_path)
        assert load(kept) == make(SEED, number)


def test_a_kept_case_can_be_run_again(tmp_path: Path) -> None:
    kept = tmp_path / "case.json"
    Case("by hand", CLICKS, MARK.encode(), b"this is no JSON").save(kept)
    command = [sys.executable, "-m", "tests.fuzz", "--case", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 cases, 0 findings" in done.stdout
    assert "bad-json" in done.stdout
    account = watch.run(0, 1, case=kept, target="tests.fuzz.planted:Loses")
    assert (account.cases, len(account.findings)) == (1, 1)
