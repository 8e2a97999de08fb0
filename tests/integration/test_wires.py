"""Encryption, passwords and rights, on a real Kafka and a real Redis that want all of them.

The users have the very rights that deploy/ grants. Whoever may not is refused at start, with a
sentence that names the setting.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialUpsertion,
)
from PIL import Image, ImageDraw

from streams.errors import StartRefused
from streams.kafka_rights import WORKERS, Right, needed
from streams.recommendations import parse_list
from streams.settings import load_settings
from streams.stores.redis_profiles import RedisProfiles
from streams.topics import Topics
from streams.wires import kafka_options, redis_options
from tests.support.certificates import Authority, OpensslMissing, require_openssl
from tests.support.kafka import KafkaMissing, fetch_libraries
from tests.support.secure_kafka import SecureKafka
from tests.support.secure_store import SecureStore, TlsMissing, find_tls_server
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, WorkerProcess

pytestmark = pytest.mark.integration

USERS = ("embedder", "recommender", "learner", "producer", "reader", "operator")


def password(user: str) -> str:
    return f"{user}'s secret"


def kafka_acls(prefix: str = "") -> list[ACL]:
    """What deploy/kafka/acls.sh grants, as it tells kafka-acls.sh."""
    told = subprocess.run(
        [str(ROOT / "deploy/kafka/acls.sh")],
        env={"PATH": os.environ["PATH"], "KAFKA_ACLS": "echo", "PREFIX": prefix},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [_acl(line.split()) for line in told.splitlines()]


def _acl(words: list[str]) -> ACL:
    assert words[0] == "--add"
    said = dict(zip(words[1::2], words[2::2], strict=True))
    kind = "topic" if "--topic" in said else "group"
    operation = "".join("_" * c.isupper() + c.upper() for c in said["--operation"]).lstrip("_")
    return ACL(
        said["--allow-principal"],
        "*",
        ACLOperation[operation],
        ACLPermissionType.ALLOW,
        ResourcePattern(
            ResourceType[kind.upper()], said[f"--{kind}"], ACLResourcePatternType.LITERAL
        ),
    )


def redis_users(prefix: str) -> str:
    """deploy/redis/users.conf, with passwords, and keys that begin with `prefix`."""
    text = (ROOT / "deploy/redis/users.conf").read_text()
    for user in ("recommender", "operator"):
        digest = hashlib.sha256(password(user).encode()).hexdigest()
        text = text.replace(f"@{user.upper()}@", digest)
    return text.replace("~lookstream:", f"~{prefix}lookstream:")


def picture(number: int) -> bytes:
    """One that the model can tell from others."""
    drawn = Image.new("RGB", (160, 160), "white")
    ImageDraw.Draw(drawn).ellipse((20, 20, 100 + 10 * number, 120), fill=(220, 40 * number, 30))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()


def _send(producer: KafkaProducer, topic: str, key: str, value: bytes) -> str:
    """Where it lies, as list_ids say it."""
    at = producer.send(topic, key=key.encode(), value=value).get(30)
    return f"{topic}-{at.partition}-{at.offset}"


def _listens_at(worker: WorkerProcess) -> list[tuple[str, int]]:
    connections = psutil.Process(worker.process.pid).net_connections("inet")
    return [tuple(each.laddr) for each in connections if each.status == psutil.CONN_LISTEN]


@dataclass
class Fortress:
    """A Kafka and a store that let in whom they know, and an authority they don't know."""

    kafka: SecureKafka
    store: SecureStore
    authority: Authority
    stranger: Authority
    folder: Path
    prefix: str = "site-"
    topics: Topics = field(default_factory=lambda: Topics("site-"))

    def settings(self, user: str, **changed: str) -> dict[str, str]:
        """As an operator sets them for a process of `user`. An empty text takes one away."""
        secret = self.folder / f"{user}.secret"
        secret.write_text(password(user) + "\n")
        settings = {
            "KAFKA": self.kafka.passwords,
            "KAFKA_TLS": "true",
            "KAFKA_TLS_CA": str(self.authority.cert),
            "KAFKA_USERNAME": user,
            "KAFKA_PASSWORD_FILE": str(secret),
            "REDIS": self.store.url(user),
            "REDIS_PASSWORD": password(user),
            "REDIS_TLS_CA": str(self.authority.cert),
            "TOPIC_PREFIX": self.prefix,
            "MODEL": "resnet50-thin:int8",
            "MODEL_THREADS": "1",
            "SESSION_TIMEOUT_S": "6",
            "FETCH_MAX_WAIT_S": "0.02",
            **changed,
        }
        return {f"LOOKSTREAM_{name}": value for name, value in settings.items() if value}

    def certified(self, user: str, by: Authority | None = None) -> dict[str, str]:
        """Settings of a client that shows a certificate instead of a password."""
        shown = (by or self.authority).vouch(user)
        return {
            "KAFKA": self.kafka.certified,
            "KAFKA_USERNAME": "",
            "KAFKA_PASSWORD_FILE": "",
            "KAFKA_TLS_CERT": str(shown.cert),
            "KAFKA_TLS_KEY": str(shown.key),
        }

    def client(self, user: str, mechanism: str = "PLAIN") -> dict[str, Any]:
        """Arguments for a user's own Kafka client."""
        settings = load_settings(
            kafka_tls=True,
            kafka_tls_ca=self.authority.cert,
            kafka_username=user,
            kafka_password=password(user),
            kafka_sasl=mechanism,
        )
        return {"bootstrap_servers": self.kafka.passwords, **kafka_options(settings)}

    def lookstream(self, user: str, *words: str, **changed: str) -> tuple[int, str, str]:
        """Run a command; its exit code, standard output and error."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LOOKSTREAM_")}
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli", *words],
            env=kept
            | {"LOOKSTREAM_MODELS_DIR": str(ROOT / "exported_models")}
            | {"LOOKSTREAM_HTTP": "127.0.0.1:0"}
            | self.settings(user, **changed),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert not any(password(each) in done.stdout + done.stderr for each in USERS)
        return done.returncode, done.stdout, done.stderr

    def refused(self, worker: str, *, user: str | None = None, **changed: str) -> str:
        """What a worker says that refuses to start."""
        code, out, said = self.lookstream(user or worker, "run", worker, **changed)
        assert code == 78, said
        assert not out
        return said.strip().splitlines()[-1]

    @contextmanager
    def without(self, principal: str, right: Right) -> Iterator[None]:
        """Take a right away for a moment."""
        (acl,) = (
            each
            for each in kafka_acls(self.prefix)
            if each.principal == principal
            and each.operation.name == right.operation
            and each.resource_pattern.resource_name == right.name
        )
        pattern = acl.resource_pattern
        self.kafka.admin.delete_acls(
            [
                ACLFilter(
                    principal,
                    "*",
                    acl.operation,
                    ACLPermissionType.ALLOW,
                    ResourcePatternFilter(
                        pattern.resource_type, pattern.resource_name, pattern.pattern_type
                    ),
                )
            ]
        )
        try:
            yield
        finally:
            self.kafka.admin.create_acls([acl])


@pytest.fixture(scope="module")
def _servers() -> str | None:
    """What is missing here to run them, if anything is."""
    try:
        require_openssl()
        find_tls_server()
        fetch_libraries()
    except (OpensslMissing, TlsMissing, KafkaMissing) as missing:
        return str(missing)
    return None


@pytest.fixture(autouse=True)
def _loudly(_servers: str | None, not_tested: Callable[[str, str], None]) -> None:
    if _servers is not None:
        not_tested("encryption, passwords and rights", _servers)
        pytest.skip(_servers)


@pytest.fixture(scope="module")
def fortress(_servers: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    if _servers is not None:
        pytest.skip(_servers)
    folder = tmp_path_factory.mktemp("fortress")
    authority, stranger = Authority(folder / "ca"), Authority(folder / "other", "Other CA")
    kafka = SecureKafka(folder / "kafka", authority, {user: password(user) for user in USERS})
    store = SecureStore(folder / "store", authority, redis_users("site-"))
    kafka.start(150.0)
    store.start()
    kafka.admin.create_acls(kafka_acls("site-"))
    made = Fortress(kafka, store, authority, stranger, folder)
    code, said, error = made.lookstream("operator", "topics", "create", PARTITIONS="2")
    assert code == 0, said + error
    yield made
    kafka.kill()
    store.kill()


def test_acls_grant_what_the_workers_ask_for_and_nothing_else() -> None:
    granted = {
        (a.principal, a.operation.name, a.resource_pattern.resource_type.name.lower(), name)
        for a in kafka_acls("shop-")
        if (name := a.resource_pattern.resource_name)
    }
    settings = load_settings(topic_prefix="shop-")
    for worker in WORKERS:
        mine = {Right(o, k, n) for p, o, k, n in granted if p == f"User:{worker}"}  # type: ignore[arg-type]
        assert mine == set(needed(worker, settings))


def test_the_road_is_walked_under_the_least_rights(fortress: Fortress) -> None:
    workers = [
        WorkerProcess("embedder", fortress.folder, fortress.settings("embedder")),
        WorkerProcess(
            "recommender",
            fortress.folder,
            fortress.settings("recommender", KAFKA_SASL="SCRAM-SHA-256"),
        ),
    ]
    producer = KafkaProducer(acks="all", **fortress.client("producer", "SCRAM-SHA-512"))
    reader = KafkaConsumer(
        fortress.topics.recommendations,
        group_id=None,
        auto_offset_reset="earliest",
        **fortress.client("reader"),
    )
    try:
        for worker in workers:
            worker.wait_ready()
        for number in range(4):
            _send(producer, fortress.topics.images, f"circle-{number}", picture(number))
        recommender = workers[1]
        wait_until(
            lambda: recommender.count("lookstream_index_items") == 4, 60.0, "4 items in the index"
        )
        _send(producer, fortress.topics.images, "broken", picture(1)[:200])
        click = json.dumps({"item_id": "circle-1"}).encode()
        _send(producer, fortress.topics.clicks, "ann", click)

        def listed() -> bool:
            found = [r for rs in reader.poll(timeout_ms=50).values() for r in rs]
            return any(r.key == b"ann" and parse_list(r.value).items for r in found)

        wait_until(listed, 30.0, "a list for ann", poll_s=0.0)
        wait_until(
            lambda: workers[0].count("lookstream_events_total", outcome="dead-lettered") == 1,
            30.0,
            "the broken picture in the dead letters",
        )
        assert (
            fortress.lookstream(
                "reader", "list", "ann", REDIS="", REDIS_PASSWORD="", REDIS_TLS_CA=""
            )[0]
            == 0
        )
        code, said, _ = fortress.lookstream("operator", "topics", "check", PARTITIONS="2")
        assert (code, said) == (0, "8 topics, all well\n")
        assert fortress.lookstream("operator", "rebuild", "--from-scratch", "--yes")[0] == 0
        for words in (("list",), ("replay", "--all", "--force", "--yes")):
            code, said, error = fortress.lookstream("operator", "dead-letters", *words)
            assert code == 0, said + error
        wait_until(
            lambda: workers[0].count("lookstream_events_total", outcome="dead-lettered") == 2,
            30.0,
            "the broken picture in the dead letters again",
        )
        for worker in workers:
            assert _listens_at(worker) == [("127.0.0.1", worker.port)]
        assert [worker.stop() for worker in workers] == [0, 0]
        for worker in workers:
            log = worker.log.read_text()
            assert not any(password(user) in log for user in USERS)
    finally:
        reader.close()
        producer.close()
        for worker in workers:
            worker.kill()


def test_a_certificate_is_as_good_as_a_password(fortress: Fortress) -> None:
    certified = fortress.certified("embedder")
    worker = WorkerProcess("embedder", fortress.folder, fortress.settings("embedder", **certified))
    try:
        worker.wait_ready()
        assert worker.stop() == 0
    finally:
        worker.kill()


def test_a_wrong_password_for_kafka_is_refused(fortress: Fortress) -> None:
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        said = fortress.refused(
            "embedder", KAFKA_PASSWORD_FILE="", KAFKA_PASSWORD="wrong", KAFKA_SASL=mechanism
        )
        assert "refuses the user or the password" in said
        assert "LOOKSTREAM_KAFKA_PASSWORD" in said


def test_a_broker_that_somebody_else_vouches_for_is_refused(fortress: Fortress) -> None:
    said = fortress.refused("embedder", KAFKA_TLS_CA=str(fortress.stranger.cert))
    assert "certificate of Kafka at 127.0.0.1" in said
    assert "LOOKSTREAM_KAFKA_TLS_CA" in said


def test_a_certificate_of_ours_that_kafka_does_not_know_is_refused(fortress: Fortress) -> None:
    said = fortress.refused("embedder", **fortress.certified("embedder", fortress.stranger))
    assert "wants a certificate of ours that it trusts" in said
    assert "LOOKSTREAM_KAFKA_TLS_CERT" in said


def test_no_certificate_where_kafka_wants_one_is_refused(fortress: Fortress) -> None:
    shown = fortress.certified("embedder") | {"KAFKA_TLS_CERT": "", "KAFKA_TLS_KEY": ""}
    assert "LOOKSTREAM_KAFKA_TLS_CERT" in fortress.refused("embedder", **shown)


def test_a_password_where_kafka_takes_none_is_refused(fortress: Fortress) -> None:
    said = fortress.refused("embedder", KAFKA=fortress.kafka.address, KAFKA_TLS="", KAFKA_TLS_CA="")
    assert "takes no password there. Unset LOOKSTREAM_KAFKA_USERNAME" in said


@pytest.mark.parametrize("worker", WORKERS)
def test_each_right_that_is_missing_on_kafka_is_refused_by_its_name(
    fortress: Fortress, worker: Any
) -> None:
    """One test for all of a worker's: each takes a process's start."""
    settings = load_settings(topic_prefix=fortress.prefix)
    for right in needed(worker, settings):
        with fortress.without(f"User:{worker}", right):
            said = fortress.refused(worker)
        assert f"denies the {worker} (LOOKSTREAM_KAFKA_USERNAME={worker}) {right}." in said
        assert "deploy/kafka/acls.sh" in said


def test_a_wrong_password_for_the_store_is_refused(fortress: Fortress) -> None:
    said = fortress.refused("recommender", REDIS_PASSWORD="wrong")
    assert "refused the user or password" in said
    assert "LOOKSTREAM_REDIS_PASSWORD" in said


def test_a_store_that_somebody_else_vouches_for_is_refused(fortress: Fortress) -> None:
    said = fortress.refused("recommender", REDIS_TLS_CA=str(fortress.stranger.cert))
    assert "LOOKSTREAM_REDIS_TLS_CA" in said


@pytest.mark.parametrize(
    "right",
    [
        *("+evalsha", "+mget", "+zrevrange", "+hgetall", "+getrange", "+set", "+zscore", "+zadd"),
        *("+zcard", "+zremrangebyrank", "+hget", "+hset"),
        *("~profile:*", "~popularity", "~marks"),
    ],
)
async def test_each_right_that_is_missing_on_the_store_is_refused(
    fortress: Fortress, right: str
) -> None:
    line = next(
        line
        for line in redis_users(fortress.prefix).splitlines()
        if line.startswith("user recommender")
    )
    key = f"~{fortress.prefix}lookstream:{right[1:]}"
    words = line.split()[2:]
    words.remove(key if right.startswith("~") else right)
    with fortress.store.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "weak", "reset", *words)
    settings = load_settings(
        redis=fortress.store.url("weak"),
        redis_password=password("recommender"),
        redis_tls_ca=fortress.authority.cert,
    )
    store = RedisProfiles(
        settings.redis_url,
        prefix=f"{fortress.prefix}lookstream:",
        options=redis_options(settings),
    )
    try:
        with pytest.raises(StartRefused, match=r"denies this user.*deploy/redis/users\.conf") as no:
            await store.start()
        assert right.startswith("~") or right[1:].upper() in str(no.value).upper()
    finally:
        await store.close()


def findings(fortress: Fortress, user: str, **changed: str) -> list[tuple[str, str, str]]:
    """What the doctor finds of Kafka and the store: subject, state, detail."""
    _, said, _ = fortress.lookstream(user, "doctor", "--json", PARTITIONS="2", **changed)
    kept = ("kafka", "topics", "store", "profiles")
    return [
        (each["subject"], each["state"], each["detail"])
        for each in json.loads(said)
        if each["subject"] in kept
    ]


def test_the_doctor_says_what_each_user_may_do(fortress: Fortress) -> None:
    told = findings(fortress, "recommender")
    us = "LOOKSTREAM_KAFKA_USERNAME=recommender"
    assert ("kafka", "ok", f"answers at {fortress.kafka.passwords} over SASL_SSL") in told
    assert ("kafka", "ok", f"lets {us} run the recommender") in told
    assert [each for each in told if "if it is to run the embedder, READ on topic" in each[2]]
    assert ("topics", "note", "site-images is hidden from us") in told
    assert [each for each in told if each[0] == "store" and "let this user see" in each[2]]
    assert "problem" not in [state for _, state, _ in told]

    told = findings(fortress, "operator")
    assert ("topics", "ok", "8 topics are as they should be") in told
    assert "problem" not in [
        state for subject, state, _ in told if subject in ("store", "profiles")
    ]


def test_the_doctor_says_which_setting_is_wrong(fortress: Fortress) -> None:
    wrong = {"KAFKA_PASSWORD_FILE": "", "KAFKA_PASSWORD": "wrong", "REDIS_PASSWORD": "wrong"}
    told = {
        subject: detail
        for subject, state, detail in findings(fortress, "recommender", **wrong)
        if state == "problem"
    }
    assert "LOOKSTREAM_KAFKA_PASSWORD" in told["kafka"]
    assert "LOOKSTREAM_REDIS_PASSWORD" in told["store"]


def test_commands_say_which_right_is_missing(fortress: Fortress) -> None:
    code, _, said = fortress.lookstream("reader", "topics", "create", TOPIC_PREFIX="other-")
    assert code == 78
    assert "Kafka refused to create other-" in said
    code, _, said = fortress.lookstream("producer", "list", "ann")
    assert code == 78
    assert "LOOKSTREAM_KAFKA_USERNAME=producer may read it" in said


@contextmanager
def _another_kafka_password(fortress: Fortress) -> Iterator[None]:
    """Kafka knows the recommender by another password, and starts again."""

    def known_by(secret: str) -> None:
        fortress.kafka.admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion("recommender", "SCRAM-SHA-512", secret)]
        )
        fortress.kafka.kill()
        fortress.kafka.start(150.0)

    known_by("another")
    try:
        yield
    finally:
        known_by(password("recommender"))


@contextmanager
def _another_password(fortress: Fortress) -> Iterator[None]:
    """The store knows the recommender by another password, and throws it out."""
    (line,) = (each for each in redis_users("").splitlines() if each.startswith("user recommender"))
    digest = line.split()[3]
    with fortress.store.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "recommender", f"!{digest[1:]}", ">another")
        admin.execute_command("CLIENT", "KILL", "USER", "recommender")
        try:
            yield
        finally:
            admin.execute_command("ACL", "SETUSER", "recommender", "<another", digest)


@contextmanager
def _less_rights(fortress: Fortress) -> Iterator[None]:
    """The store no longer lets the recommender write profiles."""
    with fortress.store.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "recommender", "-set")
        try:
            yield
        finally:
            admin.execute_command("ACL", "SETUSER", "recommender", "+set")


def _without(operation: Any, kind: Any, name: str) -> Callable[[Fortress], Any]:
    return lambda fortress: fortress.without(
        "User:recommender", Right(operation, kind, fortress.prefix + name)
    )


@pytest.mark.parametrize(
    ("trouble", "said", "for_s"),
    [
        (_without("WRITE", "topic", "recommendations"), "kafka does not answer (TopicAuth", 0),
        (_without("READ", "topic", "clicks"), "kafka does not answer (TopicAuth", 0),
        (_without("READ", "topic", "item-embeddings"), "the item index can't follow", 0),
        # Longer than the session, so that the group forgets the worker.
        (_without("READ", "group", "lookstream-recommender"), "GroupAuthorizationFailed", 8),
        (_another_kafka_password, "Authentication failed", 0),
        (_another_password, "redis does not answer (refused the user or password", 0),
        (_less_rights, "redis does not answer (denies this user a command or a key", 0),
    ],
    ids=[
        "write-lists",
        "read-clicks",
        "read-vectors",
        "group",
        "kafka-password",
        "store-password",
        "store-rights",
    ],
)
def test_what_is_taken_away_while_it_runs_is_an_outage_that_loses_nothing(
    fortress: Fortress, trouble: Callable[[Fortress], Any], said: str, for_s: float
) -> None:
    worker = WorkerProcess("recommender", fortress.folder, fortress.settings("recommender"))
    producer = KafkaProducer(acks="all", **fortress.client("producer"))
    clicks = fortress.topics.clicks
    click = json.dumps({"item_id": "circle-1"}).encode()
    try:
        worker.wait_ready()
        expected = {_send(producer, clicks, "ann", click)}
        wait_until(lambda: worker.count("lookstream_events_total") == 1, 30.0, "one click")
        begun = len(worker.log.read_text())
        with trouble(fortress):
            expected.add(_send(producer, clicks, "ann", click))
            wait_until(lambda: said in worker.log.read_text()[begun:], 90.0, "it says so")
            time.sleep(for_s)
            assert worker.process.poll() is None
        expected.add(_send(producer, clicks, "bob", click))
        wait_until(lambda: expected <= _list_ids(fortress), 90.0, "a list after each click")
        assert worker.stop() == 0
    finally:
        producer.close()
        worker.kill()


def _list_ids(fortress: Fortress) -> set[str]:
    lists = fortress.kafka.read_all(fortress.topics.recommendations)
    return {parse_list(record.value).list_id for record in lists}
