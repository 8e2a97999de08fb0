"""A real Apache Kafka for tests: fetched once from Maven Central, one KRaft node, free ports."""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from tests.support.ports import free_ports, listens
from tests.support.processes import end, spawn, tail
from tests.support.waiting import wait_until

KAFKA_VERSION = "4.1.1"
CACHE = Path(__file__).resolve().parents[2] / "build" / f"kafka-{KAFKA_VERSION}"

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>broker</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
"""

_LOG_CONFIG = """<Configuration status="ERROR">
  <Appenders><Console name="out"><PatternLayout pattern="%d %p %c %m%n"/></Console></Appenders>
  <Loggers><Root level="ERROR"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""

_SERVER = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.threads": "1",
    "log.cleaner.backoff.ms": "500",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.retention.check.interval.ms": "60000",
    "group.min.session.timeout.ms": "1000",
    "controlled.shutdown.enable": "false",
    # A killed broker may come back only when its old session is over.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}


class KafkaMissing(Exception):
    """There is no way to run Apache Kafka here; the message says what is missing."""


def fetch_libraries() -> Path:
    """The folder of Kafka's jars, fetched by Maven the first time; raises KafkaMissing."""
    for tool, package in (("java", "a Java 17 runtime"), ("mvn", "Maven")):
        if shutil.which(tool) is None:
            raise KafkaMissing(f"no `{tool}` on the path: install {package}")
    CACHE.mkdir(parents=True, exist_ok=True)
    libraries = CACHE / "libs"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if libraries.exists():
            return libraries
        fresh = CACHE / "libs.partial"
        shutil.rmtree(fresh, ignore_errors=True)
        (CACHE / "pom.xml").write_text(_POM)
        (CACHE / "log4j2.xml").write_text(_LOG_CONFIG)
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
        done = subprocess.run(
            command, cwd=CACHE, capture_output=True, text=True, timeout=240, check=False
        )
        if done.returncode != 0:
            raise KafkaMissing(f"Maven could not fetch Kafka: {done.stdout[-500:]}")
        fresh.rename(libraries)
    return libraries


class Kafka:
    """One broker in `folder`. Start, stop, kill, start again: same port, same data.

    detours  name -> port of a proxy on 127.0.0.1. For each the broker listens on one more port,
             `behind(name)`, and sends whoever comes in there back through the proxy.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, str] | None = None,
        detours: Mapping[str, int] | None = None,
    ) -> None:
        self.folder = folder
        self._detours = dict(detours or {})
        self.port, self._controller_port, *behind = free_ports(2 + len(self._detours))
        self._behind = dict(zip(self._detours, behind, strict=True))
        self._config = dict(config or {})
        self._format_options: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._libraries: Path | None = None
        self._clients: _Clients | None = None

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self.port}"

    def behind(self, name: str) -> int:
        """The port that the proxy of this detour leads to."""
        return self._behind[name]

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, deadline_s: float = 60.0) -> Kafka:
        """Start it and wait until it serves. The first time also formats its storage."""
        if self._libraries is None:
            self._libraries = fetch_libraries()
            self._format()
        self._process = spawn(
            [*self._java("-Xmx512m", "-Xms128m"), "kafka.Kafka", self.folder / "server.properties"],
            log=self.folder / "broker.log",
            cwd=self.folder,
        )
        wait_until(self._serves, deadline_s, f"Kafka at {self.address} serves")
        return self

    def stop(self) -> None:
        """SIGTERM, as an operator would."""
        self._close_clients()
        if self._process is not None:
            end(self._process, graceful_s=20.0)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as the power would."""
        self._close_clients()
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def suspend(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT, after `suspend`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Kafka:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # what tests do with it, by kafka-python, as a user's program would

    @property
    def admin(self) -> KafkaAdminClient:
        return self._connected().admin

    @property
    def producer(self) -> KafkaProducer:
        """acks=all; 20 MB requests."""
        return self._connected().producer

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        """Create it and wait until its leaders are known."""
        self.admin.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=dict(config or {}))], timeout_ms=20_000
        )
        wait_until(
            lambda: len(self.producer.partitions_for(name) or ()) == partitions,
            20.0,
            f"topic {name} has {partitions} partitions",
        )
        return name

    def produce(
        self,
        topic: str,
        records: Iterable[tuple[bytes | None, bytes | None]],
        *,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        """Send (key, value) pairs and wait until all are stored; how many."""
        sent = [
            self.producer.send(topic, key=k, value=v, partition=partition, headers=list(headers))
            for k, v in records
        ]
        self.producer.flush(60)
        for future in sent:
            future.get(30)
        return len(sent)

    def read_all(self, topic: str) -> list[Any]:
        """Every record stored up to now, by partition and offset (kafka-python's records)."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.address,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=20_000_000,
            fetch_max_wait_ms=50,
        )
        try:
            partitions = [
                TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            found: dict[TopicPartition, list[Any]] = {each: [] for each in partitions}

            def comes() -> bool:
                polled = consumer.poll(timeout_ms=50, max_records=5000)
                for each, records in polled.items():
                    found[each].extend(records)
                return bool(polled) or at_end()

            def at_end() -> bool:
                return all(consumer.position(each) >= ends[each] for each in partitions)

            # However long it takes, as long as something comes: a long run's lists are 700 MB.
            while not at_end():
                wait_until(comes, 60.0, f"the next records of {topic}", poll_s=0.0)
            return [record for each in partitions for record in found[each]]
        finally:
            consumer.close()

    def end_offsets(self, topic: str) -> dict[int, int]:
        """Partition -> the offset after its last record."""
        consumer = KafkaConsumer(bootstrap_servers=self.address, group_id=None)
        try:
            partitions = [
                TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())
            ]
            return {each.partition: end for each, end in consumer.end_offsets(partitions).items()}
        finally:
            consumer.close()

    @contextmanager
    def producer_quota(self, client_id: str, bytes_a_second: int) -> Iterator[None]:
        """Let producers that call themselves so publish no faster."""
        self._configure(client_id, "--add-config", f"producer_byte_rate={bytes_a_second}")
        try:
            yield
        finally:
            self._configure(client_id, "--delete-config", "producer_byte_rate")

    def _configure(self, client_id: str, *change: str) -> None:
        entity = ("--entity-type", "clients", "--entity-name", client_id)
        command = [*self._java("-Xmx128m"), "kafka.admin.ConfigCommand"]
        command += ["--bootstrap-server", self.address, "--alter", *entity, *change]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Partition -> the group's committed offset, where there is one."""
        return {
            each.partition: found.offset
            for each, found in self._group_offsets(group).items()
            if each.topic == topic and found.offset >= 0
        }

    def _group_offsets(self, group: str) -> dict[TopicPartition, Any]:
        listed = self.admin.list_group_offsets(group)
        return dict(listed.get(group, listed))

    # inside

    def _java(self, *options: str) -> list[str]:
        assert self._libraries is not None
        return [
            "java",
            *options,
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={CACHE / 'log4j2.xml'}",
            "-cp",
            f"{self._libraries}/*",
        ]

    def _format(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        listeners = {"PLAINTEXT": self.port, **_upper(self._behind)}
        advertised = {"PLAINTEXT": self.port, **_upper(self._detours)}
        controller = {"CONTROLLER": self._controller_port}
        protocols = [f"{name}:PLAINTEXT" for name in (*controller, *listeners)]
        properties = {
            **_SERVER,
            "listeners": _addresses(listeners | controller),
            "advertised.listeners": _addresses(advertised),
            "listener.security.protocol.map": ",".join(protocols),
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "log.dirs": str(self.folder / "data"),
            **self._config,
        }
        path = self.folder / "server.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        subprocess.run(
            [
                *self._java("-Xmx128m"),
                "kafka.tools.StorageTool",
                "format",
                "-t",
                str(uuid.uuid4()),
                "-c",
                str(path),
                *self._format_options,
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )

    def _serves(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"Kafka ended at start:\n{tail(self.folder / 'broker.log')}")
        return listens(self.port)

    def _connected(self) -> _Clients:
        if self._clients is None:
            self._clients = _Clients(self.address)
        return self._clients

    def _close_clients(self) -> None:
        if self._clients is not None:
            self._clients.close()
            self._clients = None


def _upper(ports: Mapping[str, int]) -> dict[str, int]:
    return {name.upper(): port for name, port in ports.items()}


def _addresses(listeners: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())


class _Clients:
    """kafka-python's clients of one broker, made when first needed."""

    def __init__(self, address: str) -> None:
        self.admin = KafkaAdminClient(bootstrap_servers=address)
        self.producer = KafkaProducer(
            bootstrap_servers=address, acks="all", max_request_size=20_000_000
        )

    def close(self) -> None:
        self.producer.close(timeout=0)
        self.admin.close()
