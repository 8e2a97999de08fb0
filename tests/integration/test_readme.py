"""The README's examples, run as they stand there, against a real Kafka and running workers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streams import topic_admin
from streams.recommendations import parse_list
from streams.topics import Topics
from tests.integration.test_road import drawing
from tests.support.kafka import Kafka, fetch_libraries
from tests.support.processes import spawn, tail
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from tests.support.workers import ROOT, WorkerProcess

README = (ROOT / "README.md").read_text()


def example(language: str, about: str) -> str:
    """The one block of code in this language that contains `about`."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (found,) = [block for block in blocks if about in block]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, name in enumerate(["red-shoe", "blue-shoe", "green-shoe", "a-hat"]):
        (pictures / f"{name}.jpg").write_bytes(drawing("circle", 2 * number + 1))
    return tmp_path


@pytest.mark.integration
def test_the_examples_of_the_readme_do_what_they_say(
    own_kafka: Kafka,
    valkey: Valkey,
    folder: Path,
    tmp_path: Path,
    not_tested: Callable[[str, str], None],
) -> None:
    address = own_kafka.address
    with topic_admin.connect(address) as admin:
        topic_admin.create(admin, Topics(), partitions=2, replication_factor=1)
    settings = {
        "LOOKSTREAM_KAFKA": address,
        "LOOKSTREAM_REDIS": valkey.url.replace("/0", "/7"),
        "LOOKSTREAM_MODEL": "resnet50-thin:int8",
    }
    workers = [WorkerProcess(name, tmp_path, settings) for name in ("embedder", "recommender")]
    try:
        for worker in workers:
            worker.wait_ready()

        def run(command: list[str], script: str | None = None) -> None:
            done = subprocess.run(
                command,
                input=script,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
            assert done.returncode == 0, done.stderr

        def here(text: str) -> str:
            return text.replace("localhost:9092", address)

        clicks = 0

        def published(more: int) -> None:
            nonlocal clicks
            clicks += more
            wait_until(
                lambda: workers[1].count("lookstream_events_total", outcome="applied") == clicks,
                60,
                f"{clicks} clicks are applied",
            )

        run([sys.executable, "-c", here(example("python", "KafkaProducer"))])
        published(1)

        library = fetch_libraries()
        (folder / "Publish.java").write_text(here(example("java", "Publish")))
        run(["java", "-cp", f"{library}/*", "Publish.java"])
        published(1)

        if shutil.which("kcat") is None:
            not_tested("the README's kcat example", "Install kcat (Debian: apt install kcat).")
        else:
            run(["bash", "-eu"], here(example("sh", "kcat -P")))
            published(1)

        assert workers[0].count("lookstream_events_total", outcome="dead-lettered") == 0
        last = parse_list(own_kafka.read_all("recommendations")[-1].value)  # type: ignore[attr-defined]
        assert last.items

        # The reader goes on for ever, and starts at the end: give it one more click to see.
        log = tmp_path / "reader.log"
        script = here(example("python", "KafkaConsumer")).replace(
            "bootstrap_servers=", 'auto_offset_reset="earliest", bootstrap_servers='
        )
        reader = spawn([sys.executable, "-u", "-c", script], log=log, cwd=folder)
        wait_until(lambda: "ann" in tail(log), 30, "the reader prints a list")
        reader.kill()
        assert "Traceback" not in tail(log)
    finally:
        for worker in workers:
            worker.kill()
