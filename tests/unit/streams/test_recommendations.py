from __future__ import annotations

import math
from dataclasses import dataclass, replace

import orjson
import pytest

from streams.cloudevents import read_headers
from streams.core.picks import Pick
from streams.recommendations import (
    Headers,
    ItemReason,
    ListedItem,
    RecommendationList,
    Trigger,
    encode,
    encode_fallback,
    fallback_list_id,
    list_id,
    parse_list,
    rfc3339,
)


@dataclass(frozen=True)
class Facts:
    labels: tuple[str, ...] = ()
    group: str | None = None
    title: str | None = None


TRIGGER = Trigger("shop.clicks", 3, 1042, "sku-1", "like", 1_795_429_800.25)
PICKS = [
    Pick(0, "sku-7", 0.93124, 0.25, "looks-like", "sku-1", 0.88416),
    Pick(1, "靴", 0.41, 1.0, "popular"),
]
FACTS = [Facts(("a", "b"), "Acme", "Shoe"), Facts()]
MADE_AT_S = 1_795_429_800.312


def encoded(picks: list[Pick] = PICKS, user_id: str = "u-1") -> tuple[bytes, bytes, Headers]:
    return encode(
        user_id=user_id,
        trigger=TRIGGER,
        made_at_s=MADE_AT_S,
        model="model@1",
        policy="taste",
        picks=picks,
        facts=FACTS[: len(picks)],
    )


def test_a_list_is_published_as_the_docs_say() -> None:
    key, value, _ = encoded()
    assert key == b"u-1"
    assert orjson.loads(value) == {
        "list_id": "shop.clicks-3-1042",
        "user_id": "u-1",
        "made_at": "2026-11-23T10:30:00.312Z",
        "trigger": {
            "topic": "shop.clicks",
            "partition": 3,
            "offset": 1042,
            "item_id": "sku-1",
            "kind": "like",
            "at": "2026-11-23T10:30:00.250Z",
        },
        "model": "model@1",
        "policy": "taste",
        "items": [
            {
                "item_id": "sku-7",
                "rank": 1,
                "score": 0.9312,
                "propensity": 0.25,
                "reason": {"kind": "looks-like", "item_id": "sku-1", "similarity": 0.8842},
                "labels": ["a", "b"],
                "group": "Acme",
                "title": "Shoe",
            },
            {
                "item_id": "靴",
                "rank": 2,
                "score": 0.41,
                "propensity": 1.0,
                "reason": {"kind": "popular", "item_id": None, "similarity": None},
                "labels": [],
                "group": None,
                "title": None,
            },
        ],
    }


def test_the_headers_make_it_a_cloudevent() -> None:
    _, _, headers = encoded(user_id="größe")
    envelope = read_headers(headers)
    assert envelope.json
    assert envelope.attributes == {
        "specversion": "1.0",
        "id": "shop.clicks-3-1042",
        "source": "/lookstream/recommender",
        "type": "lookstream.list.v1",
        "time": "2026-11-23T10:30:00.312Z",
        "subject": "größe",
    }


def test_the_headers_of_one_list_are_not_those_of_another() -> None:
    first = encoded()[2]
    first.append(("traceparent", b"x"))
    assert ("traceparent", b"x") not in encoded()[2]


def test_a_list_is_read_back_as_it_was_made() -> None:
    _, value, _ = encoded()
    assert parse_list(value) == RecommendationList(
        list_id="shop.clicks-3-1042",
        user_id="u-1",
        made_at_s=MADE_AT_S,
        trigger=TRIGGER,
        model="model@1",
        policy="taste",
        items=(
            ListedItem(
                "sku-7",
                1,
                0.9312,
                0.25,
                ItemReason("looks-like", "sku-1", 0.8842),
                ("a", "b"),
                "Acme",
                "Shoe",
            ),
            ListedItem("靴", 2, 0.41, 1.0, ItemReason("popular")),
        ),
    )


def test_fields_of_later_versions_are_skipped_by_a_reader() -> None:
    value = orjson.loads(encoded()[1])
    value["experiment"] = {"arm": 2}
    assert parse_list(orjson.dumps(value)) == parse_list(encoded()[1])


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"null", b'{"list_id": 1}', b"\xff"])
def test_what_is_no_list_is_a_value_error(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_list(value)


@pytest.mark.parametrize("name", ["made_at", "user_id", "items"])
def test_the_error_of_a_wrong_field_names_it_and_does_not_show_it(name: str) -> None:
    value = orjson.loads(encoded()[1])
    value[name] = ["hunter2"] if name != "made_at" else "hunter2"
    with pytest.raises(ValueError, match=name) as caught:
        parse_list(orjson.dumps(value))
    assert "hunter2" not in str(caught.value)


def test_an_empty_list_is_a_list() -> None:
    assert parse_list(encoded(picks=[])[1]).items == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": math.nan},
        {"score": math.inf},
        {"similarity": math.nan},
        {"propensity": 0.0},
        {"propensity": 1.1},
        {"propensity": math.nan},
    ],
)
def test_a_number_that_means_nothing_is_not_published(wrong: dict[str, float]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        encoded(picks=[replace(PICKS[0], **wrong)])  # type: ignore[arg-type]


def test_facts_and_picks_belong_together() -> None:
    with pytest.raises(ValueError, match="zip"):
        encoded(picks=[*PICKS, PICKS[0]])


def test_the_name_of_a_list_follows_from_its_click() -> None:
    assert list_id("clicks", 3, 1042) == "clicks-3-1042"
    assert len({list_id("clicks", p, o) for p in range(3) for o in range(300)}) == 900


def fallback(picks: list[Pick], made_at_s: float = MADE_AT_S) -> tuple[bytes, bytes, Headers]:
    facts = FACTS[: len(picks)]
    return encode_fallback(
        made_at_s=made_at_s, model="model@1", policy="fallback", picks=picks, facts=facts
    )


def test_the_list_for_somebody_unknown_has_no_trigger() -> None:
    key, value, _ = fallback(PICKS)
    assert key == b"*"
    assert parse_list(value).user_id == "*"
    assert parse_list(value).trigger is None


def test_the_name_of_the_list_for_somebody_unknown_follows_from_what_is_on_it() -> None:
    def name(picks: list[Pick], facts: list[Facts] = FACTS, model: str = "model@1") -> str:
        return fallback_list_id(model, "fallback", picks, facts)

    same = name(PICKS)
    assert parse_list(fallback(PICKS, MADE_AT_S + 60)[1]).list_id == same
    assert name([replace(PICKS[0], score=0.5), PICKS[1]]) == same
    assert name(PICKS[::-1]) != same
    assert name([replace(PICKS[0], reason_kind="new"), PICKS[1]]) != same
    assert name(PICKS, [replace(FACTS[0], title="Boot"), FACTS[1]]) != same
    assert name(PICKS, model="model@2") != same


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(1_795_429_800) == "2026-11-23T10:30:00.000Z"
    assert rfc3339(1_795_429_800.999) == "2026-11-23T10:30:00.999Z"
