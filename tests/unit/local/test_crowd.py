"""The simulated crowd: repeatable, skewed, and moved by things that pictures don't show."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from streams.local.crowd import DAY_S, Crowd, CrowdClick, Nature

THEMES = [f"theme-{n % 12}" for n in range(360)]
SMALL = Nature(users=150, days=20, clicks_per_user=20, circles=6)


def simulated(nature: Nature = SMALL, seed: int = 1) -> tuple[Crowd, list[CrowdClick]]:
    crowd = Crowd(THEMES, np.random.default_rng(seed), nature)
    return crowd, list(crowd.clicks())


def test_the_same_seed_gives_the_same_log() -> None:
    assert simulated()[1] == simulated()[1]
    assert simulated()[1] != simulated(seed=2)[1]


def test_nobody_clicks_twice_on_an_item_or_on_one_that_is_not_out() -> None:
    crowd, log = simulated()
    assert max(Counter((c.user, c.item) for c in log).values()) == 1
    assert all(crowd.since_s[c.item] <= c.at_s for c in log)
    assert max(c.at_s for c in log) < 21 * DAY_S


def test_clicks_come_in_the_order_of_time() -> None:
    _, log = simulated()
    times = [c.at_s for c in log]
    assert times == sorted(times)


def test_popularity_is_skewed() -> None:
    _, log = simulated()
    counts = sorted(Counter(c.item for c in log).values(), reverse=True)
    assert sum(counts[: len(THEMES) // 10]) > 0.25 * len(log)


def test_tastes_show_in_the_themes_and_circles_in_nothing_one_can_see() -> None:
    def themes_of_a_user(nature: Nature) -> float:
        _, log = simulated(nature)
        per_user: dict[int, Counter[str]] = {}
        for c in log:
            per_user.setdefault(c.user, Counter())[THEMES[c.item]] += 1
        return float(np.mean([max(n.values()) / sum(n.values()) for n in per_user.values()]))

    with_tastes = themes_of_a_user(SMALL)
    without = themes_of_a_user(Nature(users=150, days=20, clicks_per_user=20, to_taste=0.0))
    assert with_tastes > without + 0.1


def test_some_follow_the_new() -> None:
    def mean_age_s(followers: float) -> float:
        crowd, log = simulated(Nature(users=150, days=20, clicks_per_user=20, followers=followers))
        late = [c for c in log if crowd.since_s[c.item] > 0]
        return float(np.mean([c.at_s - crowd.since_s[c.item] for c in late]))

    assert mean_age_s(1.0) < mean_age_s(0.0)


def test_a_catalogue_with_too_few_themes_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 4 themes, not 2"):
        Crowd(["a", "b"] * 50, np.random.default_rng(1))
