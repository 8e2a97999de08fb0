"""No list waits for a compiler."""

from __future__ import annotations

import subprocess
import sys

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


ALONE = """
import sys
from numba.core.dispatcher import Dispatcher
from streams.core.warm import warm_up_pictures
from tests.unit.core.worlds import World, clicks_on, list_for, visit

def compiled():
    rooms = [vars(room) for name, room in sys.modules.items() if name.startswith("streams.")]
    loops = {each for room in rooms for each in room.values() if isinstance(each, Dispatcher)}
    return sorted((l.__name__, len(l.signatures)) for l in loops if l.signatures)

warm_up_pictures()
print(compiled())
world = World()
world.copy_picture("0/1", "0/2")
for history in ([], clicks_on(["0/13", "2/23"])):
    assert list_for(world, visit(world, history))
print(compiled())
"""
"""In a process where nothing else has been compiled: its loops before and after some lists."""


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


def test_what_a_list_by_pictures_needs_is_compiled_by_warm_up_pictures() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", ALONE], check=True, capture_output=True, text=True, timeout=120
    )
    before, after = shown.stdout.splitlines()
    assert before == after == "[('apart', 1), ('pairs_alike', 1)]"
