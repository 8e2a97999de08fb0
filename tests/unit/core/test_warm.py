"""No list waits for a compiler."""

from __future__ import annotations

from streams.core import crowd_rank, diversity, fresh
from streams.core.profile import ClickFact
from streams.core.warm import warm_up
from tests.unit.core.crowds import pairs
from tests.unit.core.worlds import NOW_S, World, clicks_on, list_for, visit

LOOPS = (
    crowd_rank.shortlist,
    crowd_rank.tell,
    crowd_rank.nearest_of_hers,
    crowd_rank.freshest,
    fresh.interleave,
    diversity.pairs_alike,
    diversity.apart,
)


def test_what_a_crowds_list_needs_is_compiled_by_warm_up() -> None:
    warm_up()
    compiled = [len(loop.signatures) for loop in LOOPS]
    assert min(compiled) > 0
    world = World()
    liked = clicks_on(["0/13", "2/23"])
    disliked = [ClickFact("2/3", "dislike", NOW_S + 999)]
    for history in (liked, liked + disliked, clicks_on(["0/13"], "view")):
        picks = list_for(world, visit(world, history), crowd=pairs(world, 0))
        assert picks[0].reason_kind == "people-also-clicked"
    assert [len(loop.signatures) for loop in LOOPS] == compiled
