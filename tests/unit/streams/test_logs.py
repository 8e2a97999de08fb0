"""Logs for operators."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from streams import logs
from streams.errors import StartRefused
from streams.logs import Repeats, configure, describe, fields

PASSWORD = "hunter2-s3cret"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    names = ("streams", "inference")
    before = root.handlers[:], root.level, [logging.getLogger(name).level for name in names]
    yield
    root.handlers[:], root.level = before[0], before[1]
    for name, level in zip(names, before[2], strict=True):
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=False)


def parsed(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_text_line_is_key_and_value() -> None:
    out = io.StringIO()
    configure(stream=out)
    logging.getLogger("streams.x").info("caught up", extra=fields(items=3, seconds=0.25, by="a b"))
    line = out.getvalue()
    assert line.count("\n") == 1
    assert line.startswith("time=2")
    assert 'level=info logger=streams.x message="caught up" items=3 seconds=0.25 by="a b"' in line


def test_a_json_line_is_one_object() -> None:
    out = io.StringIO()
    configure(style="json", stream=out)
    logging.getLogger("inference.x").warning("slow %d", 5, extra=fields(seconds=0.5, why=None))
    (entry,) = parsed(out)
    assert entry.pop("time")
    assert entry == {
        "level": "warning",
        "logger": "inference.x",
        "message": "slow 5",
        "seconds": 0.5,
        "why": None,
    }


@pytest.mark.parametrize("style", ["text", "json"])
def test_nothing_from_outside_can_forge_a_line_or_move_a_terminal(style: str) -> None:
    out = io.StringIO()
    configure(style="json" if style == "json" else "text", stream=out)
    nasty = 'x\nlevel=error "\x1b[2J\u202e\r\x9b'
    logging.getLogger("streams").info("item %s", nasty, extra=fields(item=nasty))
    assert out.getvalue().count("\n") == 1
    assert not any(c in out.getvalue() for c in "\x1b\u202e\r\x9b")


@pytest.mark.parametrize("style", ["text", "json"])
def test_secrets_are_blotted_out_wherever_they_turn_up(style: str) -> None:
    out = io.StringIO()
    configure(style="json" if style == "json" else "text", secrets=[PASSWORD, ""], stream=out)
    try:
        raise StartRefused(f"at redis://:{PASSWORD}@store")
    except StartRefused:
        logging.getLogger("streams").exception("url %s", PASSWORD, extra=fields(url=PASSWORD))
    assert PASSWORD not in out.getvalue()
    assert out.getvalue().count("***") == 3


def test_long_messages_are_cut() -> None:
    out = io.StringIO()
    configure(stream=out)
    logging.getLogger("streams").info("x" * 100_000, extra=fields(y="y" * 100_000))
    assert len(out.getvalue()) < 4_000


def test_ours_speak_from_the_level_that_is_set_and_others_from_warning() -> None:
    out = io.StringIO()
    configure(level="info", style="json", stream=out)
    for name in ("streams.delivery", "aiokafka", "faust", "kafka.client", "asyncio"):
        logging.getLogger(name).debug("debug")
        logging.getLogger(name).info("info")
        logging.getLogger(name).warning("warning")
    said = [(entry["logger"], entry["message"]) for entry in parsed(out)]
    assert [entry for entry in said if entry[0] == "streams.delivery"] == [
        ("streams.delivery", "info"),
        ("streams.delivery", "warning"),
    ]
    assert {message for name, message in said if name != "streams.delivery"} == {"warning"}


def test_configuring_twice_does_not_say_everything_twice() -> None:
    out = io.StringIO()
    configure(stream=out)
    configure(stream=out)
    logging.getLogger("streams").info("once")
    assert out.getvalue().count("once") == 1


def test_logs_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    logging.getLogger("streams").info("hello")
    captured = capsys.readouterr()
    assert "hello" in captured.err
    assert captured.out == ""


def record(name: str, message: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "f", 1, message, (), None)


def test_a_library_that_repeats_itself_is_counted() -> None:
    now_s = 0.0
    repeats = Repeats(every_s=10.0, clock=lambda: now_s)
    passed = [repeats.filter(record("aiokafka", "no broker")) for _ in range(100)]
    assert passed == [True] + [False] * 99
    now_s = 10.0
    later = record("aiokafka", "no broker")
    assert repeats.filter(later)
    assert getattr(later, "fields", None) == {"left_out": 99}


def test_different_lines_and_our_own_are_not_repeats() -> None:
    repeats = Repeats(every_s=10.0, clock=lambda: 0.0)
    assert repeats.filter(record("aiokafka", "a"))
    assert repeats.filter(record("aiokafka", "b"))
    assert repeats.filter(record("kafka", "a"))
    assert all(repeats.filter(record("streams.delivery", "a")) for _ in range(5))


def test_what_is_remembered_of_repeats_is_bounded() -> None:
    repeats = Repeats(every_s=10.0, clock=lambda: 0.0)
    for number in range(3 * logs._REPEATS_KEPT):
        assert repeats.filter(record("kafka", f"line {number}"))
    assert len(repeats._said) <= logs._REPEATS_KEPT


def caught(error: Exception) -> str:
    try:
        raise error
    except Exception as raised:  # noqa: BLE001
        return describe(raised)


def test_an_exception_says_where_it_came_from_in_one_line() -> None:
    said = caught(TypeError("expected str"))
    assert said.startswith("TypeError: expected str at test_logs.py:")
    assert said.endswith(" caught")
    assert "\n" not in said


def test_an_exception_that_may_quote_what_it_read_is_told_by_its_type_only() -> None:
    said = caught(ValueError("invalid literal: 'her secret diary'"))
    assert said.startswith("ValueError at test_logs.py:")
    assert "diary" not in said


def test_the_cause_of_an_exception_is_told() -> None:
    try:
        try:
            raise KeyError("payload")
        except KeyError as cause:
            raise StartRefused("no model") from cause
    except StartRefused as refused:
        said = describe(refused)
    assert said.startswith("StartRefused: no model at ")
    assert "because of KeyError at " in said
    assert "payload" not in said


def test_an_endless_chain_of_causes_ends() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert describe(first).count("OSError") == 5
