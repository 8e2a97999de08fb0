"""The lease: how long this worker can prove that its partitions are still its own.

The group's coordinator gives a member's partitions to others when it has heard nothing of it for
the session timeout. What it heard last it heard after we sent it: so until that moment plus the
session timeout, nobody else owns them. See docs/decisions/lease.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    IllegalGenerationError,
    NoError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

# Of the session timeout: for clocks that don't run alike, and for what is on its way to the broker
# when the lease runs out.
MARGIN: Final = 1 / 8

_EXPELLED = (UnknownMemberIdError, IllegalGenerationError)


Clock = Callable[[], float]
# Seconds that also pass while the machine is suspended, where the system has such a clock.
default_clock: Clock = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class Lease:
    """Held from a grant until it runs out, is lost or is given back; renewed by heartbeats.

    on_lost  called once each time it is lost or runs out, with why; not when it is given back.
    term     counts the grants: within one, the partitions are the same.
    """

    def __init__(self, session_timeout_s: float, clock: Clock = default_clock) -> None:
        self.length_s = session_timeout_s * (1 - MARGIN)
        self.now_s = clock
        self.term = 0
        self.on_lost: list[Callable[[str], None]] = []
        self._until_s = float("-inf")
        self._granted = False
        self._told = True
        self._renewed = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None

    def holds(self) -> bool:
        """Whether the partitions are still ours, for sure."""
        return self.now_s() < self._until_s

    def left_s(self) -> float:
        """How long it holds if nothing renews it; negative when it doesn't."""
        return self._until_s - self.now_s()

    def granted(self, sent_s: float) -> None:
        """The group gave us partitions, by a request that we sent at `sent_s`."""
        self.term += 1
        self._granted = True
        self._until_s = float("-inf")
        self.renewed(sent_s)

    def renewed(self, sent_s: float) -> None:
        """The group said that they are still ours, by a request that we sent at `sent_s`."""
        if not self._granted:
            return
        self._until_s = max(self._until_s, sent_s + self.length_s)
        if self.holds():
            self._told = False
            self._renewed.set()
            if self._alarm is None:
                self._set_alarm()

    def lost(self, why: str) -> None:
        """The group said that they are no longer ours."""
        self._granted = False
        self._until_s = float("-inf")
        self._tell(why)

    def given_back(self) -> None:
        """We let go of them ourselves, or were never given any."""
        self._granted = False
        self._until_s = float("-inf")
        self._told = True

    def check(self) -> None:
        """Tell `on_lost` if it has run out. Quick: called at every turn of the event loop."""
        if not (self._told or self.now_s() < self._until_s):
            self._tell(f"no heartbeat was answered for {self.length_s:g} s")

    async def regained(self) -> None:
        """Until it holds."""
        while not self.holds():
            self._renewed.clear()
            await self._renewed.wait()

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            for tell in self.on_lost:
                tell(why)

    def _set_alarm(self) -> None:
        # Renewals don't move it: when it rings too early it is set again.
        self._alarm = asyncio.get_running_loop().call_later(self.left_s(), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self.holds():
            self._set_alarm()
        else:
            self.check()


def follow(coordinator: GroupCoordinator, lease: Lease) -> None:
    """Have `lease` follow what the group answers this member.

    A heartbeat that is answered with 'rebalancing' renews nothing: the group waits for us only so
    long, and then goes on without us.
    """
    send = coordinator._send_req

    async def send_req(request: Any) -> Any:
        sent_s = lease.now_s()
        response = await send(request)
        if isinstance(request, SyncGroupRequest):
            if for_code(response.error_code) is NoError:
                lease.granted(sent_s)
        elif isinstance(request, HeartbeatRequest):
            answer = for_code(response.error_code)
            if answer is NoError:
                lease.renewed(sent_s)
            elif issubclass(answer, _EXPELLED):
                lease.lost(f"the group answers {answer.__name__}")
        return response

    coordinator._send_req = send_req
