from __future__ import annotations

import logging

import pytest

from streams.delivery.bugs import EXIT_BUG, Bugs, without_payload
from streams.errors import StartRefused


def explode(payload: str) -> None:
    try:
        dict[str, str]()[payload]
    except KeyError as error:
        raise ValueError(f"bad {payload}") from error


def caught(payload: str) -> ValueError:
    with pytest.raises(ValueError, match="bad") as info:
        explode(payload)
    return info.value


def test_a_bug_ends_the_process_with_its_exit_code(caplog: pytest.LogCaptureFixture) -> None:
    codes: list[int] = []
    with caplog.at_level(logging.CRITICAL):
        Bugs(codes.append).found("recommender", caught("her-address"))
    assert codes == [EXIT_BUG]
    assert "recommender: bug (ValueError)" in caplog.text


def test_the_log_shows_files_lines_and_causes_but_no_payload() -> None:
    text = without_payload(caught("her-address"))
    assert "her-address" not in text
    assert "test_bugs.py" in text
    assert "in explode" in text
    assert text.index("builtins.ValueError") < text.index("builtins.KeyError")


def test_our_own_errors_say_what_they_say() -> None:
    assert without_payload(StartRefused("do this")).endswith("StartRefused: do this")
