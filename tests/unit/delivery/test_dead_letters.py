from __future__ import annotations

import pytest

from streams.delivery import Refusal, read_dead_letter
from streams.delivery.dead_letters import NAMES, dead_letter
from streams.errors import Reason
from streams.records import RawRecord
from tests.unit.delivery.conftest import record


def stored(refusal: Refusal) -> RawRecord:
    """The dead letter as it would be read from its topic."""
    message = dead_letter("dead", refusal, "recommender")
    return RawRecord("dead", 0, 0, 1, message.key, message.value, tuple(message.headers))


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00"])
@pytest.mark.parametrize("value", [None, b"", b"\x00" * 1000])
@pytest.mark.parametrize("headers", [(), (("a", b"\xff"), ("a", b""), ("offset", b"theirs"))])
def test_the_original_comes_back_byte_for_byte(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    original = record(7, partition=3, key=key, value=value, headers=headers)
    letter = read_dead_letter(stored(Refusal(original, Reason.BAD_JSON, "why")))
    assert (letter.key, letter.value, letter.headers) == (key, value, headers)
    assert (letter.reason, letter.detail, letter.agent) == ("bad-json", "why", "recommender")
    assert (letter.topic, letter.partition, letter.offset) == ("in", 3, 7)
    assert letter.timestamp == original.timestamp


def test_a_reader_that_takes_headers_as_a_mapping_gets_ours() -> None:
    original = record(7, headers=[("reason", b"theirs"), ("agent", b"theirs")])
    headers = dict(stored(Refusal(original, Reason.BAD_ID, "d")).headers)
    assert (headers["reason"], headers["agent"]) == (b"bad-id", b"recommender")


def test_a_dead_letter_has_its_own_time_since_the_original_may_claim_any() -> None:
    message = dead_letter("dead", Refusal(record(1), Reason.BAD_TIME, "d"), "a")
    assert message.timestamp_ms is None


def test_details_are_short_and_printable() -> None:
    detail = "\x1b[2J\u202e" + "x" * 10_000
    letter = read_dead_letter(stored(Refusal(record(1), Reason.BAD_JSON, detail)))
    assert letter.detail.isprintable()
    assert len(letter.detail) < 600


@pytest.mark.parametrize(
    "headers", [(), (("reason", b"x"),), tuple((name, b"x") for name in reversed(NAMES))]
)
def test_other_records_are_no_dead_letters(headers: tuple[tuple[str, bytes], ...]) -> None:
    with pytest.raises(ValueError, match="not a dead letter"):
        read_dead_letter(record(1, headers=headers))
