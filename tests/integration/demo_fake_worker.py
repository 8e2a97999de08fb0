"""A worker that plays its part without a model: for tests of the demo's orchestration.

    python demo_fake_worker.py embedder|recommender|learner [die]

The embedder counts pictures; the recommender answers each click with the items of the same first
letter; the learner does nothing. `die` ends it with exit code 7 after its first event.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import orjson
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from streams import recommendations

applied = 0


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        text = "ok"
        if self.path == "/metrics":
            text = (
                "# TYPE lookstream_events_total counter\n"
                f'lookstream_events_total{{agent="x",outcome="applied",reason=""}} {applied}\n'
            )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    global applied  # noqa: PLW0603
    kind, die = sys.argv[1], sys.argv[2:] == ["die"]
    host, port = os.environ["LOOKSTREAM_HTTP"].split(":")
    server = ThreadingHTTPServer((host, int(port)), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if kind == "learner":
        threading.Event().wait()
    prefix, servers = os.environ["LOOKSTREAM_TOPIC_PREFIX"], os.environ["LOOKSTREAM_KAFKA"]
    names = [
        prefix + name for name in (("images", "clicks") if kind != "embedder" else ("images",))
    ]
    consumer = KafkaConsumer(
        bootstrap_servers=servers, auto_offset_reset="earliest", fetch_max_wait_ms=5
    )
    consumer.assign(
        [TopicPartition(n, p) for n in names for p in consumer.partitions_for_topic(n) or ()]
    )
    producer = KafkaProducer(bootstrap_servers=servers)
    known: list[str] = []
    print("a line of its log", flush=True)
    while True:
        for records in consumer.poll(timeout_ms=100).values():
            for record in records:
                if record.topic.endswith("images"):
                    known.append(record.key.decode())
                    applied += kind == "embedder"
                else:
                    applied += 1
                    publish(producer, prefix, record, known)
                if die and applied:
                    print("cannot go on", flush=True)
                    os._exit(7)


def publish(producer: KafkaProducer, prefix: str, record: Any, known: list[str]) -> None:
    click = orjson.loads(record.value)
    alike = [i for i in known if i[0] == click["item_id"][0] and i != click["item_id"]][:20]
    key, value, headers = recommendations.encode(
        user_id=record.key.decode(),
        trigger=recommendations.Trigger(
            record.topic,
            record.partition,
            record.offset,
            click["item_id"],
            click["kind"],
            at_s=record.timestamp / 1000,
        ),
        made_at_s=time.time(),
        model="fake",
        policy="fake",
        picks=[
            SimpleNamespace(
                item_id=i,
                score=1.0,
                propensity=1.0,
                reason_kind="looks-like",
                reason_item_id=click["item_id"],
                similarity=0.5,
            )
            for i in alike
        ],
        facts=[SimpleNamespace(labels=(), group=None, title=f"title of {i}") for i in alike],
    )
    producer.send(prefix + "recommendations", key=key, value=value, headers=headers)


if __name__ == "__main__":
    main()
