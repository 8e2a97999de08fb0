"""What a worker needs, looked at one by one."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from inference.errors import ModelError
from streams import doctor, topic_admin
from streams.doctor import Finding, examine
from streams.errors import DependencyDown, StartRefused
from streams.settings import Settings
from streams.stores.redis_profiles import Keeping
from streams.topic_check import Found
from streams.topics import Topics

PASSWORD = "hunter2-s3cret"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        kafka="broker:9092",
        redis=f"redis://:{PASSWORD}@store:6379",
        snapshot_dir=tmp_path / "snapshots",
        models_dir=tmp_path / "models",
    )


def module(monkeypatch: pytest.MonkeyPatch, name: str, **contents: object) -> None:
    stand_in = types.ModuleType(name)
    vars(stand_in).update(contents)
    monkeypatch.setitem(sys.modules, name, stand_in)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (StartRefused("set X"), "set X"),
        (ModelError("export it"), "export it"),
        (DependencyDown("redis", "no answer"), "redis: no answer"),
    ],
)
def test_a_check_that_refuses_is_a_problem_and_the_others_go_on(
    settings: Settings, error: Exception, detail: str
) -> None:
    def refuse(settings: Settings) -> Iterator[Finding]:
        raise error
        yield

    def pass_on(settings: Settings) -> Iterator[Finding]:
        yield Finding("b", "ok", "fine")

    assert examine(settings, [("a", refuse), ("b", pass_on)]) == [
        Finding("a", "problem", detail),
        Finding("b", "ok", "fine"),
    ]


def test_a_check_with_a_bug_is_a_problem_that_shows_no_data(settings: Settings) -> None:
    def broken(settings: Settings) -> Iterator[Finding]:
        raise ValueError(PASSWORD)
        yield

    (finding,) = examine(settings, [("a", broken)])
    assert finding.state == "problem"
    assert "ValueError at test_doctor.py" in finding.detail
    assert PASSWORD not in finding.detail
    assert finding.remedy


def test_every_part_of_a_worker_is_looked_at() -> None:
    assert [subject for subject, _ in doctor.CHECKS] == [
        "delivery",
        "model",
        "kafka",
        "store",
        "profiles",
        "snapshots",
    ]


def test_faust_is_looked_at_by_deliverys_own_check(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_hooks() -> None:
        raise StartRefused("faust is too new")

    module(monkeypatch, "streams.delivery.hooks", check_hooks=check_hooks)
    assert examine(settings, [("delivery", doctor.check_delivery)]) == [
        Finding("delivery", "problem", "faust is too new")
    ]


class Encoder:
    """What a worker would build; remembers how."""

    asked: tuple[object, ...] = ()
    model_id = "net@abc"
    dim = 256
    device = "cpu"

    def __init__(self, models_dir: Path, model: str, *, device: str, threads: int) -> None:
        Encoder.asked = (models_dir, model, device, threads)


def test_a_model_that_runs_tells_its_id_and_device(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    module(monkeypatch, "inference.encoder", Encoder=Encoder)
    assert list(doctor.check_model(settings)) == [
        Finding("model", "ok", "net@abc, 256 dimensions"),
        Finding("device", "ok", "LOOKSTREAM_DEVICE=auto: runs on cpu"),
    ]
    assert Encoder.asked == (settings.models_dir, "resnet50-thin", "auto", 0)


def test_a_model_that_is_missing_says_how_to_make_it(settings: Settings) -> None:
    (finding,) = examine(settings, [("model", doctor.check_model)])
    assert finding.state == "problem"
    assert "lookstream export" in finding.detail


def test_without_onnxruntime_the_extra_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")

    module(monkeypatch, "inference.encoder", Encoder=missing)
    (finding,) = doctor.check_model(settings)
    assert finding.state == "problem"
    assert "lookstream[cpu]" in finding.remedy


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> dict[str, Found]:
    topics = {topic.name: Found(topic.partitions or 8, 1, dict(topic.config)) for topic in Topics()}

    @contextmanager
    def connect(kafka: str, options: object, *, timeout_s: float) -> Iterator[Any]:
        yield kafka

    monkeypatch.setattr(topic_admin, "connect", connect)
    monkeypatch.setattr(topic_admin, "look", lambda admin, wanted: topics)
    return topics


def test_a_broker_with_all_topics_is_well(settings: Settings, broker: dict[str, Found]) -> None:
    assert list(doctor.check_kafka(settings)) == [
        Finding("kafka", "ok", "answers at broker:9092 over PLAINTEXT"),
        Finding("topics", "ok", "8 topics are as they should be"),
    ]


def test_missing_topics_are_problems_with_a_remedy(
    settings: Settings, broker: dict[str, Found]
) -> None:
    del broker["images"]
    findings = list(doctor.check_kafka(settings))
    assert findings[1:] == [
        Finding("topics", "problem", "images is missing", "Run `lookstream topics create`.")
    ]


def test_choices_are_notes(settings: Settings, broker: dict[str, Found]) -> None:
    broker["images"] = Found(64, 1, broker["images"].config)
    states = [finding.state for finding in doctor.check_kafka(settings)]
    assert states == ["ok", "note", "ok"]


class Store:
    """A store that fails as told."""

    error: Exception | None = None
    keeps = Keeping(None, True)
    closed = False

    def __init__(self, url: str, *, prefix: str, timeout_s: float, options: object) -> None:
        assert PASSWORD in url
        assert prefix == "lookstream:"

    async def start(self) -> None:
        if Store.error:
            raise Store.error

    async def keeping(self) -> Keeping:
        return Store.keeps

    async def marks(self) -> dict[str, int]:
        return {"clicks-0": 100}

    async def close(self) -> None:
        Store.closed = True


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (None, "ok"),
        (DependencyDown("redis", "connection refused"), "problem"),
        (StartRefused("wrong password"), "problem"),
    ],
)
def test_the_store_is_asked_for_what_a_recommender_asks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception | None, state: str
) -> None:
    monkeypatch.setattr(Store, "error", error)
    monkeypatch.setattr(Store, "closed", False)
    module(monkeypatch, "streams.stores.redis_profiles", RedisProfiles=Store)
    (finding,) = examine(settings, [("store", doctor.check_store)])
    assert finding.state == state
    assert PASSWORD not in str(finding)
    assert Store.closed


@pytest.mark.parametrize(
    ("keeps", "states", "said"),
    [
        (Keeping("allkeys-lru", True), ["ok", "problem"], "maxmemory-policy allkeys-lru"),
        (Keeping(None, False), ["ok", "note"], "a restart loses every profile"),
    ],
)
def test_a_store_that_does_not_keep_profiles_is_noticed(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    keeps: Keeping,
    states: list[str],
    said: str,
) -> None:
    monkeypatch.setattr(Store, "error", None)
    monkeypatch.setattr(Store, "keeps", keeps)
    module(monkeypatch, "streams.stores.redis_profiles", RedisProfiles=Store)
    findings = list(doctor.check_store(settings))
    assert [finding.state for finding in findings] == states
    assert said in findings[-1].detail


class Log:
    """Clicks at the offsets in `holds`, of partition 0."""

    holds: Sequence[int] = ()

    def __init__(self, kafka: str, fetch_max_wait_ms: int, options: object) -> None: ...

    async def first_record(self, topic: str, partition: int, start: int, end: int) -> int | None:
        return next((offset for offset in self.holds if start <= offset < end), None)

    async def ends(self, topic: str) -> dict[int, int]:
        return {0: max(self.holds, default=-1) + 1}


@pytest.mark.parametrize(
    ("finished", "holds", "finding"),
    [
        (101, range(90, 101), "ok: holds what was finished"),
        (80, range(90, 101), "ok: holds what was finished"),
        (102, range(90, 101), "ok: holds what was finished"),
        (102, range(90, 102), "problem: stands at offset 100, though clicks up to offset 101"),
        (500, (), "note: up to offset 100, and was finished up to 499; the log holds nothing"),
        (7, range(7), "problem: made anew"),
    ],
)
def test_a_store_is_compared_with_what_was_finished(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    finished: int,
    holds: Sequence[int],
    finding: str,
) -> None:
    """Its mark is 100."""
    monkeypatch.setattr(Store, "error", None)
    monkeypatch.setattr(Log, "holds", holds)
    module(monkeypatch, "streams.stores.redis_profiles", RedisProfiles=Store)
    module(monkeypatch, "streams.stores.log_look", LogLook=Log)
    monkeypatch.setattr(topic_admin, "connect", lambda *_, **__: nullcontext())
    monkeypatch.setattr(topic_admin, "committed", lambda *_: {0: finished})
    (found,) = doctor.check_profiles(settings)
    state, _, said = finding.partition(": ")
    assert (found.state, bool(found.remedy)) == (state, state != "ok")
    assert said in found.detail


def test_a_snapshot_directory_need_not_exist_yet(settings: Settings) -> None:
    (finding,) = doctor.check_snapshots(settings)
    assert finding.state == "ok"
    assert not settings.snapshot_dir.exists()


def test_a_snapshot_directory_that_is_a_file_is_a_problem(
    settings: Settings,
) -> None:
    settings.snapshot_dir.write_text("a file")
    (finding,) = doctor.check_snapshots(settings)
    assert finding.state == "problem"
    assert "LOOKSTREAM_SNAPSHOT_DIR" in finding.remedy
