"""Every trap in the table has its tests, and they exist."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.integration.delivery.traps import HOOKS, NOT_TRIED_BEFORE, WENT_WRONG, Trap

ROOT = Path(__file__).resolve().parents[3]
TRAPS = (*HOOKS, *WENT_WRONG, *NOT_TRIED_BEFORE)


@cache
def _defined_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.what)
def test_a_trap_is_held_by_tests_that_exist(trap: Trap) -> None:
    assert trap.tests
    for each in trap.tests:
        file, name = each.split("::")
        assert name.startswith("test_")
        assert name in _defined_in(file), f"{each} is gone: who holds this trap now?"


def test_none_of_the_known_traps_fell_out_of_the_table() -> None:
    assert (len(HOOKS), len(WENT_WRONG), len(NOT_TRIED_BEFORE)) == (8, 9, 11)
    assert len({trap.what for trap in TRAPS}) == len(TRAPS)
