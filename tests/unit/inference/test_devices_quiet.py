"""onnxruntime keeps what it learns of this machine to itself: its telemetry stays off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_loading_onnxruntime_writes_no_telemetry(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", "from inference.devices import onnx_runtime; onnx_runtime()"],
        env=environment | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        cwd=Path(__file__).resolve().parents[3],
        check=True,
        timeout=60,
    )
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()] == []
