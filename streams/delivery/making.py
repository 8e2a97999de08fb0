"""Making an app: `make_app`, then `agent` for each; then `run`, see running.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streams.delivery.app import App, Deadlines
from streams.delivery.batch import Handler
from streams.delivery.buffer import Limits
from streams.delivery.bugs import Bugs
from streams.delivery.connections import KafkaSettings
from streams.delivery.lane import AgentSpec
from streams.delivery.observer import NoObserver, Observer
from streams.delivery.placing import StartAt


def make_app(
    name: str,
    *,
    kafka: str,
    group: str,
    session_timeout_s: float = 8.0,
    fetch_max_wait_ms: int = 500,
    fetch_max_bytes: int = 16_000_000,
    max_partition_fetch_bytes: int = 1_000_000,
    compression: str | None = None,
    idempotent: bool = True,
    read_committed: bool = False,
    commit_interval_s: float = 1.0,
    grace_s: float = 3.0,
    give_up_s: float = 1.0,
    security: Mapping[str, Any] | None = None,
    on_bug: Callable[[int], None] | None = None,
) -> App:
    """A Faust app with batch agents, not yet running.

    name                       of the worker: client id, log lines.
    kafka, group               host:port,… and the consumer group.
    session_timeout_s          a killed worker's partitions go to others after so long.
    fetch_max_wait_ms          how long the broker may hold an empty fetch. Real Kafka answers at
                               once when something comes; some brokers only after a part of this.
    fetch_max_bytes, max_partition_fetch_bytes
                               bounds of one fetch, all partitions and each (a single larger record
                               still comes). aiokafka holds at most one of these ahead.
    compression, idempotent    of what is published; compression "gzip", or what cramjam offers.
    read_committed             skip records of aborted transactions.
    grace_s, give_up_s         at a rebalance or stop, the batch in flight may end within grace_s,
                               is then told to close, and is abandoned after give_up_s more.
    security                   arguments for aiokafka: security_protocol, ssl_context, sasl_….
    on_bug                     ends the process with an exit code; os._exit, but for tests.
    """
    settings = KafkaSettings(
        servers=kafka,
        group=group,
        session_timeout_s=session_timeout_s,
        fetch_max_wait_ms=fetch_max_wait_ms,
        fetch_max_bytes=fetch_max_bytes,
        max_partition_fetch_bytes=max_partition_fetch_bytes,
        compression=compression,
        idempotent=idempotent,
        read_committed=read_committed,
        commit_interval_s=commit_interval_s,
        security=dict(security or {}),
    )
    deadlines = Deadlines(grace_s=grace_s, give_up_s=give_up_s)
    return App(name, settings, deadlines, Bugs() if on_bug is None else Bugs(on_bug))


def agent(
    app: App,
    *,
    topic: str,
    handler: Handler,
    dead_letters: str,
    name: str | None = None,
    max_events: int = 256,
    max_bytes: int = 8_000_000,
    linger_s: float = 0.0,
    observer: Observer | None = None,
    start_at: StartAt | None = None,
) -> None:
    """Have `handler` called with batches of `topic`, one at a time.

    dead_letters  the topic refused records go to.
    name          of the agent in metrics and dead letters; the app's by default.
    max_events, max_bytes  bounds of a batch; three times as much may wait for it.
    linger_s      a batch that is not full waits so long for more. 0: an idle agent is woken at
                  once, a busy one takes all that piled up.
    start_at      where to begin in a partition that was assigned, for an agent that knows better
                  than its group; asked beside all else, so it may take long. See placing.py.
    """
    app.add_agent(
        AgentSpec(
            name=name or app.delivery_name,
            topic=topic,
            handler=handler,
            limits=Limits(max_events=max_events, max_bytes=max_bytes, linger_s=linger_s),
            dead_letters=dead_letters,
            observer=observer if observer is not None else NoObserver(),
            start_at=start_at,
        )
    )
