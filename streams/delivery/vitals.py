"""The background tasks inside aiokafka: when one of them dies, nobody says so, and we are deaf.

Seen: uvloop raises RuntimeError where a connection just closed, aiokafka expects OSError only, and
its metadata task ended in silence; from then on nobody found the group's coordinator again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


class PartDied(Exception):
    """A background task of aiokafka ended, though its client is in use. A bug."""


def check_vitals(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer | None) -> None:
    """Raise PartDied, with its cause, if a background task has ended."""
    for name, task in _tasks(consumer, producer):
        if task is not None and task.done() and not task.cancelled():
            raise PartDied(f"aiokafka's {name} ended") from task.exception()


def _tasks(
    consumer: AIOKafkaConsumer, producer: AIOKafkaProducer | None
) -> Iterator[tuple[str, asyncio.Task[Any] | None]]:
    yield "metadata task of the consumer", consumer._client._sync_task
    if consumer._coordinator is not None:
        yield "coordination task", consumer._coordinator._coordination_task
    if consumer._fetcher is not None:
        yield "fetch task", consumer._fetcher._fetch_task
    if producer is not None:
        yield "metadata task of the producer", producer.client._sync_task
