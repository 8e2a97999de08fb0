"""A crowd that has taught something about the items of a world."""

from __future__ import annotations

import numpy as np

from streams.core.apply import apply
from streams.core.crowd import Crowd
from streams.core.learning.features import PICTURE
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import COMMON
from streams.core.learning.rules import LearningRules
from streams.core.lessons import interaction_of
from streams.core.profile import Profile
from tests.unit.core.worlds import NOW_S, RULES, World, clicks_on

LEARNING = LearningRules(items=2_000, trusted_items=1)


def crowd_of(world: World, histories: list[list[str]], *, least_likes: float = 0.0) -> Crowd:
    """What is served after users liked these items, each in this order, one user after another."""
    learner, offset = Learner(LEARNING), 0
    for liked in histories:
        profile = Profile()
        for click in clicks_on(liked, at_s=NOW_S - 1e5):
            told = interaction_of(profile, click, 0, offset, RULES)
            assert told is not None
            learner.learn(told)
            apply(profile, click, "clicks-0", offset, catalogue=world, rules=RULES)
            offset += 1
    crowd = Crowd(LEARNING, least_likes=least_likes)
    for item in learner.publish():
        crowd.table.put(item)
    crowd.table.weights = learner.table.weights
    # As learned where people follow others, whatever things look like.
    crowd.table.weights.weights[COMMON, PICTURE] = 0.1
    known = [number for number, item_id in enumerate(world.ids) if item_id not in world.unknown]
    crowd.relist(np.array(known, np.int32), world)
    return crowd


def pairs(world: World, seed: int, users: int = 60, *, least_likes: float = 0.0) -> Crowd:
    """Each user likes items that have one last digit, whatever they look like."""
    rng = np.random.default_rng(seed)
    digits = [[i for i in world.ids if i[-1] == str(digit)] for digit in range(10)]
    liked = [list(rng.permutation(digits[user % 10])[:8]) for user in range(users)]
    return crowd_of(world, liked, least_likes=least_likes)
