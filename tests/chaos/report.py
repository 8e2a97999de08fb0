"""What a run says of itself: one table for people, one line of JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from streams.core import codec
from tests.chaos.journal import CUT_OFF, LET_GO, finishes
from tests.chaos.judge import APPLIED, DEAD, DUPLICATE, Difference, Evidence, stale_lists
from tests.chaos.schedule import Strike
from tests.chaos.stalls import longest


def figures(
    seen: Evidence,
    strikes: Sequence[Strike],
    found: Sequence[Difference],
    *,
    seed: int,
    took_s: float,
) -> dict[str, object]:
    """The figures of a run."""
    deliveries = [each for account in seen.accounts for each in account.deliveries]
    outcomes = Counter(outcome for _, outcome, _ in finishes(deliveries))
    stops = [life for life in seen.lives if life.ended_by == "term"]
    return {
        "seed": seed,
        "faults": len(strikes),
        "took_s": round(took_s, 1),
        "clicks": len(seen.clicks),
        "images": len(seen.images),
        "deliveries": sum(len(each.places) for each in deliveries),
        "applied": outcomes[APPLIED],
        "duplicates": outcomes[DUPLICATE],
        "dead_lettered": outcomes[DEAD],
        "let_go": sum(len(each.places) for each in deliveries if each.ended == LET_GO),
        "cut_off": sum(len(each.places) for each in deliveries if each.ended == CUT_OFF),
        "users": len(seen.expected.profiles),
        "residuals_compared": sum(
            value != codec.without_residual(value) for value in seen.expected.profiles.values()
        ),
        "lists": len(seen.lists),
        "stale_lists": len(stale_lists(seen)),
        "stale_items": len(seen.stale_items),
        "item_records_compacted_away": seen.compacted_away,
        "dead_letters": sum(seen.letters.values()),
        "items": len(seen.items),
        "lessons": len(seen.lessons),
        "lessons_told_again": seen.copies_of_lessons - len(seen.lessons),
        "items_learned": len(seen.learned),
        "indexes_compared": len(seen.indexes),
        "workers_started": len(seen.lives),
        "workers_killed": sum(life.ended_by == "kill" for life in seen.lives),
        "workers_stopped": len(stops),
        "longest_stop_s": round(max((s.ended_s - s.asked_s for s in stops), default=0.0), 2),
        "longest_stall_s": round(longest(seen.stalls), 2),
        "longest_stall_with_outages_s": round(max((s.in_all_s for s in seen.stalls), default=0), 2),
        "differences": [str(each) for each in found],
    }


def table(said: dict[str, object], strikes: Sequence[Strike], seen: Evidence) -> str:
    """The same for people, with the faults by kind and what was going on in the longest stall."""
    rows = {name.replace("_", " "): value for name, value in said.items() if name != "differences"}
    kinds = Counter(strike.fault.kind for strike in strikes)
    lines = [f"{name:<28}{value!s:>12}" for name, value in rows.items()]
    lines += ["", *(f"{kind:<28}{count:>12}" for kind, count in sorted(kinds.items())), ""]
    for stall in seen.stalls[:1]:
        lines.append(f"longest standstill: {stall}; meanwhile, in seconds from its beginning:")
        end_s = stall.begun_s + stall.in_all_s
        for strike in sorted(strikes, key=lambda each: each.begun_s):
            if strike.begun_s < end_s and strike.ended_s > stall.begun_s - 5:
                begun_s, ended_s = strike.begun_s - stall.begun_s, strike.ended_s - stall.begun_s
                what = f"{strike.fault.kind} of {strike.fault.target}"
                lines.append(f"{begun_s:8.1f} to {ended_s:6.1f}  {what}")
    return "\n".join(lines)


def one_line(said: dict[str, object]) -> str:
    """For programs."""
    return json.dumps(said)
