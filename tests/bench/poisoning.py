"""What a few fake accounts can put into honest people's lists: python -m tests.bench.poisoning LOG

LOG is a CSV of clicks with times, as for `lookstream evaluate --clicks`. In the last hour before
the middle of it, accounts that nobody has heard of like a target that nearly nobody likes beside
another item. Then the lists of the next tenth of the log are looked at: how many show the target.

All attacks are made in one replay, each on its own target with its own accounts, so that every row
of the table has seen the same log.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from streams.core.learning.rules import LATELY, LearningRules
from streams.core.rules import TasteRules
from streams.evaluation import files
from streams.evaluation.baselines import baselines
from streams.evaluation.learned import Learned
from streams.evaluation.log import Log, Row, make_log
from streams.evaluation.method import Method
from streams.evaluation.replay import Replayed, replay

HOUR_S = 3_600.0
BESIDE = ("item-cf", "sessions", "walk-roots")


@dataclass(frozen=True)
class Attack:
    """`accounts` like `padding` popular items each, then the anchor, then the target."""

    name: str
    accounts: int
    anchor: str
    target: str
    padding: int = 0


def attacks_on(rows: list[Row], rng: np.random.Generator) -> tuple[list[Attack], list[str]]:
    """The attacks, and the items to pad with: by how often each item was liked in `rows`."""
    likes: dict[str, int] = {}
    for row in rows:
        likes[row.item_id] = likes.get(row.item_id, 0) + (row.kind == "like")
    by_likes = sorted(likes, key=lambda item: (-likes[item], item))
    liked = [item for item in by_likes if likes[item] >= 5]
    nearly_none = [item for item in by_likes if 1 <= likes[item] <= 3]
    targets = [nearly_none[n] for n in rng.permutation(len(nearly_none))]
    top, middling, rare = liked[0], liked[len(liked) // 2], liked[-1 - len(liked) // 10]
    many = 50
    one_percent = len(rows) // 100
    plans = [
        ("one account", 1, middling, 0),
        (f"{many} accounts beside the most liked", many, top, 0),
        (f"{many} beside a middling one", many, middling, 0),
        (f"{many} beside a rare one", many, rare, 0),
        (f"{one_percent // 20} of 20 likes beside a middling one", one_percent // 20, middling, 18),
        (f"{one_percent // 2} beside a middling one", one_percent // 2, middling, 0),
    ]
    made = [
        Attack(name, accounts, anchor, target, padding)
        for (name, accounts, anchor, padding), target in zip(plans, targets, strict=False)
    ]
    return made, liked[:200]


def fakes(attacks: list[Attack], popular: list[str], until_s: float, seed: int) -> list[Row]:
    """What the fake accounts do, an account after the other, in the hour before `until_s`."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, attack in enumerate(attacks):
        for account in range(attack.accounts):
            drawn = rng.choice(len(popular), attack.padding, replace=False)
            items = [popular[at] for at in drawn.tolist() if popular[at] != attack.anchor]
            at_s = until_s - HOUR_S + HOUR_S * account / attack.accounts
            for item in (*items, attack.anchor, attack.target):
                rows.append(Row(f"fake {number} {account}", item, "like", at_s))
    return rows


def shown(done: Replayed, name: str, attack: Attack) -> tuple[float, float]:
    """Share of all lists that show the target, and of those who touched the anchor lately."""
    log = done.log
    target, anchor = log.item_ids.index(attack.target), log.item_ids.index(attack.anchor)
    shows = (done.courses[name].tops == target).any(axis=1)
    near = _touched_lately(log, done.asked.rows, anchor)
    return float(shows.mean()), float(shows[near].mean()) if near.any() else float("nan")


def _touched_lately(log: Log, rows: NDArray[np.int64], item: int) -> NDArray[np.bool_]:
    """For each of `rows`, whether its user touched `item` in her last events before."""
    last: dict[int, list[int]] = {}
    wanted, found = set(rows.tolist()), {}
    for row, (user, touched) in enumerate(zip(log.users.tolist(), log.items.tolist(), strict=True)):
        hers = last.setdefault(user, [])
        if row in wanted:
            found[row] = item in hers[-LATELY:]
        hers.append(touched)
    return np.array([found[row] for row in rows.tolist()], np.bool_)


def methods(log: Log, trusted: list[int]) -> list[Method]:
    """The learned row by how many items an account needs to be trusted, and some baselines."""
    rules = LearningRules(items=max(len(log.item_ids), 16))
    ours = [
        Learned(log, replace(rules, trusted_items=n), name=f"learned, trust from {n}")
        for n in trusted
    ]
    others, _ = baselines(log, None, seed=1)
    return [*ours, *(method for method in others if method.name in BESIDE)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--trusted", type=int, nargs="+", default=[LearningRules().trusted_items])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="look at every so manieth list")
    parser.add_argument("--honest", action="store_true", help="also the log without the fakes")
    asked = parser.parse_args()
    threadpool_limits(1)
    read = files.read_clicks(asked.log)
    rows = sorted(read, key=lambda row: row.at_s or 0.0)[: int(len(read) * 0.6)]
    half = len(read) // 2
    attacks, popular = attacks_on(rows[:half], np.random.default_rng(asked.seed))
    false = fakes(attacks, popular, rows[half].at_s or 0.0, asked.seed)
    print(f"{len(rows):,} events, and {len(false):,} false ones")
    logs = {"honest log": rows, "with fakes": rows + false}
    for title, told in logs.items() if asked.honest else [("with fakes", logs["with fakes"])]:
        log = make_log(told, TasteRules())
        warm_up = (half + len(told) - len(rows)) / len(told)
        done = replay(log, methods(log, asked.trusted), warm_up=warm_up, every=asked.every)
        print(f"{title}: {len(done.asked.rows):,} lists")
        for name, course in done.courses.items():
            print(f"  {name:<24} hr@10 {np.mean(course.ranks <= 10):.4f}")
            for attack in attacks:
                everybody, near = shown(done, name, attack)
                print(f"    {attack.name:<44} {everybody:.4f}  {near:.4f}")


if __name__ == "__main__":
    main()
