"""JSON schemas of what goes in and out. A test holds them beside the parsers and real output."""

from __future__ import annotations

from typing import Any, get_args

from streams.events import EventLimits, Kind
from streams.fields import LATEST_S

Schema = dict[str, Any]

_LIMITS = EventLimits()
_NULLABLE_TEXT: Schema = {"type": ["string", "null"]}


def _id(what: str) -> Schema:
    return {
        "description": f"{what} At most {_LIMITS.max_id_bytes} bytes of UTF-8, no control "
        "characters. A whole number is taken as its decimal digits.",
        "type": ["string", "integer"],
        "minLength": 1,
    }


def _text(what: str, max_bytes: int) -> Schema:
    return {**_NULLABLE_TEXT, "description": f"{what} At most {max_bytes} bytes; null clears."}


def _record(what: str, fields: dict[str, Schema]) -> Schema:
    """An object with all of `fields`, as lookstream writes it."""
    return {
        "description": what,
        "type": "object",
        "required": list(fields),
        "properties": fields,
    }


FACTS: dict[str, Schema] = {
    "labels": {
        "description": f"Words about the item, at most {_LIMITS.max_labels} of at most "
        f"{_LIMITS.max_label_bytes} bytes; as text: with commas between them. [] clears.",
        "type": ["array", "string", "null"],
        "items": {"type": "string"},
    },
    "group": _text("What it belongs to: a brand, a category.", _LIMITS.max_group_bytes),
    "title": _text("What people call it.", _LIMITS.max_title_bytes),
    "available": {
        "description": "Whether it may be recommended now. Null: as if never said, which is true.",
        "type": ["boolean", "null"],
    },
}

VIEW: Schema = {
    "description": "Which of the item's pictures this is. A later picture of the same view "
    f"replaces it. At most {_LIMITS.max_view_bytes} bytes.",
    "type": ["string", "integer", "null"],
    "default": "main",
}

IMAGE: Schema = {
    "description": "A picture, facts, or both. What is not named stays as it is.",
    "type": "object",
    "properties": {
        "item_id": _id("The item. May be left out when the key names it."),
        "picture": {
            "description": "One of base64 and uri.",
            "type": ["object", "null"],
            "properties": {
                "base64": {
                    "description": "Standard base64: padded, no line breaks. At most "
                    f"{_LIMITS.picture_max_bytes} bytes when decoded.",
                    "type": "string",
                    "contentEncoding": "base64",
                },
                "uri": {
                    "description": "Where to fetch it. The operator must allow the host. At most "
                    f"{_LIMITS.max_uri_bytes} bytes.",
                    "type": "string",
                    "format": "uri",
                },
            },
        },
        "view": VIEW,
        **FACTS,
    },
}

CLICK: Schema = {
    "description": "Something a user did to an item.",
    "type": "object",
    "required": ["item_id"],
    "properties": {
        "user_id": _id("The user. May be left out when the key names her."),
        "item_id": _id("The item; it may be one that is not known yet."),
        "kind": {
            "description": "What she did. Upper and lower case are the same.",
            "type": ["string", "null"],
            "enum": [*get_args(Kind), None],
            "default": "click",
        },
        "at": {
            "description": "When: RFC 3339 with an offset, or epoch milliseconds. Default: the "
            f"record's timestamp. More than {_LIMITS.max_ahead_s:.0f} s after that is refused.",
            "oneOf": [
                {"type": "string", "examples": ["2026-11-23T10:30:00.250Z"]},
                {"type": "number", "exclusiveMaximum": LATEST_S * 1000},
                {"type": "null"},
            ],
        },
        "id": {**_id("Your own id of the event. Not used to find duplicates."), "minLength": 1},
        "dwell_s": {
            "description": "Seconds she stayed; needed for the kind dwell. More than "
            f"{_LIMITS.max_dwell_s:.0f} count as that.",
            "type": ["number", "null"],
            "minimum": 0,
        },
        "list_id": _id("The list she chose from."),
    },
}

REASON_KINDS = {
    "looks-like": "its picture is like that of an item of hers, which `item_id` names",
    "people-also-clicked": "others who clicked an item of hers, which `item_id` names, clicked it",
    "popular": "many click it now",
    "new": "it came lately",
    "exploring": "it is new, and was drawn at random, to learn whether it is liked",
}

SIMILARITIES = {
    "looks-like": "the cosine of the two items' first pictures",
    "people-also-clicked": "which part of all that leads here from what she did leads by that "
    "item, 0 to 1",
}
"""What `similarity` says, for the kinds that have one."""

POLICY = (
    "How places were given away. greedy-1: each to the best that is left. softmax-1(T): each drawn "
    "at random, T being LOOKSTREAM_TEMPERATURE. With +explore behind it, the last ones go to new "
    "items at random, where there are such (LOOKSTREAM_EXPLORE_SHARE)."
)
PROPENSITY = (
    "The chance with which this place went to this item, given the places above it; 1 where "
    "nothing was left to chance."
)

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}

_ITEM = _record(
    "One item, with all that is needed to show it.",
    {
        "item_id": _TEXT,
        "rank": {"description": "1 is the best.", "type": "integer", "minimum": 1},
        "score": {
            "description": "Comparable within one list only.",
            "type": "number",
        },
        "propensity": {
            "description": PROPENSITY,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
        },
        "reason": _record(
            "Why it is here. Kinds may be added: show those you don't know as no reason.",
            {
                "kind": {"type": "string", "examples": list(REASON_KINDS)},
                "item_id": _NULLABLE_TEXT,
                "similarity": {
                    "description": " ".join(f"{k}: {w}." for k, w in SIMILARITIES.items()),
                    "type": ["number", "null"],
                },
            },
        ),
        "labels": {"type": "array", "items": _TEXT},
        "group": _NULLABLE_TEXT,
        "title": _NULLABLE_TEXT,
    },
)

LIST: Schema = _record(
    "A user's current list. Fields may be added; ignore those you don't know.",
    {
        "list_id": {"description": "Follows from the trigger: deduplicate by it.", **_TEXT},
        "user_id": {"description": "The user, or * for somebody unknown.", **_TEXT},
        "made_at": _TIME,
        "trigger": {
            **_record(
                "The click it follows from; null for somebody unknown.",
                {
                    "topic": _TEXT,
                    "partition": _COUNT,
                    "offset": _COUNT,
                    "item_id": _TEXT,
                    "kind": {"type": "string", "enum": list(get_args(Kind))},
                    "at": _TIME,
                },
            ),
            "type": ["object", "null"],
        },
        "model": {"description": "The vector space of the similarities.", **_TEXT},
        "policy": {"description": POLICY, **_TEXT},
        "items": {"type": "array", "items": _ITEM},
    },
)
