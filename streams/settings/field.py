"""How a setting is declared."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Settings that belong together; the first line of the docstring is their heading."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


def setting(default: object, what: str, **bounds: Any) -> Any:
    """A field: its default, what it does and costs, and `ge`, `gt`, `le`, `lt` of a number."""
    return Field(default, description=what, **bounds)
