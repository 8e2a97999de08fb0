"""The facts of an item: what is known of it beside its pictures.

    labels     words about it, at most `max_labels`       []            clears
    group      what it belongs to: a brand, a category    null or ""    clears
    title      what people call it                        null or ""    clears
    available  whether it may be recommended now          null          as never said: true

An event changes the facts that it names and leaves the others as they are. They come as fields of
JSON, as headers beside a picture, or as attributes of a CloudEvent; all by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, TypeGuard

import orjson

from streams.errors import EventError, Reason
from streams.fields import EventLimits, kind_of, read_text

DEFAULT_VIEW = "main"
FACT_NAMES = ("labels", "group", "title", "available")

FactValue = tuple[str, ...] | str | bool | None


class FactChanges(TypedDict, total=False):
    """The facts that an event changes. None (labels: no labels) clears one."""

    labels: tuple[str, ...]
    group: str | None
    title: str | None
    available: bool | None


def is_fact(name: str, value: object) -> TypeGuard[FactValue]:
    """Whether `name` is a fact, and `value` (labels: a tuple) has its type."""
    match name:
        case "labels":
            return isinstance(value, tuple) and all(isinstance(label, str) for label in value)
        case "group" | "title":
            return value is None or isinstance(value, str)
        case "available":
            return value is None or isinstance(value, bool)
    return False


def read_facts(named: Mapping[str, object], limits: EventLimits) -> FactChanges:
    """The facts among `named`: JSON values, or bytes of headers. Raises EventError."""
    changes: FactChanges = {}
    if "labels" in named:
        changes["labels"] = _read_labels(named["labels"], limits)
    if "group" in named:
        changes["group"] = _read_text("group", named["group"], limits.max_group_bytes)
    if "title" in named:
        changes["title"] = _read_text("title", named["title"], limits.max_title_bytes)
    if "available" in named:
        changes["available"] = _read_available(named["available"])
    return changes


def read_view(value: object, limits: EventLimits) -> str:
    """Which of an item's pictures this is; `main` when the event doesn't say."""
    if value is None:
        return DEFAULT_VIEW
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return read_text("view", value, limits.max_view_bytes) or DEFAULT_VIEW


def _read_text(name: str, value: object, max_bytes: int) -> str | None:
    return None if value is None else read_text(name, value, max_bytes) or None


def _read_available(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | bytes):
        match read_text("available", value, 16).lower():
            case "true":
                return True
            case "false":
                return False
            case "":
                return None
    raise EventError(Reason.BAD_FIELD, "available is neither true nor false")


def _read_labels(value: object, limits: EventLimits) -> tuple[str, ...]:
    """A JSON list, or text: a list in JSON, or labels with commas between them."""
    if value is None:
        return ()
    if isinstance(value, str | bytes):
        value = _listed(value, limits)
    if not isinstance(value, list):
        detail = f"labels is {kind_of(value)}: send a list, or text with commas"
        raise EventError(Reason.BAD_FIELD, detail)
    if len(value) > limits.max_labels:
        detail = f"{len(value)} labels; {limits.max_labels} are allowed"
        raise EventError(Reason.TOO_MANY_LABELS, detail)
    labels = (read_text("a label", label, limits.max_label_bytes) for label in value)
    return tuple(dict.fromkeys(label for label in labels if label))


def _listed(value: str | bytes, limits: EventLimits) -> object:
    # Labels, commas, quotes and escapes: what is longer can't be within the limits.
    text = read_text("labels", value, limits.max_labels * (2 * limits.max_label_bytes + 8))
    if text.startswith("["):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise EventError(
                Reason.BAD_FIELD, "labels begins like a JSON list, and is none"
            ) from None
    return [label for label in text.split(",") if label.strip()]
