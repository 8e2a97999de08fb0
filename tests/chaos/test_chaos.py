"""The harness, run: an honest site keeps its promises; a sabotaged one is found out."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.run import Verdict, run
from tests.chaos.schedule import Fault, schedule

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("servers"),
]


def said(verdict: Verdict) -> str:
    """The verdict, for a failure's message."""
    return "\n".join([verdict.table, *map(str, verdict.differences)])


@pytest.mark.parametrize(
    ("seed", "frozen"), [(7, True), (None, False)], ids=["fixed, frozen", "fresh"]
)
def test_thirty_faults_change_nothing(
    seed: int | None, frozen: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = secrets.randbelow(2**31) if seed is None else seed
    with capsys.disabled():
        print(f"\nthe seed of these faults is {chosen}")
    verdict = run(tmp_path / "site", schedule(chosen, 30), seed=chosen, frozen=frozen)
    assert not verdict.differences, said(verdict)
    assert verdict.figures["indexes_compared"] == 3
    assert verdict.figures["residuals_compared"] == (verdict.figures["users"] if frozen else 0)
    assert verdict.figures["lessons"] > 500
    assert verdict.figures["items_learned"] > 20
    assert verdict.figures["clicks"] > 2000


def strikes(kind: str, targets: Sequence[str], *, every_s: float, for_s: float) -> list[Fault]:
    return [
        Fault(number, number * every_s, kind, target, for_s, seed=number)
        for number, target in enumerate(targets)
    ]


def found_out(verdict: Verdict, *whats: str) -> None:
    found = [difference.what for difference in verdict.differences]
    assert set(whats) <= set(found), said(verdict)


def test_without_compare_and_set_a_zombie_is_found_to_overwrite(tmp_path: Path) -> None:
    faults = strikes("zombie", ("r1", "r2", "r1"), every_s=3.0, for_s=8.0)
    verdict = run(tmp_path / "site", faults, seed=1, sabotage="no-compare-and-set")
    found_out(verdict, "profiles that differ from one clean pass over the log")


def test_an_ack_before_the_store_is_found_to_lose_events(tmp_path: Path) -> None:
    """A kill must fall between the commit and the end of the batch, about every second one does.

    Whether it falls before the store, so that profiles differ too, is chance.
    """
    faults = strikes("kill", ("r1", "r2", "r3") * 3, every_s=2.3, for_s=0.2)
    verdict = run(tmp_path / "site", faults, seed=1, sabotage="ack-before-store")
    found_out(verdict, "events never finished", "clicks whose list was never published")


def test_a_duplicate_that_is_not_republished_is_found_to_lose_its_list(tmp_path: Path) -> None:
    faults = strikes("kill", ("r1", "r2", "r3"), every_s=2.0, for_s=0.5)
    verdict = run(tmp_path / "site", faults, seed=1, sabotage="no-republish")
    found_out(verdict, "clicks whose list was never published")
