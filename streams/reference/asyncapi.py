"""The AsyncAPI 3.0 document of the topics that others write or read.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0 and its Kafka bindings 0.5.0.
"""

from __future__ import annotations

from typing import Any

import orjson

from streams.errors import Reason
from streams.reference import schemas
from streams.reference.examples import CLICKS, IMAGES, Example, a_list
from streams.topic_kinds import Topic
from streams.topics import CLICKS as CLICKS_TOPIC
from streams.topics import DEAD_LETTERS, RECOMMENDATIONS
from streams.topics import IMAGES as IMAGES_TOPIC

Object = dict[str, Any]

_BINDING = "0.5.0"
_TEXT: Object = {"type": "string"}
_CE_HEADERS: Object = {
    f"ce_{name}": {"type": "string"}
    for name in ("specversion", "id", "source", "type", "time", "subject")
}


def document() -> Object:
    """The whole document, as it is written to docs/asyncapi.json."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "lookstream",
            "version": "1.0.0",
            "description": "Pictures and clicks come in, each user's refreshed list goes out. "
            "Topics are named without LOOKSTREAM_TOPIC_PREFIX. docs/topics.md says it in prose.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "images": _channel(IMAGES_TOPIC, ["picture", "imageJson", "withdrawal"]),
            "clicks": _channel(CLICKS_TOPIC, ["click"]),
            "recommendations": _channel(RECOMMENDATIONS, ["list"]),
            "deadLetters": _channel(DEAD_LETTERS, ["deadLetter"]),
        },
        "operations": {
            "embed": _operation("receive", "images", "Look at pictures, keep facts."),
            "recommend": _operation("receive", "clicks", "Learn what a user likes."),
            "publishLists": _operation("send", "recommendations", "Publish a user's list."),
            "refuse": _operation("send", "deadLetters", "Publish what was refused, and why."),
        },
        "components": {
            "messages": _messages(),
            "schemas": {
                "image": schemas.IMAGE,
                "click": schemas.CLICK,
                "list": schemas.LIST,
            },
        },
    }


def _channel(topic: Topic, messages: list[str]) -> Object:
    config: Object = {
        "cleanup.policy": [topic.config["cleanup.policy"]],
        "max.message.bytes": topic.max_message_bytes,
    }
    for name in ("retention.ms", "delete.retention.ms"):
        if name in topic.config:
            config[name] = int(topic.config[name])
    return {
        "address": topic.name,
        "description": topic.what,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": config,
                "bindingVersion": _BINDING,
            }
        },
    }


def _operation(action: str, channel: str, summary: str) -> Object:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
    }


def _message(title: str, key: str, payload: Object, **more: object) -> Object:
    bindings = {"kafka": {"key": {"description": key, **_TEXT}, "bindingVersion": _BINDING}}
    return {"title": title, "payload": payload, "bindings": bindings, **more}


def _messages() -> Object:
    facts = {"view": _TEXT, **dict.fromkeys(schemas.FACTS, _TEXT), **_CE_HEADERS}
    _, value, headers = a_list()
    said = {"topic", "partition", "offset", "timestamp", "agent", "detail"}
    return {
        "picture": _message(
            "The bytes of a picture",
            "Item id.",
            {"type": "string", "contentEncoding": "binary"},
            contentType="application/octet-stream",
            headers={"type": "object", "properties": facts},
        ),
        "imageJson": _message(
            "A picture, facts, or both, as JSON",
            "Item id; may be null when item_id is there.",
            {"$ref": "#/components/schemas/image"},
            examples=[_example(e) for e in IMAGES if _is_plain_json(e)],
        ),
        "withdrawal": _message("The item is withdrawn", "Item id.", {"type": "null"}),
        "click": _message(
            "A click",
            "User id; may be null when user_id is there.",
            {"$ref": "#/components/schemas/click"},
            examples=[_example(e) for e in CLICKS if _is_plain_json(e)],
        ),
        "list": _message(
            "A list",
            "User id, or *.",
            {"$ref": "#/components/schemas/list"},
            headers={"type": "object", "properties": {**_CE_HEADERS, "content-type": _TEXT}},
            examples=[
                {
                    "name": "list",
                    "headers": {name: text.decode() for name, text in headers},
                    "payload": orjson.loads(value),
                }
            ],
        ),
        "deadLetter": _message(
            "A refused record",
            "The original key.",
            {"description": "The original value, byte for byte; may be null."},
            contentType="application/octet-stream",
            headers={
                "type": "object",
                "description": "The original headers, and behind them these. Of headers that "
                "have the same name, the last is lookstream's.",
                "required": ["reason", *sorted(said)],
                "properties": {
                    "reason": {"type": "string", "enum": [reason.value for reason in Reason]},
                    **dict.fromkeys(sorted(said), _TEXT),
                },
            },
        ),
    }


def _is_plain_json(example: Example) -> bool:
    return bool(example.value and example.value.startswith(b"{") and not example.headers)


def _example(example: Example) -> Object:
    return {
        "name": example.name,
        "summary": example.says,
        "payload": orjson.loads(example.value or b"null"),
    }
