"""What a worker needs, looked at one by one, each with a remedy.

Every check asks the same code that a worker would ask, so that the doctor's word holds.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from inference.errors import ModelError
from streams import kafka_rights, topic_admin
from streams.errors import DependencyDown, LogBegunAnew, StartRefused, StoreBehind
from streams.logs import describe
from streams.settings import Settings
from streams.topic_check import differences
from streams.wires import kafka_options, redis_options

_FETCH_MAX_WAIT_MS = 100

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. A problem has a remedy."""

    subject: str
    state: State
    detail: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings, checks: Sequence[tuple[str, Check]] = ()) -> list[Finding]:
    """Every finding. A check that fails in a way it should not is a problem, too."""
    findings: list[Finding] = []
    for subject, check in checks or CHECKS:
        try:
            findings.extend(check(settings))
        except (StartRefused, ModelError) as refused:
            findings.append(Finding(subject, "problem", str(refused)))
        except DependencyDown as down:
            findings.append(Finding(subject, "problem", f"{down.dependency}: {down.detail}"))
        except Exception as error:  # noqa: BLE001 - a doctor who dies of one patient helps nobody
            detail = f"could not be looked at: {describe(error)}"
            findings.append(Finding(subject, "problem", detail, "Please report this as a bug."))
    return findings


def check_delivery(settings: Settings) -> Iterator[Finding]:
    """The inner parts of Faust and aiokafka that delivery relies on."""
    hooks: Any = import_module("streams.delivery.hooks")
    hooks.check_hooks()
    yield Finding("delivery", "ok", "Faust and aiokafka are the versions that it was built for")


def check_model(settings: Settings) -> Iterator[Finding]:
    """The manifest, and the session on the device that is asked for."""
    try:
        encoder_module: Any = import_module("inference.encoder")
        encoder = encoder_module.Encoder(
            settings.models_dir,
            settings.model,
            device=settings.device,
            threads=settings.model_threads,
        )
    except ModuleNotFoundError as missing:
        if missing.name != "onnxruntime":
            raise
        yield Finding(
            "model",
            "problem",
            "onnxruntime is not installed, so no embedder can run here",
            "pip install 'lookstream[cpu]', or 'lookstream[gpu]' for CUDA. A recommender runs "
            "without it.",
        )
        return
    yield Finding("model", "ok", f"{encoder.model_id}, {encoder.dim} dimensions")
    yield Finding("device", "ok", f"LOOKSTREAM_DEVICE={settings.device}: runs on {encoder.device}")


def check_kafka(settings: Settings) -> Iterator[Finding]:
    """The broker, and every topic."""
    topics = tuple(settings.topics())
    options = kafka_options(settings)
    with topic_admin.connect(settings.kafka, options, timeout_s=5.0) as admin:
        found = topic_admin.look(admin, topics)
        rights = list(_rights(settings, options, admin))
    protocol = options.get("security_protocol", "PLAINTEXT")
    yield Finding("kafka", "ok", f"answers at {settings.kafka} over {protocol}")
    yield from rights
    left = differences(
        topics,
        found,
        partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        kafka=settings.kafka,
    )
    for difference in left:
        state: State = "problem" if difference.vital else "note"
        yield Finding("topics", state, f"{difference.topic} {difference.what}", difference.remedy)
    if not any(difference.vital for difference in left):
        yield Finding("topics", "ok", f"{len(topics)} topics are as they should be")


def _rights(
    settings: Settings, options: Mapping[str, Any], admin: topic_admin.Admin
) -> Iterator[Finding]:
    """Which workers this user may run. Each may well have a user of its own; one must fit."""
    if not options:
        return
    who = topic_admin.us(options)
    lacking = {
        worker: kafka_rights.denied(admin, kafka_rights.needed(worker, settings))
        for worker in kafka_rights.WORKERS
    }
    for worker, rights in lacking.items():
        if not rights:
            yield Finding("kafka", "ok", f"lets {who} run the {worker}")
        else:
            yield Finding(
                "kafka",
                "problem" if all(lacking.values()) else "note",
                f"denies {who}, if it is to run the {worker}, {', '.join(map(str, rights))}",
                topic_admin.RIGHTS_ADVICE,
            )


def check_store(settings: Settings) -> Iterator[Finding]:
    """Redis: that it answers, lets us do what the recommender does, and keeps what it is given."""
    try:
        keeping = _ask_store(settings, lambda store: store.keeping())
    except DependencyDown as down:
        yield Finding(
            "store",
            "problem",
            f"does not answer at {settings.redis_shown}: {down.detail}",
            "Start Redis or Valkey, or set LOOKSTREAM_REDIS to where it is.",
        )
        return
    yield Finding("store", "ok", f"answers at {settings.redis_shown} and runs scripts")
    if keeping is None:
        yield Finding(
            "store",
            "note",
            "doesn't let this user see whether it evicts profiles, or loses them at a restart",
            "Ask as the operator of deploy/redis/users.conf.",
        )
        return
    if keeping.evicts:
        yield Finding(
            "store",
            "problem",
            f"throws profiles away when its memory is full (maxmemory-policy {keeping.evicts})",
            "Set maxmemory-policy to noeviction: workers then wait, and nothing is lost.",
        )
    if not keeping.persists:
        yield Finding(
            "store",
            "note",
            "writes nothing to disk: a restart loses every profile",
            "Set appendonly yes. `lookstream rebuild` restores what the log of clicks still has.",
        )


def check_profiles(settings: Settings) -> Iterator[Finding]:
    """That the store holds what the recommenders have finished."""
    past: Any = import_module("streams.agents.past")
    log_look: Any = import_module("streams.stores.log_look")
    topic = settings.topics().clicks
    with topic_admin.connect(settings.kafka, kafka_options(settings), timeout_s=5.0) as admin:
        finished = topic_admin.committed(admin, settings.group("recommender"), topic)
    begun = [past.Begun(topic, *place) for place in sorted(finished.items())]

    async def ask(store: Any) -> dict[str, int]:
        log = log_look.LogLook(settings.kafka, _FETCH_MAX_WAIT_MS, kafka_options(settings))
        await past.Past(store, log, lambda: begun).check()
        marks: dict[str, int] = await store.marks()
        return marks

    try:
        marks = _ask_store(settings, ask)
    except (StoreBehind, LogBegunAnew) as wrong:
        yield Finding(
            "profiles",
            "problem",
            wrong.detail,
            "Ask `lookstream rebuild --dry-run` what is missing.",
        )
        return
    holds_all = True
    for each in begun:
        mark = marks.get(each.source, -1)
        # A transaction's marker takes an offset too: a difference of one is no loss.
        if mark < each.first - 2:
            holds_all = False
            yield Finding(
                "profiles",
                "note",
                f"{each.source} is in the store up to offset {mark}, and was finished up to "
                f"{each.first - 1}; the log holds nothing in between",
                "If it was emptied, restore a backup: the clicks are gone from the log.",
            )
    if holds_all:
        yield Finding("profiles", "ok", "the store holds what was finished")


def _ask_store(settings: Settings, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """Start the store as a recommender would, and ask it. Raises DependencyDown or StartRefused."""
    profiles: Any = import_module("streams.stores.redis_profiles")

    async def asked() -> Any:
        store = profiles.RedisProfiles(
            settings.redis_url,
            prefix=settings.store_prefix,
            timeout_s=settings.redis_timeout_s,
            options=redis_options(settings),
        )
        try:
            await store.start()
            return await ask(store)
        finally:
            await store.close()

    return asyncio.run(asked())


def check_snapshots(settings: Settings) -> Iterator[Finding]:
    """That the index can be copied to disk. A recommender runs without, and starts slower."""
    folder = settings.snapshot_dir
    try:
        _write_something(folder)
    except OSError as error:
        yield Finding(
            "snapshots",
            "problem",
            f"{folder} can't be written: {error.strerror}",
            "Set LOOKSTREAM_SNAPSHOT_DIR to a directory that this user may write.",
        )
        return
    yield Finding("snapshots", "ok", f"{folder} can be written")


def _write_something(folder: Path) -> None:
    """Write and remove a file in `folder`, or in the nearest parent that exists."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(20, os.strerror(20))
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(b"lookstream")


CHECKS: Sequence[tuple[str, Check]] = (
    ("delivery", check_delivery),
    ("model", check_model),
    ("kafka", check_kafka),
    ("store", check_store),
    ("profiles", check_profiles),
    ("snapshots", check_snapshots),
)
