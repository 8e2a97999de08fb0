from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    IllegalGenerationError,
    KafkaConnectionError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

from streams.delivery.lease import Lease, default_clock, follow
from tests.unit.delivery.conftest import Clock

HEARTBEAT = HeartbeatRequest("group", 1, "member")
SYNC = SyncGroupRequest("group", 1, "member", None, [])


@pytest.fixture
def lost() -> list[str]:
    return []


@pytest.fixture
def lease(clock: Clock, lost: list[str]) -> Lease:
    lease = Lease(8.0, clock)
    lease.on_lost.append(lost.append)
    return lease


class Group:
    """A coordinator of which the answers, and how long they take, are the test's."""

    def __init__(self, clock: Clock, lease: Lease) -> None:
        self.takes_s = 0.0
        self.answer: Any = 0
        self._clock = clock
        follow(self, lease)

    async def _send_req(self, request: object) -> object:
        self._clock.now_s += self.takes_s
        if isinstance(self.answer, BaseException):
            raise self.answer
        return SimpleNamespace(error_code=self.answer)


@pytest.fixture
def group(clock: Clock, lease: Lease) -> Group:
    return Group(clock, lease)


async def test_nobody_holds_it_before_the_group_gave_partitions(lease: Lease, group: Group) -> None:
    assert not lease.holds()
    await group._send_req(HEARTBEAT)
    assert (lease.holds(), lease.term) == (False, 0)


async def test_it_holds_for_seven_eighths_of_the_session_since_the_request_was_sent(
    lease: Lease, group: Group, clock: Clock
) -> None:
    group.takes_s = 3.0
    await group._send_req(SYNC)
    assert lease.holds()
    clock.now_s += 3.9
    assert lease.holds()
    clock.now_s += 0.1
    assert not lease.holds()


async def test_an_answered_heartbeat_renews_it_from_when_it_was_sent(
    lease: Lease, group: Group, clock: Clock
) -> None:
    await group._send_req(SYNC)
    clock.now_s += 6.0
    group.takes_s = 2.0
    await group._send_req(HEARTBEAT)
    clock.now_s += 4.9
    assert lease.holds()
    clock.now_s += 0.1
    assert not lease.holds()
    assert lease.term == 1


@pytest.mark.parametrize(
    "answer",
    [
        RebalanceInProgressError.errno,
        NotCoordinatorForGroupError.errno,
        KafkaConnectionError("gone"),
        asyncio.CancelledError(),
    ],
)
async def test_other_answers_and_none_renew_nothing(
    lease: Lease, group: Group, clock: Clock, lost: list[str], answer: Any
) -> None:
    await group._send_req(SYNC)
    clock.now_s += 6.9
    group.answer = answer
    with suppress(KafkaConnectionError, asyncio.CancelledError):
        await group._send_req(HEARTBEAT)
    assert (lease.holds(), lost) == (True, [])
    clock.now_s += 0.1
    assert not lease.holds()


@pytest.mark.parametrize("error", [UnknownMemberIdError, IllegalGenerationError])
async def test_who_is_expelled_loses_it_at_once(
    lease: Lease, group: Group, lost: list[str], error: Any
) -> None:
    await group._send_req(SYNC)
    group.answer = error.errno
    await group._send_req(HEARTBEAT)
    assert not lease.holds()
    assert lost == [f"the group answers {error.__name__}"]


async def test_that_it_ran_out_is_told_once(lease: Lease, clock: Clock, lost: list[str]) -> None:
    lease.granted(clock.now_s)
    lease.check()
    clock.now_s += 7.0
    lease.check()
    lease.check()
    assert lost == ["no heartbeat was answered for 7 s"]
    lease.renewed(clock.now_s)
    clock.now_s += 7.0
    lease.check()
    assert len(lost) == 2


async def test_after_a_long_stop_the_answer_that_lay_waiting_does_not_revive_it(
    lease: Lease, clock: Clock
) -> None:
    lease.granted(clock.now_s)
    sent_s = clock.now_s + 2.0
    clock.now_s += 3600.0
    lease.renewed(sent_s)
    assert not lease.holds()


async def test_what_is_given_back_is_not_lost_and_heartbeats_do_not_bring_it_back(
    lease: Lease, clock: Clock, lost: list[str]
) -> None:
    lease.granted(clock.now_s)
    lease.given_back()
    lease.renewed(clock.now_s)
    assert not lease.holds()
    clock.now_s += 60.0
    lease.check()
    assert lost == []
    lease.granted(clock.now_s)
    assert (lease.holds(), lease.term) == (True, 2)


async def test_it_is_waited_for(lease: Lease, clock: Clock) -> None:
    waiting = asyncio.ensure_future(lease.regained())
    await asyncio.sleep(0)
    assert not waiting.done()
    lease.granted(clock.now_s)
    await asyncio.wait_for(waiting, 5)


async def test_it_rings_by_itself_also_when_nothing_else_happens() -> None:
    lost = asyncio.Event()
    lease = Lease(0.01)
    lease.on_lost.append(lambda why: lost.set())
    lease.granted(default_clock())
    lease.renewed(default_clock() + 0.01)
    await asyncio.wait_for(lost.wait(), 5)
    assert not lease.holds()
