from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.delivery.vitals import PartDied, check_vitals


async def forever() -> None:
    await asyncio.Event().wait()


async def die() -> None:
    raise RuntimeError("the handler is closed")


class Clients:
    """A consumer and a producer with their background tasks, as aiokafka names them."""

    def __init__(self) -> None:
        self.tasks = {
            name: asyncio.ensure_future(forever())
            for name in ("metadata", "coordination", "fetch", "producer")
        }

    def check(self) -> None:
        tasks = self.tasks
        consumer: Any = SimpleNamespace(
            _client=SimpleNamespace(_sync_task=tasks["metadata"]),
            _coordinator=SimpleNamespace(_coordination_task=tasks["coordination"]),
            _fetcher=SimpleNamespace(_fetch_task=tasks["fetch"]),
        )
        producer: Any = SimpleNamespace(client=SimpleNamespace(_sync_task=tasks["producer"]))
        check_vitals(consumer, producer)


async def test_living_parts_are_fine() -> None:
    clients = Clients()
    await asyncio.sleep(0)
    clients.check()


@pytest.mark.parametrize("part", ["metadata", "coordination", "fetch", "producer"])
async def test_a_part_that_died_is_a_bug_with_its_cause(part: str) -> None:
    clients = Clients()
    clients.tasks[part] = asyncio.ensure_future(die())
    await asyncio.wait({clients.tasks[part]})
    with pytest.raises(PartDied, match="ended") as info:
        clients.check()
    assert isinstance(info.value.__cause__, RuntimeError)


async def test_before_the_start_there_is_nothing_to_watch() -> None:
    consumer: Any = SimpleNamespace(
        _client=SimpleNamespace(_sync_task=None), _coordinator=None, _fetcher=None
    )
    check_vitals(consumer, None)
