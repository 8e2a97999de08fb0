"""What one click costs in the core, in microseconds: python -m tests.bench.bench_core

At the default rules: 5 interests, 50 found near each, 20 listed, 256 components, 4,000 items, a
profile that has everything it can have. The baseline in the same run is numpy's product of one
query with those 4,000 vectors, which is what a recommender without a core spends on a list.
Best of several rounds: the machine is shared.
"""

from __future__ import annotations

import os
import time
import timeit
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: as the workers run

import numpy as np

from streams.agents.publishing import chance
from streams.core.apply import apply
from streams.core.candidates import queries
from streams.core.codec import decode, encode
from streams.core.lists import make_list
from streams.core.profile import ClickFact, Profile
from tests.unit.core.worlds import NOW_S, RULES, World, visit

ROUNDS, CALLS = 100, 20


def best_us(call: Callable[[], object], calls: int = CALLS) -> float:
    """Microseconds of one call, in the best round."""
    return (
        min(timeit.repeat(call, timer=time.thread_time, number=calls, repeat=ROUNDS)) / calls * 1e6
    )


def busy_profile(world: World, *, dislikes: int = 2, seed: int = 5) -> Profile:
    """400 clicks over five tastes, and some dislikes of a sixth."""
    rng = np.random.default_rng(seed)
    kinds = ("view", "click", "like", "dwell", "purchase")
    clicks = [
        ClickFact(
            world.ids[rng.integers(5) * 400 + rng.integers(400)],
            kinds[i % 5],
            NOW_S + 600.0 * i,
            dwell_s=20.0,
        )
        for i in range(400)
    ]
    last_s = clicks[-1].at_s
    clicks += [ClickFact(world.ids[400 * (5 + i)], "dislike", last_s) for i in range(dislikes)]
    return visit(world, clicks)


def step_costs(world: World, profile: Profile) -> dict[str, float]:
    """Microseconds by step, for the next click of `profile`."""
    stored = encode(profile)
    wanted = queries(profile, world, RULES, profile.clock_s)
    numbers, cosines = world.search(wanted, RULES.candidates)
    fallback = world.fallback(150)
    offset = profile.marks["clicks-0"] + 1
    click = ClickFact(world.ids[1_199], "click", profile.clock_s + 60.0)

    def one_list() -> None:
        make_list(
            profile,
            numbers,
            cosines,
            fallback,
            catalogue=world,
            rules=RULES,
            now_s=profile.clock_s,
        )

    def one_list_with_chance() -> None:
        make_list(
            profile,
            numbers,
            cosines,
            fallback,
            catalogue=world,
            rules=RULES,
            now_s=profile.clock_s,
            rng=chance("clicks-0-1"),
        )

    def decode_and_apply() -> None:  # a click is applied once, to what was just decoded
        apply(decode(stored), click, "clicks-0", offset, catalogue=world, rules=RULES)

    decoding = best_us(lambda: decode(stored))
    return {
        "decode": decoding,
        "apply": best_us(decode_and_apply) - decoding,
        "encode": best_us(lambda: encode(profile)),
        "queries": best_us(lambda: queries(profile, world, RULES, profile.clock_s)),
        "make_list": best_us(one_list),
        "exploring": best_us(one_list_with_chance) - best_us(one_list),
    }


def main() -> None:
    world = World(tastes=10, per_taste=400, dim=256, id_bytes=20)
    query = world.vectors(np.arange(1, dtype=np.int32))[0]
    everything = world.vectors(np.arange(4_000, dtype=np.int32))
    baseline = best_us(lambda: everything @ query)
    for name, dislikes in (("five interests", 0), ("and two dislikes", 2)):
        profile = busy_profile(world, dislikes=dislikes)
        costs = step_costs(world, profile)
        print(f"{name}: {len(profile.interests)} interests, {len(encode(profile)):,} bytes")
        for step, cost in (*costs.items(), ("together", sum(costs.values()))):
            print(f"  {step:10} {cost:8.1f} us  {cost / baseline:6.2f} x one 4,000 x 256 product")


if __name__ == "__main__":
    main()
