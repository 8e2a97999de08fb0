"""What every worker process has: metrics, health, an app, and things to close at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from importlib.metadata import version

from inference.errors import ModelError
from streams import delivery, kafka_rights
from streams.agents.stages import Stages
from streams.errors import StartRefused
from streams.health import Progress, Readiness
from streams.health_server import HealthServer
from streams.kafka_greeting import greet
from streams.metrics import Metrics
from streams.observing import PARTITIONS, WorkerObserver
from streams.settings import Settings
from streams.wires import kafka_options


class Worker:
    """What every worker has: metrics, health, an app, and things to close at the end."""

    def __init__(
        self, name: kafka_rights.Worker, settings: Settings, conditions: Iterable[str]
    ) -> None:
        self.name = name
        self.settings = settings
        self.metrics = Metrics(name)
        self.readiness = Readiness((PARTITIONS, *conditions), on_change=self.metrics.ready)
        self.progress = Progress(settings.stall_timeout_s)
        self.observer = WorkerObserver(self.metrics, self.readiness, self.progress)
        self.stages = Stages(self.metrics.stages(name))
        self.stopping = asyncio.Event()
        self.stack = AsyncExitStack()
        self.kafka_options = kafka_options(settings)
        self._server = HealthServer(
            settings.http_address,
            metrics_page=self.metrics.page,
            readiness=self.readiness,
            progress=self.progress,
        )

    def says(self, *, model_id: str, device: str) -> None:
        """Publish what this worker runs."""
        self.metrics.build(version=version("lookstream"), model_id=model_id, device=device)

    def app(self) -> delivery.App:
        """A Faust app of this worker's own consumer group."""
        settings = self.settings
        return delivery.make_app(
            self.name,
            kafka=settings.kafka,
            group=settings.group(self.name),
            session_timeout_s=settings.session_timeout_s,
            fetch_max_wait_ms=self.fetch_max_wait_ms,
            idempotent=settings.idempotent_producer,
            security=self.kafka_options,
        )

    @property
    def fetch_max_wait_ms(self) -> int:
        """As Kafka's clients want it."""
        return round(self.settings.fetch_max_wait_s * 1000)

    async def start(self, retry: delivery.Retry) -> None:
        """Serve metrics and health from the first moment on, and see that Kafka lets us work.

        Waits for a broker that is away. Raises StartRefused for what waiting would not mend.
        """
        await self._server.start()
        self.stack.push_async_callback(self._server.close)
        await retry.until_it_works("kafka", self._greet_kafka, self.stopping)

    async def _greet_kafka(self) -> None:
        settings, options = self.settings, self.kafka_options
        await greet(settings.kafka, options)
        if options:
            await asyncio.to_thread(kafka_rights.check_rights, self.name, settings, options)

    async def stop(self) -> None:
        """Close everything, in the reverse order of its start."""
        self.stopping.set()
        await self.stack.aclose()


@contextmanager
def model_refusals() -> Iterator[None]:
    """A model that can't be used is a reason not to start."""
    try:
        yield
    except ModelError as error:
        raise StartRefused(str(error)) from error
