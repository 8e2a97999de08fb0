"""The lists on `recommendations`: how one is written, named, and read back.

`encode` is on the path of every click: it takes the core's picks and the index's facts as they
are, and makes the JSON of docs/topics.md from plain dicts (for 20 items about 20 us; a dataclass
for each item would take twice that). `parse_list` is for the other side: tools, tests, the demo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Protocol

import orjson
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from streams.errors import EventError
from streams.fields import ANYBODY, read_time

CE_SOURCE = "/lookstream/recommender"
CE_TYPE = "lookstream.list.v1"

Headers = list[tuple[str, bytes]]

_CONTENT_TYPE = ("content-type", b"application/json")
_CE_FIXED: Headers = [
    ("ce_specversion", b"1.0"),
    ("ce_source", CE_SOURCE.encode()),
    ("ce_type", CE_TYPE.encode()),
]


class Picked(Protocol):
    """A listed item as `core.picks.Pick` says it. Floats are Python's, finite."""

    @property
    def item_id(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def propensity(self) -> float: ...
    @property
    def reason_kind(self) -> str: ...
    @property
    def reason_item_id(self) -> str | None: ...
    @property
    def similarity(self) -> float | None: ...


class Shown(Protocol):
    """What the item index knows of an item that a reader wants to show."""

    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def group(self) -> str | None: ...
    @property
    def title(self) -> str | None: ...


def _seconds(value: object) -> object:
    try:
        return read_time("time", value) if isinstance(value, str) else value
    except EventError as error:
        raise ValueError(error.detail) from None


_Seconds = Annotated[float, BeforeValidator(_seconds)]


@dataclass(frozen=True, slots=True)
class Trigger:
    """The click that a list follows from. `at_s`: seconds since the epoch."""

    topic: str
    partition: int
    offset: int
    item_id: str
    kind: str
    at_s: Annotated[_Seconds, Field(alias="at")]


@dataclass(frozen=True, slots=True)
class ItemReason:
    """Why an item is listed: kind, and for some kinds which item of hers, and how similar."""

    kind: str
    item_id: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One item of a list, with all that is needed to show it. `rank` counts from 1."""

    item_id: str
    rank: int
    score: float
    propensity: float
    reason: ItemReason
    labels: tuple[str, ...] = ()
    group: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class RecommendationList:
    """A published list, read back. The list for somebody unknown has no trigger."""

    list_id: str
    user_id: str
    made_at_s: Annotated[_Seconds, Field(alias="made_at")]
    trigger: Trigger | None
    model: str
    policy: str
    items: tuple[ListedItem, ...]


_READER = TypeAdapter(RecommendationList)


def list_id(topic: str, partition: int, offset: int) -> str:
    """The name of the list that follows from this click: the same when the click comes again."""
    return f"{topic}-{partition}-{offset}"


def encode(
    *,
    user_id: str,
    trigger: Trigger,
    made_at_s: float,
    model: str,
    policy: str,
    picks: Sequence[Picked],
    facts: Sequence[Shown],
) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of a user's list. `facts`: one for each of `picks`.

    Raises ValueError or OverflowError if a score or similarity is not finite, ValueError if a
    propensity is no probability above 0.
    """
    said: dict[str, object] = {
        "topic": trigger.topic,
        "partition": trigger.partition,
        "offset": trigger.offset,
        "item_id": trigger.item_id,
        "kind": trigger.kind,
        "at": rfc3339(trigger.at_s),
    }
    name = list_id(trigger.topic, trigger.partition, trigger.offset)
    rest: dict[str, object] = {"model": model, "policy": policy, "items": _items(picks, facts)}
    return _published(name, user_id, said, made_at_s, rest)


def encode_fallback(
    *,
    made_at_s: float,
    model: str,
    policy: str,
    picks: Sequence[Picked],
    facts: Sequence[Shown],
) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of the list for somebody unknown.

    Its list id follows from what a reader sees (items, order, reasons, facts; not the scores, which
    move with every click): while that stays, the id stays.
    """
    name = fallback_list_id(model, policy, picks, facts)
    rest: dict[str, object] = {"model": model, "policy": policy, "items": _items(picks, facts)}
    return _published(name, ANYBODY, None, made_at_s, rest)


def fallback_list_id(
    model: str, policy: str, picks: Sequence[Picked], facts: Sequence[Shown]
) -> str:
    """The name of the list for somebody unknown. Compare it to publish only what changed."""
    seen = [
        (pick.item_id, pick.reason_kind, tuple(fact.labels), fact.group, fact.title)
        for pick, fact in zip(picks, facts, strict=True)
    ]
    content = orjson.dumps((model, policy, seen))
    return f"anybody-{blake2b(content, digest_size=8).hexdigest()}"


def parse_list(value: bytes) -> RecommendationList:
    """Read a list back. Fields that are not known are skipped. Raises ValueError."""
    try:
        return _READER.validate_python(orjson.loads(value))
    except ValidationError as error:  # pydantic's own text would show the value
        wrong = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, wrong["loc"])) or "value"
        raise ValueError(f"not a list: {where}: {wrong['msg']}") from None


def rfc3339(at_s: float) -> str:
    """Seconds since the epoch as 2026-11-23T10:30:00.250Z."""
    second, milliseconds = divmod(round(at_s * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03d}Z"


@lru_cache(maxsize=256)  # clicks and their lists fall into few seconds
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _items(picks: Sequence[Picked], facts: Sequence[Shown]) -> list[dict[str, object]]:
    items: list[dict[str, object]] = []
    for pick, fact in zip(picks, facts, strict=True):
        propensity, similarity = pick.propensity, pick.similarity
        if not 0.0 < propensity <= 1.0:
            raise ValueError(f"a propensity of {propensity}")
        # Rounded to 4 decimals, half up, in a fifth of the time of `round`; int refuses nan.
        if similarity is not None:
            similarity = int(similarity * 1e4 + 0.5) / 1e4
        reason = {
            "kind": pick.reason_kind,
            "item_id": pick.reason_item_id,
            "similarity": similarity,
        }
        items.append(
            {
                "item_id": pick.item_id,
                "rank": len(items) + 1,
                "score": int(pick.score * 1e4 + 0.5) / 1e4,
                "propensity": propensity,
                "reason": reason,
                "labels": fact.labels,
                "group": fact.group,
                "title": fact.title,
            }
        )
    return items


def _published(
    name: str,
    user_id: str,
    trigger: dict[str, object] | None,
    made_at_s: float,
    rest: dict[str, object],
) -> tuple[bytes, bytes, Headers]:
    made_at = rfc3339(made_at_s)
    known = {"list_id": name, "user_id": user_id, "made_at": made_at, "trigger": trigger}
    key = user_id.encode()
    about = [("ce_id", name.encode()), ("ce_time", made_at.encode()), ("ce_subject", key)]
    return key, orjson.dumps(known | rest), [*_CE_FIXED, *about, _CONTENT_TYPE]
