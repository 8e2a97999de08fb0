"""What a list costs once a crowd has taught something: make bench ARGS='--only crowd'

One process, no broker: ITEMS random pictures of 256 components in a real item index, USERS whose
likes teach a learner, and LISTS lists of some of them, made with what was learned and without.
"""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from streams.core import candidates, lists
from streams.core.apply import apply
from streams.core.crowd import Crowd
from streams.core.learning.learner import Learner
from streams.core.learning.rules import LearningRules
from streams.core.lessons import interaction_of
from streams.core.picks import Fallback
from streams.core.profile import ClickFact, Profile
from streams.core.rules import TasteRules
from streams.core.warm import warm_up
from streams.embeddings import ViewRecord
from streams.stores.item_index import ItemIndex

DIM, TASTES, LIKES = 256, 200, 60
RULES = TasteRules()
BLOCK = 25
"""Lists in a row: as in a worker, one is like the one before."""


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
    index: ItemIndex, profiles: list[Profile], crowd: Crowd, wanted: int
) -> tuple[list[float], list[float]]:
    """CPU of one list without its search, by pictures and ranked by the crowd: of block after block
    of lists in turn, so that a machine that is busy now and then is busy for both."""
    fallback = Fallback(index.newest(200), ["new"] * len(index.newest(200)))
    found = []
    for n in range(wanted):
        profile = profiles[n % len(profiles)]
        asked = candidates.queries(profile, index, RULES, profile.clock_s)
        found.append((profile, *index.search(asked, RULES.candidates)))
    spent: tuple[list[float], list[float]] = [], []
    for start in range(-BLOCK, wanted, BLOCK):  # the first is for warmth
        for taught, figures in zip((None, crowd), spent, strict=True):
            begun_s = time.thread_time()
            for n, (profile, numbers, cosines) in enumerate(found[max(start, 0) :][:BLOCK]):
                lists.make_list(
                    profile,
                    numbers,
                    cosines,
                    fallback,
                    catalogue=index,
                    rules=RULES,
                    now_s=profile.clock_s,
                    rng=np.random.default_rng(n),
                    crowd=taught,
                )
            if start >= 0:
                figures.append(1e6 * (time.thread_time() - begun_s) / BLOCK)
    return spent


def compare(items: int, users: int = 2_000, wanted: int = 500) -> dict[str, float]:
    """Microseconds of a list, and how many more when ranked by the crowd; printed as well."""
    with threadpool_limits(1):  # as in a worker
        warm_up()
        rng = np.random.default_rng(1)
        index = index_of(items, rng)
        crowd, profiles = taught(index, users, rng)
        pictures, learned = microseconds(index, profiles, crowd, wanted)
    low, more, high = np.percentile(np.subtract(learned, pictures), (10, 50, 90)).tolist()
    figures = {
        "pictures_us": float(np.median(pictures)),
        "crowd_us": float(np.median(learned)),
        "more_us": more,
    }
    print(
        f"{items:,} items: {figures['pictures_us']:.0f} us a list by pictures, "
        f"{figures['crowd_us']:.0f} us ranked by the crowd: {more:.0f} us more "
        f"(blocks of {BLOCK} in turn; 10 to 90 %: {low:.0f} to {high:.0f})"
    )
    return figures
