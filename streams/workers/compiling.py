"""Compiling what a worker runs, in a process of its own: python -m streams.workers.compiling

The compiler leaves 200 MB behind in the process that it worked in. So a child compiles into the
cache on disk, and the worker loads what is there. Where no cache can be written the worker compiles
for itself.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final

from streams.core.warm import warm_up, warm_up_pictures

COMMAND: Final = (sys.executable, "-m", "streams.workers.compiling")
_PICTURES: Final = "pictures"
_MOST_S = 300.0
_log = logging.getLogger(__name__)


async def compile_first(
    load: Callable[[], None] = warm_up, command: Sequence[str] = COMMAND
) -> None:
    """Have everything compiled elsewhere, then `load` it here. Takes seconds; minutes at first."""
    try:
        await _child(command)
    except OSError as error:
        _log.warning("no process to compile in could be started (%s): compiling here", error)
    await asyncio.to_thread(load)


async def compile_lists_first(*, crowd: bool) -> None:
    """Have compiled and loaded what lists run: where no crowd ranks, only what is needed then."""
    if crowd:
        await compile_first()
    else:
        await compile_first(warm_up_pictures, (*COMMAND, _PICTURES))


async def _child(command: Sequence[str]) -> None:
    # It ends when its standard input does: not even a killed worker leaves it behind.
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    try:
        code = await asyncio.wait_for(child.wait(), _MOST_S)
    except TimeoutError:
        _log.warning("compiling took more than %.0f s in a process of its own", _MOST_S)
    else:
        if code:
            _log.warning("compiling in a process of its own ended with %d: compiling here", code)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    (warm_up_pictures if sys.argv[1:] == [_PICTURES] else warm_up)()
