"""Compiled loops: numba, with types that mypy keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """`function`, compiled at its first call, and kept on disk where that is possible.

    Floats are added in the order of the code (no fast-math), so a replay gives the same last bits.
    """
    try:
        return cast(F, njit(cache=True)(function))
    except RuntimeError:  # numba's word for: there is no folder that it may write its cache to
        return cast(F, njit(function))
