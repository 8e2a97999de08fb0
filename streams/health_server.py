"""The worker's HTTP server: GET /metrics, /healthz, /readyz, and nothing else.

It lives in the worker's event loop on purpose: when the loop hangs, the probe gets no answer.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from streams.errors import StartRefused
from streams.health import Progress, Readiness
from streams.metrics import CONTENT_TYPE

log = logging.getLogger(__name__)

_LONGEST_LINE_BYTES = 4096
_KEEPALIVE_S = 30.0


class _Request(web.BaseRequest):
    """A request whose responses don't tell which server, of which version, wrote them."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)


class HealthServer:
    """Serves one worker's metrics and health between `start` and `close`."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        metrics_page: Callable[[], bytes],
        readiness: Readiness,
        progress: Progress,
    ) -> None:
        self._host, self._port = address
        self._metrics_page = metrics_page
        self._readiness = readiness
        self._progress = progress
        self._runner: web.ServerRunner | None = None
        self._routes = {
            "/metrics": self._metrics,
            "/healthz": self._health,
            "/readyz": self._ready,
        }

    @property
    def address(self) -> tuple[str, int]:
        """Host and port in use: the real port where 0 was asked for. Only while started."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the health server is not started")
        host, port, *_ = self._runner.addresses[0]
        return host, port

    async def start(self) -> None:
        """Listen. Raises StartRefused when the address can't be had."""
        server = web.Server(
            self._handle,
            request_factory=_make_request,
            access_log=None,
            max_line_size=_LONGEST_LINE_BYTES,
            max_field_size=_LONGEST_LINE_BYTES,
            keepalive_timeout=_KEEPALIVE_S,
            lingering_time=0,
        )
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise StartRefused(self._refusal(error)) from error
        self._runner = runner
        host, port = self.address
        log.info("serving /metrics, /healthz and /readyz on http://%s:%d", host, port)

    async def close(self) -> None:
        """Stop listening; connections end."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _refusal(self, error: OSError) -> str:
        where = f"{self._host}:{self._port}"
        if isinstance(error, socket.gaierror):
            why = f"no machine is known as {self._host}"
        else:
            why = {
                errno.EADDRINUSE: "another process listens there",
                errno.EADDRNOTAVAIL: "this machine does not have that address",
                errno.EACCES: "this user may not listen there",
            }.get(error.errno or 0, error.strerror or type(error).__name__)
        return (
            f"LOOKSTREAM_HTTP is {where}, but {why}. "
            "Set it to a free host:port, or to 127.0.0.1:0 for any free port."
        )

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        route = self._routes.get(request.path)
        if route is None:
            return _json({"error": "there is /metrics, /healthz and /readyz"}, status=404)
        if request.method not in ("GET", "HEAD"):
            return _json({"error": "only GET"}, status=405, headers={"Allow": "GET, HEAD"})
        return route()

    def _metrics(self) -> web.Response:
        return web.Response(body=self._metrics_page(), headers={"Content-Type": CONTENT_TYPE})

    def _health(self) -> web.Response:
        problems = self._progress.problems()
        return _json({"alive": not problems, "problems": problems}, 503 if problems else 200)

    def _ready(self) -> web.Response:
        reasons = self._readiness.reasons
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


def _make_request(*parts: Any) -> web.BaseRequest:
    message, payload, protocol, writer, task = parts
    loop = task.get_loop()
    return _Request(message, payload, protocol, writer, task, loop)


def _json(
    body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
    )
