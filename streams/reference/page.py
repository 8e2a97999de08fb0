"""docs/topics.md, from the declarations, the examples and the prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from streams.errors import REASONS
from streams.reference import prose
from streams.reference.examples import CLICKS, IMAGES, PIXEL, Example, a_list
from streams.reference.schemas import REASON_KINDS, SIMILARITIES
from streams.topic_kinds import Topic
from streams.topics import TOPICS

_EXAMPLES: Mapping[str, Sequence[Example]] = {"images": IMAGES, "clicks": CLICKS}
_PROSE: Mapping[str, str] = {
    "images": prose.IMAGES,
    "clicks": prose.CLICKS,
    "recommendations": prose.RECOMMENDATIONS,
    "dead-letters": prose.DEAD_LETTERS,
}
_DIRECTIONS = {"in": "in: you write it", "out": "out: you read it", "internal": "internal"}


def markdown() -> str:
    """The whole page."""
    text = "\n".join(line.rstrip() for line in _lines())
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield "# Topics"
    yield ""
    yield "Made from `streams/topics.py` and `streams/reference/` by `make docs`; a test holds"
    yield "it to the code."
    yield ""
    yield prose.INTRO
    yield ""
    yield from _table(
        ("topic", "direction", "key", "what"),
        (
            (f"[{t.name}](#{t.name})", _DIRECTIONS[t.direction].partition(":")[0], t.key, t.what)
            for t in TOPICS
        ),
    )
    yield "In Python, with kafka-python (install `kafka-python[crc32c]`: its own checksum is slow):"
    yield ""
    yield from _block(prose.PRODUCER, "python")
    for topic in TOPICS:
        yield from _topic(topic)
    yield "## Changing the number of partitions later"
    yield ""
    yield from _table(("topic", "what happens"), ((t.name, t.repartition) for t in TOPICS))


def _topic(topic: Topic) -> Iterator[str]:
    yield f"## {topic.name}"
    yield ""
    yield topic.what
    yield ""
    yield f"- direction: {_DIRECTIONS[topic.direction]}"
    yield f"- written by {topic.written_by}, read by {topic.read_by}"
    yield f"- key: {topic.key}"
    if topic.name not in _PROSE:
        yield f"- value: {topic.value}"
    yield ""
    if topic.name in _PROSE:
        yield _PROSE[topic.name]
        yield ""
    for example in _EXAMPLES.get(topic.name, ()):
        yield example.says
        yield ""
        yield from _block(_shown(example))
    if topic.name == "recommendations":
        yield from _list()
    if topic.name == "dead-letters":
        yield from _table(("reason", "meaning"), ((f"`{code}`", REASONS[code]) for code in REASONS))
    yield "How `lookstream topics create` makes it:"
    yield ""
    yield from _table(
        ("config", "value", "why"),
        ((f"`{k}`", v, topic.why.get(k, "")) for k, v in topic.config.items()),
    )


def _shown(example: Example) -> str:
    lines = [f"key      {'null' if example.key is None else example.key}"]
    for place, (name, text) in enumerate(example.headers):
        lines.append(f"{'headers' if place == 0 else '':9}{name}: {text}")
    if example.value is None:
        value = "null"
    elif example.value == PIXEL:
        value = f"(the {len(PIXEL)} bytes of a PNG)"
    else:
        value = example.value.decode()
    lines.append(f"value    {value}")
    return "\n".join(lines)


def _list() -> Iterator[str]:
    key, value, headers = a_list()
    yield "The headers make it a CloudEvent in binary mode. An example, its first three items:"
    yield ""
    shown = [f"key      {key.decode()}"]
    for place, (name, text) in enumerate(headers):
        shown.append(f"{'headers' if place == 0 else '':9}{name}: {text.decode()}")
    pretty = orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode()
    yield from _block("\n".join([*shown, "value"]) + "\n" + pretty)
    yield "Kinds of reason (more may come):"
    yield ""
    yield from _table(
        ("kind", "why it is here", "`similarity`"),
        ((f"`{k}`", w, SIMILARITIES.get(k, "null")) for k, w in REASON_KINDS.items()),
    )


def _block(text: str, language: str = "") -> Iterator[str]:
    yield f"```{language}"
    yield text.rstrip("\n")
    yield "```"
    yield ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""
