"""Long work lets others in."""

from __future__ import annotations

import asyncio

from streams.agents.slices import Slices


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def turns_of_others(clock: Clock, steps_s: list[float]) -> list[int]:
    """How often somebody else had a turn by the end of each step of the work."""
    others = 0
    done = False

    async def somebody() -> None:
        nonlocal others
        while not done:
            others += 1
            await asyncio.sleep(0)

    slices = Slices(longest_s=0.01, clock=clock)
    task = asyncio.create_task(somebody())
    seen = []
    for step_s in steps_s:
        clock.now_s += step_s
        await slices.breathe()
        seen.append(others)
    done = True
    await task
    return seen


async def test_short_work_is_not_interrupted() -> None:
    assert await turns_of_others(Clock(), [0.003, 0.003, 0.003]) == [0, 0, 0]


async def test_others_have_a_turn_as_soon_as_it_has_lasted() -> None:
    assert await turns_of_others(Clock(), [0.009, 0.002, 0.009, 0.002]) == [0, 1, 1, 2]
