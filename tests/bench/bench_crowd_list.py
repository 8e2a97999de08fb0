"""What a list costs once a crowd has taught something: python -m tests.bench.bench_crowd_list

One process, no broker: ITEMS random pictures of 256 components in a real item index, USERS whose
likes teach a learner, and LISTS lists of some of them, made with what was learned and without.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from threadpoolctl import threadpool_limits

from streams.core import candidates, lists
from streams.core.apply import apply
from streams.core.crowd import Crowd
from streams.core.learning.learner import Learner
from streams.core.learning.rules import LearningRules
from streams.core.learning.warm import warm_up
from streams.core.lessons import interaction_of
from streams.core.picks import Fallback
from streams.core.profile import ClickFact, Profile
from streams.core.rules import TasteRules
from streams.embeddings import ViewRecord
from streams.stores.item_index import ItemIndex

DIM, TASTES, LIKES = 256, 200, 60
RULES = TasteRules()


def index_of(items: int, rng: np.random.Generator) -> ItemIndex:
    """Items of some tastes, searched exactly or by the graph, as in a worker."""
    index = ItemIndex("bench", DIM)
    centres = rng.normal(size=(TASTES, DIM))
    for number in range(items):
        vector = centres[number % TASTES] + 0.8 * rng.normal(size=DIM)
        vector /= np.linalg.norm(vector)
        index.apply(
            ViewRecord(f"item-{number}", "main", "bench", vector.astype(np.float16), 0, number)
        )
    while index.tend(1.0):
        pass
    return index


def taught(index: ItemIndex, users: int, rng: np.random.Generator) -> tuple[Crowd, list[Profile]]:
    """What is served after all their likes, and the users."""
    items = len(index)
    rules = LearningRules(items=items, trusted_items=1, ranker_every=10)
    learner, offset, profiles = Learner(rules), 0, []
    for _ in range(users):
        profile = Profile()
        tastes = rng.integers(TASTES, size=3)
        for step in range(LIKES):
            number = int(rng.integers(items // TASTES)) * TASTES + int(tastes[step % 3])
            click = ClickFact(f"item-{number}", "like", 1.7e9 + offset)
            told = interaction_of(profile, click, 0, offset, RULES)
            if told is not None:
                learner.learn(told)
            apply(profile, click, "clicks-0", offset, catalogue=index, rules=RULES)
            offset += 1
        profiles.append(profile)
    crowd = Crowd(rules)
    for item in learner.publish():
        crowd.table.put(item)
    crowd.table.weights = learner.table.weights
    crowd.relist(index.take_relisted(), index)
    return crowd, profiles


def microseconds(
    index: ItemIndex, profiles: list[Profile], crowd: Crowd | None, wanted: int
) -> float:
    """CPU of one list, without its search."""
    fallback = Fallback(index.newest(200), ["new"] * len(index.newest(200)))
    found = []
    for n in range(wanted):
        profile = profiles[n % len(profiles)]
        asked = candidates.queries(profile, index, RULES, profile.clock_s)
        found.append((profile, *index.search(asked, RULES.candidates)))
    spent_s = 0.0
    for turn in range(2):  # the first is for warmth
        begun_s = time.thread_time()
        for n, (profile, numbers, cosines) in enumerate(found):
            lists.make_list(
                profile,
                numbers,
                cosines,
                fallback,
                catalogue=index,
                rules=RULES,
                now_s=profile.clock_s,
                rng=np.random.default_rng(n),
                crowd=crowd,
            )
        spent_s = time.thread_time() - begun_s
        del turn
    return 1e6 * spent_s / wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[4_000])
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--lists", type=int, default=500)
    given = parser.parse_args()
    threadpool_limits(1)  # as in a worker
    warm_up()
    for items in given.items:
        rng = np.random.default_rng(1)
        index = index_of(items, rng)
        crowd, profiles = taught(index, given.users, rng)
        without = microseconds(index, profiles, None, given.lists)
        learned = microseconds(index, profiles, crowd, given.lists)
        print(
            f"{items:,} items: {without:.0f} us a list by pictures (with what is drawn from the "
            f"new), {learned:.0f} us ranked by the crowd: {learned / without:.2f} times"
        )


if __name__ == "__main__":
    main()
