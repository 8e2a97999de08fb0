"""Running an app: start in order, stop in time, and an exit code that tells the truth.

0    stopped on SIGTERM or SIGINT; nothing in flight was lost
70   a bug ended it
75   the stop did not end within its time, and was cut short
78   it refused to start, and said why on stderr
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from streams.delivery.app import App
from streams.delivery.bugs import EXIT_BUG, without_payload
from streams.delivery.fence import WakefulSelector
from streams.delivery.header_names import forgive_header_names
from streams.delivery.hooks import check_hooks
from streams.delivery.outbox import KAFKA
from streams.delivery.quiet import quiet_loggers
from streams.delivery.retry import BatchClosing
from streams.errors import StartRefused

logger = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_STOP_HANGS = 75
EXIT_REFUSED = 78

Hook = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    return None


class _Deadline:
    """Ends the process from a thread of its own, even if the event loop hangs."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._strike, [seconds])
        self._timer.daemon = True

    def arm(self) -> None:
        if not self._timer.is_alive():
            with suppress(RuntimeError):
                self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _strike(self, seconds: float) -> None:
        logger.critical("the stop did not end within %g s: ending the process", seconds)
        logging.shutdown()
        os._exit(EXIT_STOP_HANGS)


def run(
    app: App,
    *,
    on_start: Hook = _nothing,
    on_stop: Hook = _nothing,
    stop_timeout_s: float = 10.0,
) -> int:
    """Run the app until SIGTERM or SIGINT; the exit code.

    on_start  awaited before the app joins its group, so before any batch. May raise StartRefused.
    on_stop   awaited last, also if on_start was cut short by a signal.
    """
    # Plain asyncio, on purpose: see docs/decisions/batches-inside-faust.md about uvloop.
    quiet_loggers()
    deadline = _Deadline(stop_timeout_s)
    try:
        check_hooks()
        forgive_header_names()

        def new_loop() -> asyncio.AbstractEventLoop:
            return asyncio.SelectorEventLoop(WakefulSelector(app.lease.check))

        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(_Run(app, on_start, on_stop, stop_timeout_s, deadline).main())
    except StartRefused as refused:
        print(refused, file=sys.stderr)  # noqa: T201 - for the person who started it
        return EXIT_REFUSED
    finally:
        deadline.cancel()


class _Run:
    def __init__(
        self, app: App, on_start: Hook, on_stop: Hook, stop_timeout_s: float, deadline: _Deadline
    ) -> None:
        self._app = app
        self._on_start = on_start
        self._on_stop = on_stop
        self._stop_timeout_s = stop_timeout_s
        self._deadline = deadline
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop

    async def main(self) -> int:
        self._loop = asyncio.get_running_loop()
        # Not loop.add_signal_handler: its handlers wait for their turn, also in a loop that hangs.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        app = self._app
        try:
            if await self._unless_stopped(self._on_start()) and await self._unless_stopped(
                self._ready_kafka()
            ):
                await self._unless_stopped(app.start())
                await self._ends()
            return EXIT_BUG if app.crashed else EXIT_OK
        except BatchClosing:
            return EXIT_OK
        except StartRefused:
            raise
        except Exception as bug:  # noqa: BLE001 - logged without payload, and the process ends
            logger.critical("bug, ending the process:\n%s", without_payload(bug))
            return EXIT_BUG
        finally:
            self._deadline.arm()
            await self._shut_down()

    def _signalled(self, number: int, _frame: object) -> None:
        self._deadline.arm()
        # A second signal may come when the loop is closed already.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop_now, signal.Signals(number).name)

    def _stop_now(self, why: str) -> None:
        if not self._stop.is_set():
            logger.info("%s: stopping", why)
            self._stop.set()

    async def _ready_kafka(self) -> None:
        """Wait for the broker, and refuse to start if topics are missing."""
        app = self._app
        await app.outbox.start(self._stop)
        counts = await app.retry.until_it_works(KAFKA, app.outbox.partition_counts, self._stop)
        needed = {lane.spec.topic for lane in app.lanes.values()}
        needed |= {lane.spec.dead_letters for lane in app.lanes.values()}
        missing = sorted(needed - counts.keys())
        if missing:
            raise StartRefused(
                f"Kafka at {app.settings.servers} has no topic {', '.join(missing)}. "
                f"Create what is missing with: lookstream topics create"
            )

    async def _unless_stopped(self, work: Awaitable[Any]) -> bool:
        """Whether `work` came to its end before the signal to stop; else it is cancelled."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            task.result()
            return not self._stop.is_set()
        task.cancel()
        await asyncio.wait({task}, timeout=1.0)
        return False

    async def _ends(self) -> None:
        """Until the signal to stop, or until a part of Faust crashed."""
        app = self._app
        stopped = asyncio.ensure_future(self._stop.wait())
        crashed = asyncio.ensure_future(app._crashed.wait())
        await asyncio.wait({stopped, crashed}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        crashed.cancel()
        if app.crashed:
            reason = app.crash_reason
            text = "" if reason is None else without_payload(reason)
            logger.critical("Faust crashed, ending the process; its records come again.\n%s", text)

    async def _shut_down(self) -> None:
        """Each step bounded, so that all of them together are well within the deadline."""
        app = self._app
        begun_s = time.monotonic()
        rest_s = self._stop_timeout_s
        app.deadlines = app.deadlines.within(rest_s)
        if app.started:
            await self._step("the app", app.stop(), rest_s * 0.75)
        await self._step("on_stop", self._on_stop(), rest_s * 0.1)
        await self._step("the producer", app.outbox.stop(rest_s * 0.05), rest_s * 0.1)
        logger.info("stopped within %.1f s", time.monotonic() - begun_s)

    async def _step(self, what: str, work: Awaitable[Any], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await work
        except TimeoutError:
            logger.warning("stopping %s took longer than %.1f s: going on without", what, seconds)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the steps after it must still be done
            logger.critical("stopping %s failed: %s", what, without_payload(error))
