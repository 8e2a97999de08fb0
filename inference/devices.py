"""Where a model runs: the choice between CPU and CUDA, and ONNX Runtime's sessions for both.

onnxruntime falls back to the CPU without an error when CUDA can't be set up. Here "cuda" is then
refused, and "auto" says so: an operator learns at start that there is no GPU, not from the bill.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, cast

from inference.errors import DeviceUnavailable, ExtraMissing, ModelError

logger = logging.getLogger(__name__)

Device = Literal["cpu", "cuda"]

CUDA_PROVIDER = "CUDAExecutionProvider"
CPU_PROVIDER = "CPUExecutionProvider"
_ONLY_FATAL = 4
_ONLY_ERRORS = 3


class Session(Protocol):
    """What is used of onnxruntime.InferenceSession."""

    def run(self, names: Sequence[str] | None, feed: Mapping[str, Any]) -> Sequence[Any]: ...
    def get_inputs(self) -> Sequence[Any]: ...
    def get_outputs(self) -> Sequence[Any]: ...
    def get_providers(self) -> Sequence[str]: ...
    def disable_fallback(self) -> None: ...


class Runtime(Protocol):
    """What is needed of an inference library. Tests bring their own."""

    def available_providers(self) -> Sequence[str]:
        """What the library was built with."""

    def load_cuda_libraries(self) -> None:
        """Make CUDA and cuDNN from wheels known to the process. Doesn't fail without them."""

    def session(self, graph: bytes, device: Device, threads: int) -> Session:
        """Raises ModelError when the library refuses the graph or the device."""


def open_session(
    graph: bytes, wanted: str, threads: int, runtime: Runtime
) -> tuple[Session, Device]:
    """A session on the device `wanted`: "auto", "cpu" or "cuda".

    "auto" takes CUDA where a session really runs on it, else the CPU, and logs which and why.
    Raises DeviceUnavailable when "cuda" can't be had, ModelError when the graph can't be loaded.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise DeviceUnavailable(f"the device {wanted!r:.40} is none of auto, cpu, cuda")
    if wanted != "cpu":
        try:
            session = _cuda_session(graph, threads, runtime)
        except DeviceUnavailable as error:
            if wanted == "cuda":
                raise
            # Without CUDA in the build nobody expects it; with it, somebody did.
            built = CUDA_PROVIDER in runtime.available_providers()
            level = logging.WARNING if built else logging.INFO
            logger.log(level, "device auto: cpu, because %s", error)
        else:
            logger.info("device %s: cuda", wanted)
            return session, "cuda"
    session = runtime.session(graph, "cpu", threads)
    session.disable_fallback()
    return session, "cpu"


def _cuda_session(graph: bytes, threads: int, runtime: Runtime) -> Session:
    remedy = (
        "install 'lookstream[gpu]' (without the package onnxruntime) and a driver for CUDA 13, or "
        "set LOOKSTREAM_DEVICE=cpu"
    )
    if CUDA_PROVIDER not in runtime.available_providers():
        raise DeviceUnavailable(f"this onnxruntime was built without CUDA: {remedy}")
    runtime.load_cuda_libraries()
    session = runtime.session(graph, "cuda", threads)
    if CUDA_PROVIDER not in session.get_providers():
        raise DeviceUnavailable(f"onnxruntime could not set up CUDA: {remedy}")
    session.disable_fallback()
    return session


class OnnxRuntime:
    """The installed onnxruntime or onnxruntime-gpu."""

    def __init__(self, library: Any) -> None:
        self._library = library

    @property
    def version(self) -> str:
        """The library's version."""
        return str(self._library.__version__)

    def available_providers(self) -> Sequence[str]:
        """What the library was built with."""
        return cast("Sequence[str]", self._library.get_available_providers())

    def load_cuda_libraries(self) -> None:
        """preload_dlls prints what it misses; that belongs in the log, not on stdout."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self._library.preload_dlls()
        for line in said.getvalue().splitlines():
            logger.warning("onnxruntime: %.300s", line)

    def session(self, graph: bytes, device: Device, threads: int) -> Session:
        """A session for the graph. Raises DeviceUnavailable (cuda) or ModelError (cpu)."""
        options = self._library.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ONLY_ERRORS if device == "cuda" else _ONLY_FATAL
        # Threads that wait in a loop take the cores from the decoders beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers: list[Any] = [CPU_PROVIDER]
        if device == "cuda":
            # An exhaustive search over cuDNN's kernels, the default, takes seconds a layer.
            providers.insert(0, (CUDA_PROVIDER, {"cudnn_conv_algo_search": "HEURISTIC"}))
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):  # it prints there when it falls back
                session = self._library.InferenceSession(graph, options, providers=providers)
        except Exception as error:  # onnxruntime's errors share no base but Exception
            if device == "cuda":
                raise DeviceUnavailable(
                    f"onnxruntime could not set up CUDA ({error!s:.200}): repair it, or set "
                    "LOOKSTREAM_DEVICE=cpu"
                ) from error
            raise ModelError(
                f"onnxruntime {self._library.__version__} cannot load the graph ({error!s:.200}): "
                "install the version that pyproject.toml names, or export the model again"
            ) from error
        return cast("Session", session)


def onnx_runtime() -> OnnxRuntime:
    """The installed library. Raises ExtraMissing when there is none."""
    # Its wheels queue events about the machine and the process for a server of Microsoft's, from
    # the moment of the import, unless this says no.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime  # noqa: PLC0415  (an extra: cpu or gpu)
    except ImportError as error:
        raise ExtraMissing(
            "onnxruntime is missing: pip install 'lookstream[cpu]' (or [gpu], never both)"
        ) from error
    return OnnxRuntime(onnxruntime)
