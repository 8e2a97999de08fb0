from __future__ import annotations

import re

import inference.errors as inference_errors
from inference.errors import PictureError
from streams.errors import REASONS, EventError, Reason


def test_every_reason_has_a_meaning_for_the_docs_in_the_order_of_the_codes() -> None:
    assert list(REASONS) == list(Reason)
    assert all(text.endswith(".") for text in REASONS.values())


def test_codes_are_lower_case_words_with_hyphens() -> None:
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in Reason)


def test_every_way_a_picture_is_refused_has_a_reason() -> None:
    refusals = [
        error
        for error in vars(inference_errors).values()
        if isinstance(error, type) and issubclass(error, PictureError) and error is not PictureError
    ]
    assert refusals
    for refusal in refusals:
        assert refusal.code in set(Reason)


def test_a_refused_event_tells_its_code_and_its_detail() -> None:
    error = EventError(Reason.BAD_ID, "item_id is empty")
    assert (error.reason, error.detail) == ("bad-id", "item_id is empty")
    assert str(error) == "bad-id: item_id is empty"
