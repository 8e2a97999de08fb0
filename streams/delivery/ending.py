"""The end of a worker's process: at once, whatever its threads still do."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn


def end_process(code: int) -> NoReturn:
    """End this process with `code`, now.

    Python would first wait, without bound, for every thread of every pool: a decoder with a large
    picture goes on for seconds after everything was stopped in order, and nobody wants its result.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read them is gone
            stream.flush()
    os._exit(code)
