"""`lookstream demo` with fake workers and no model, as a program: signals need a process.

python demo_with_fakes.py [--worker-dies] OPTIONS…
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest import mock

import typer

from streams.local import cli

FAKE = str(Path(__file__).with_name("demo_fake_worker.py"))


def main() -> None:
    dies = ["die"] if "--worker-dies" in sys.argv else []
    sys.argv = [argument for argument in sys.argv if argument != "--worker-dies"]
    with (
        mock.patch(
            "streams.local.workers.worker_command",
            lambda kind: [sys.executable, FAKE, kind, *dies],
        ),
        mock.patch("streams.local.demo.is_exported", return_value=True),
    ):
        typer.run(cli.demo)


if __name__ == "__main__":
    main()
