"""A made-up catalogue for the tests of the core."""

from __future__ import annotations

import pytest

from tests.unit.core.worlds import World


@pytest.fixture
def world() -> World:
    """240 items of six tastes, 64 components."""
    return World()
