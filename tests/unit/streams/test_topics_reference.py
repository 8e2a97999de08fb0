from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import orjson
import pytest

from streams.agents.publishing import policy_of
from streams.core.picks import ReasonKind
from streams.core.rules import TasteRules
from streams.errors import Reason
from streams.events import Click, EventLimits, ImageEvent, parse_click, parse_image
from streams.generated import DOCS
from streams.recommendations import parse_list
from streams.records import RawRecord
from streams.reference import prose, schemas
from streams.reference.asyncapi import document
from streams.reference.examples import CLICKS, IMAGES, PIXEL, PUBLISHED_MS, Example, a_list
from streams.reference.page import markdown
from streams.settings import Settings
from streams.topics import TOPICS
from streams.topics_reference import generated, main, stale

LIMITS = EventLimits()


def parsed(example: Example) -> Click | ImageEvent:
    parse = {"images": parse_image, "clicks": parse_click}[example.topic]
    event = parse(example.record, LIMITS)
    assert isinstance(event, Click | ImageEvent)
    return event


def test_the_pages_in_docs_are_what_the_code_says() -> None:
    assert stale(DOCS) == [], "run `make docs`"


def test_a_stale_page_is_named_and_writing_mends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = tmp_path / "docs"
    assert main([], docs) == 1
    assert "docs/topics.md is stale" in capsys.readouterr().err
    assert main(["--write"], docs) == 0
    assert main([], docs) == 0
    (docs / "asyncapi.json").write_text("{}")
    assert main([], docs) == 1
    assert capsys.readouterr().err.count("stale") == 1


@pytest.mark.parametrize("example", [*IMAGES, *CLICKS], ids=lambda e: f"{e.topic}-{e.name}")
def test_every_example_is_accepted(example: Example) -> None:
    event = parsed(example)
    assert event.item_id == "sku-1"
    assert isinstance(event, ImageEvent) or event.user_id == "u-42"


def test_examples_that_say_the_same_mean_the_same() -> None:
    images = {example.name: parsed(example) for example in IMAGES}
    assert images["picture"] == images["picture-in-json"]
    assert images["cloudevent-binary"] == images["cloudevent-structured"]


def test_the_page_holds_every_topic_reason_kind_and_field() -> None:
    page = markdown()
    for topic in TOPICS:
        assert f"\n## {topic.name}\n" in page
    for word in (*Reason, *schemas.REASON_KINDS, *schemas.CLICK["properties"], *schemas.FACTS):
        assert f"`{word}`" in page


def test_every_setting_that_the_page_names_exists() -> None:
    named = set(re.findall(r"LOOKSTREAM_([A-Z_]+)", markdown()))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}


def test_the_producer_on_the_page_sends_events_that_are_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[RawRecord] = []

    class KafkaProducer:
        def __init__(self, **config: object) -> None: ...
        def flush(self) -> None: ...

        def send(self, topic: str, key: bytes, value: bytes | None, headers: Any = ()) -> None:
            sent.append(RawRecord(topic, 0, len(sent), PUBLISHED_MS, key, value, headers))

    kafka = ModuleType("kafka")
    kafka.KafkaProducer = KafkaProducer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kafka", kafka)
    monkeypatch.chdir(tmp_path)
    Path("sku-1.jpg").write_bytes(PIXEL)
    exec(compile(prose.PRODUCER, "docs/topics.md", "exec"), {})

    picture, facts, withdrawal, like = (
        parse_click(r, LIMITS) if r.topic == "clicks" else parse_image(r, LIMITS) for r in sent
    )
    assert picture == ImageEvent("sku-1", picture=PIXEL, facts={"labels": ("shoes", "red")})
    assert facts == ImageEvent("sku-1", facts={"available": False})
    assert withdrawal == ImageEvent("sku-1", withdrawn=True)
    assert isinstance(like, Click)
    assert (like.user_id, like.kind) == ("u-42", "like")


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    whole = document()
    found = list(references(whole))
    assert found
    for reference in found:
        part: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
        assert part


def test_the_asyncapi_document_holds_what_others_write_and_read() -> None:
    whole = json.loads(generated()["asyncapi.json"])
    assert whole["asyncapi"] == "3.0.0"
    addresses = {channel["address"] for channel in whole["channels"].values()}
    assert addresses == {topic.name for topic in TOPICS if topic.direction != "internal"}
    used = {operation["channel"]["$ref"] for operation in whole["operations"].values()}
    assert used == {f"#/channels/{name}" for name in whole["channels"]}


def names(schema: dict[str, Any], value: object) -> None:
    """Every name in `value` is in `schema`, and every required one in `value`."""
    if isinstance(value, dict):
        assert set(value) == set(schema["required"]) == set(schema["properties"])
        for name, inner in value.items():
            names(schema["properties"][name], inner)
    elif isinstance(value, list):
        for inner in value:
            names(schema["items"], inner)


def test_the_schema_of_a_list_has_the_fields_of_a_list() -> None:
    names(schemas.LIST, orjson.loads(a_list()[1]))


def test_the_list_on_the_page_is_one_that_a_worker_publishes_at_its_defaults() -> None:
    shown = parse_list(a_list()[1])
    assert shown.policy == policy_of(TasteRules())
    scores = [item.score for item in shown.items]
    assert scores == sorted(scores, reverse=True)
    for item in shown.items:
        assert item.propensity == 1.0
        assert item.reason.kind in schemas.REASON_KINDS
        named = item.reason.kind in schemas.SIMILARITIES
        assert named == (item.reason.item_id is not None)
        assert named == (item.reason.similarity is not None)


def test_every_kind_of_reason_is_explained() -> None:
    assert set(schemas.REASON_KINDS) == set(get_args(ReasonKind))


def test_the_schema_of_a_click_has_the_fields_of_a_click() -> None:
    assert set(schemas.CLICK["properties"]) - {"at"} == set(Click._fields) - {"at_s"}
