"""Fixtures for every test: a real broker and a real store, started once when first asked for."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from inference.devices import onnx_runtime
from tests.support.kafka import Kafka, KafkaMissing
from tests.support.valkey import Valkey, ValkeyMissing

onnx_runtime()  # before usearch: docs/decisions/one-module-per-worker.md

# No test is timed: a first call compiles, and a busy machine is slow.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

_missing: dict[str, str] = {}
_numbers = itertools.count(1)


def _skip(what: str, missing: Exception) -> None:
    _missing[f"what needs a real {what}"] = str(missing)
    pytest.skip(f"{what} is not available: {missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, why in _missing.items():
        terminalreporter.write_line(f"NOT TESTED: {what}. {why}", red=True, bold=True)


@pytest.fixture
def not_tested() -> Callable[[str, str], None]:
    """Say loudly, at the end of the run, that a part of a test was left out, and why."""
    return _missing.__setitem__


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The session's Apache Kafka. Tests share it: use `topic_prefix`, never stop it."""
    broker = Kafka(tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
    except KafkaMissing as missing:
        _skip("Apache Kafka", missing)
    yield broker
    broker.kill()


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker of this test's own, to stop, kill and start again."""
    broker = Kafka(tmp_path_factory.mktemp("own-kafka"))
    try:
        broker.start()
    except KafkaMissing as missing:
        _skip("Apache Kafka", missing)
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The session's Valkey. Tests share it: use `topic_prefix` in keys, never stop it."""
    store = Valkey(tmp_path_factory.mktemp("valkey"))
    try:
        store.start()
    except ValkeyMissing as missing:
        _skip("Valkey or Redis", missing)
    yield store
    store.kill()


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """An append-only store of this test's own, to stop, kill and start again."""
    store = Valkey(tmp_path_factory.mktemp("own-valkey"), append_only=True)
    try:
        store.start()
    except ValkeyMissing as missing:
        _skip("Valkey or Redis", missing)
    yield store
    store.kill()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix no other test uses, for topics, groups and keys."""
    return f"t{os.getpid()}-{next(_numbers)}-"
