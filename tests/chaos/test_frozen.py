"""With a frozen learner whole profiles are expected; a residual that is another is found out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from streams import embeddings
from streams.core import codec
from streams.core.learning.interaction import decode_interaction
from streams.records import RawRecord
from streams.settings import Settings, load_settings
from streams.stores.item_index import ItemIndex
from tests.chaos import frozen, oracle
from tests.chaos.judge import Evidence, judge
from tests.chaos.load import BASE, clicks

CLICKS = 1_500
DIM = 16


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(learned_items=1_000)


@pytest.fixture(scope="module")
def expected(settings: Settings) -> oracle.Expected:
    crowd = frozen.crowd_of(frozen.published(settings), settings)
    return oracle.expect(log(settings), catalogue(), settings, crowd)


def log(settings: Settings) -> Iterator[RawRecord]:
    for offset, sent in enumerate(islice(clicks(settings.topics(), 3), CLICKS)):
        yield RawRecord(sent.topic, 0, offset, 1_700_000_000_000 + offset, sent.key, sent.value)


def catalogue() -> ItemIndex:
    index = ItemIndex("m@1", DIM)
    rng = np.random.default_rng(1)
    for number in range(BASE):
        vector = rng.normal(size=DIM)
        key, value = embeddings.encode_view(
            item_id=f"base-{number}",
            view="main",
            model_id="m@1",
            vector=vector / np.linalg.norm(vector),
            picture_hash=0,
            at_ms=1,
        )
        item = embeddings.decode(key, value)
        assert item is not None
        index.apply(item)
    return index


def kept(expected: oracle.Expected) -> Evidence:
    """A run whose workers did what was expected."""
    return Evidence(
        clicks=[],
        images=[],
        expected=expected,
        stored=dict(expected.profiles),
        stored_popularity=dict(expected.popularity),
        lessons=dict(expected.lessons),
    )


def found(seen: Evidence) -> list[str]:
    return [f"{each.what}: {each.whom}" for each in judge(seen)]


def test_most_profiles_have_a_residual_and_all_are_as_expected(expected: oracle.Expected) -> None:
    residuals = [each for each in expected.profiles.values() if codec.decode(each).residual]
    assert len(residuals) > 50
    assert found(kept(expected)) == []


def test_the_last_bit_of_a_residual_is_found_out(expected: oracle.Expected) -> None:
    seen = kept(expected)
    user = next(user for user, each in expected.profiles.items() if codec.decode(each).residual)
    profile = bytearray(expected.profiles[user])
    profile[-2] ^= 1
    seen.stored = {**seen.stored, user: bytes(profile)}
    (difference,) = found(seen)
    assert "profiles that differ" in difference
    assert f"user {user}," in difference


def test_a_lesson_with_another_residual_is_found_out(expected: oracle.Expected) -> None:
    seen = kept(expected)
    place, told = next(
        (place, told)
        for place, told in seen.lessons.items()
        if decode_interaction(told).residual.any()
    )
    lesson = decode_interaction(told)
    other = replace(lesson, residual=-lesson.residual).encode()
    seen.lessons = {**seen.lessons, place: other}
    assert "lessons that say something else" in found(seen)[0]


def test_a_pass_that_learned_something_else_is_found_out(
    settings: Settings, expected: oracle.Expected
) -> None:
    known = dict(frozen.published(settings))
    del known[max(known.keys() - {b"weights"})]
    seen = kept(
        oracle.expect(log(settings), catalogue(), settings, frozen.crowd_of(known, settings))
    )
    seen.expected = expected
    assert any("profiles that differ" in each for each in found(seen))
