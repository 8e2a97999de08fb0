"""The protocol for logs without times: learn one part in a random order, then rank the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streams.core.rules import TasteRules
from streams.evaluation.findings import Findings
from streams.evaluation.log import NO_TIMES_START_S, Log, Row, make_log
from streams.evaluation.method import Method
from streams.evaluation.placing import place
from streams.evaluation.replay import Hear

TOP = 20
MEASURES = ("recall@20", "ndcg@20")

Pairs = Sequence[tuple[str, str]]


def make_split(
    train: Pairs, test: Pairs, rules: TasteRules, seed: int
) -> tuple[Log, dict[int, frozenset[int]]]:
    """The log to learn from, every pair a like, one a second in a random order by `seed`; and what
    is to be found: user -> items, without those she has in `train`."""
    order = np.random.default_rng(seed).permutation(len(train)).tolist()
    rows = [Row(train[n][0], train[n][1], "like", None) for n in order]
    log = make_log(rows, rules, more_items=[item for _, item in test])
    users = {user: n for n, user in enumerate(log.user_ids)}
    items = {item: n for n, item in enumerate(log.item_ids)}
    known = set(zip(log.users.tolist(), log.items.tolist(), strict=True))
    wanted: dict[int, set[int]] = {}
    for user_id, item_id in test:
        pair = users.setdefault(user_id, len(users)), items[item_id]
        if pair not in known:
            wanted.setdefault(pair[0], set()).add(pair[1])
    log = replace(log, user_ids=list(users))
    return log, {user: frozenset(wanted[user]) for user in sorted(wanted)}


def run_split(
    log: Log,
    wanted: dict[int, frozenset[int]],
    methods: Sequence[Method],
    *,
    seed: int = 1,
    hear: Hear = lambda done, total: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Findings:
    """Learn all of `log`, then rank all unseen items of it for each user of `wanted`.

    recall@20  the share of what is wanted that stands among the first 20.
    ndcg@20    its discounted gain, over that of the best list there could be.
    Means are over users. An item that is in no training pair is not known, and so not found.
    """
    items, steps = len(log.item_ids), len(log) + len(wanted)
    seconds = dict.fromkeys((method.name for method in methods), 0.0)
    known = np.zeros(items, np.bool_)
    touched: dict[int, list[int]] = {}
    for n, event in enumerate(log.events()):
        if not known[event.item]:
            known[event.item] = True
            for method in methods:
                method.arrive(event.item, event.at_s)
        for method in methods:
            start = clock()
            method.learn(event)
            seconds[method.name] += clock() - start
        touched.setdefault(event.user, []).append(event.item)
        if n % 256 == 0:
            hear(n, steps)
    shuffled = np.random.default_rng(seed).permutation(items).astype(np.int32)
    now_s = NO_TIMES_START_S + len(log)
    found = {
        method.name: {measure: np.zeros(len(wanted)) for measure in MEASURES} for method in methods
    }
    for n, (user, hers) in enumerate(wanted.items()):
        unseen = known.copy()
        unseen[touched.get(user, [])] = False
        for method in methods:
            start = clock()
            scores = method.rank(user, now_s, unseen)
            seconds[method.name] += clock() - start
            top = place(scores, unseen, -1, shuffled, TOP).top
            for measure, value in zip(MEASURES, _judge(top, hers), strict=True):
                found[method.name][measure][n] = value
        if n % 64 == 0:
            hear(len(log) + n, steps)
    hear(steps, steps)
    return Findings(
        measures=MEASURES,
        users=np.array(list(wanted), np.int32),
        values=found,
        slices={},
        whole={},
        seconds=seconds,
        events=len(log),
    )


def _judge(top: NDArray[np.int32], hers: frozenset[int]) -> tuple[float, float]:
    hits = np.array([item in hers for item in top.tolist()])
    gains = 1.0 / np.log2(np.arange(2, TOP + 2))
    best = gains[: len(hers)].sum()
    return float(hits.sum()) / len(hers), float(gains[hits].sum() / best)
