"""Agents with one bug each, planted in the model: what the fuzz must find."""

from __future__ import annotations

import logging
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from inference.encoder import Prepared
from inference.pictures import PictureLimits
from tests.fuzz.case import MARK
from tests.fuzz.place import Place
from tests.fuzz.target import NoticingEncoder, Target

logger = logging.getLogger("streams.planted")
_kept: list[bytes] = []


def _planted(bug: type[NoticingEncoder]) -> type[Target]:
    class Planted(Target):
        def make_encoder(self, models_dir: Path) -> NoticingEncoder:
            return bug(models_dir, "small", threads=1)

    return Planted


class _Raises(NoticingEncoder):
    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if data.startswith(b"GIF"):
            raise KeyError(data[:4])
        return super().prepare(data, limits)


class _Dies(NoticingEncoder):
    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if data.startswith(b"GIF"):
            os.abort()
        return super().prepare(data, limits)


class _Leaks(NoticingEncoder):
    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if MARK.encode() in data:
            logger.warning("what is this? %r", data[data.index(MARK.encode()) :])
        return super().prepare(data, limits)


class _Rings(NoticingEncoder):
    """Writes to the terminal what a terminal acts on."""

    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if data.startswith(b"GIF"):
            sys.stdout.write("\x1b[31m")
            sys.stdout.flush()
        return super().prepare(data, limits)


class _Grows(NoticingEncoder):
    """Keeps more than the bound, in memory that is really used."""

    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if data.startswith(b"GIF"):
            _kept.append(b"x" * 120_000_000)
        return super().prepare(data, limits)


class _Asks(NoticingEncoder):
    """Asks for more than the kernel's limit, at once."""

    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if data.startswith(b"GIF"):
            bytearray(2_000_000_000)
        return super().prepare(data, limits)


class _Works(NoticingEncoder):
    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        end_s = time.process_time() + 4.2
        while data.startswith(b"GIF") and time.process_time() < end_s:
            pass
        return super().prepare(data, limits)


class _Waits(NoticingEncoder):
    def prepare(self, data: bytes, limits: PictureLimits) -> Prepared:
        if data.startswith(b"GIF"):
            time.sleep(3600)
        return super().prepare(data, limits)


Raises, Dies, Leaks, Rings = map(_planted, (_Raises, _Dies, _Leaks, _Rings))
Grows, Asks, Works, Waits = map(_planted, (_Grows, _Asks, _Works, _Waits))


class Loses(Target):
    """The dead letters are shorter than what came in."""

    async def handle(self, *records):  # type: ignore[no-untyped-def]
        batch, letters = await super().handle(*records)
        return batch, [letter._replace(value=(letter.value or b"x")[:-1]) for letter in letters]


class Wanders(Target):
    """Looks up a name that it must not."""

    def __init__(self, models_dir: Path, place: Place) -> None:
        super().__init__(models_dir, place)
        self._place = place

    async def handle(self, *records):  # type: ignore[no-untyped-def]
        if b"uri" in (records[0].value or b""):
            with suppress(OSError):
                await self._place.names.resolve("elsewhere.test")
        return await super().handle(*records)
