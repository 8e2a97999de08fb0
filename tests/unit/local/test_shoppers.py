"""How shoppers behave, and what they may know."""

from __future__ import annotations

import numpy as np
import pytest

from streams.local.shoppers import Habits, Shelf, Shopper, draw_shoppers

PLAIN = Habits(accident=0, attention=1, browse=0, like=0, dislike=0, drift=0)
THEMES = {f"{theme}-{n}": theme for theme in ("fruit", "flag", "tool") for n in range(20)}


def shelf() -> Shelf:
    made = Shelf(THEMES)
    made.put(THEMES)
    return made


def shopper(habits: Habits = PLAIN, tastes: tuple[str, ...] = ("fruit",)) -> Shopper:
    return Shopper("ada", tastes, ["fruit", "flag", "tool"], np.random.default_rng(1), habits)


def test_reads_down_her_list_and_clicks_the_first_thing_she_likes() -> None:
    act = shopper().look(["flag-1", "tool-1", "fruit-7", "fruit-2"], shelf())
    assert act is not None
    assert (act.item_id, act.kind) == ("fruit-7", "click")


def test_without_a_list_she_browses_until_something_is_to_her_taste() -> None:
    acts = [shopper(Habits(accident=0)).look([], shelf()) for _ in range(20)]
    assert {THEMES[act.item_id] for act in acts if act} == {"fruit"}


def test_turns_to_the_shelves_when_her_list_has_nothing_for_her() -> None:
    act = shopper().look(["flag-1", "tool-1"], shelf())
    assert act is not None
    assert THEMES[act.item_id] == "fruit"


def test_does_nothing_where_there_is_nothing() -> None:
    assert shopper().look([], Shelf(THEMES)) is None


def test_gives_up_when_the_shelves_hold_nothing_for_her() -> None:
    assert shopper(tastes=("books",)).look([], shelf()) is None


def test_does_not_go_back_to_what_she_clicked() -> None:
    she = shopper()
    clicked = [act.item_id for _ in range(40) if (act := she.look(["fruit-1"], shelf()))]
    assert sorted(clicked) == sorted(i for i, theme in THEMES.items() if theme == "fruit")


def test_some_of_her_clicks_are_accidents() -> None:
    she = shopper(Habits(drift=0))
    acts = [she.look(["flag-1", "fruit-1", "tool-1"], shelf()) for _ in range(500)]
    wrong = sum(act.kind == "click" and not she.likes(THEMES[act.item_id]) for act in acts if act)
    assert 10 < wrong < 150


def test_dislikes_only_what_is_not_to_her_taste() -> None:
    she = shopper(Habits(accident=0, browse=0, dislike=1, drift=0))
    acts = [she.look(["flag-1", "fruit-1"], shelf()) for _ in range(20)]
    assert {(act.item_id, act.kind) for act in acts if act} == {("flag-1", "dislike")}


def test_a_taste_gives_way_to_another_now_and_then() -> None:
    she = shopper(Habits(accident=0, drift=1))
    she.look(["fruit-1"], shelf())
    assert she.tastes in (["flag"], ["tool"])


def test_what_stands_higher_is_clicked_more() -> None:
    habits = Habits(accident=0, browse=0, dislike=0, drift=0, attention=0.5)
    picked = [
        Shopper("ada", ["fruit"], [], np.random.default_rng(seed), habits).look(
            ["fruit-1", "fruit-2", "fruit-3"], shelf()
        )
        for seed in range(400)
    ]
    counts = [sum(a.item_id == f"fruit-{n}" for a in picked if a) for n in (1, 2, 3)]
    assert counts[0] > counts[1] > counts[2]


def test_the_same_seed_gives_the_same_shoppers_and_clicks() -> None:
    def acts() -> list[object]:
        made = draw_shoppers(3, THEMES.values(), np.random.default_rng(7))
        return [(s.user_id, s.tastes, s.look([], shelf()), s.pause_s()) for s in made]

    assert acts() == acts()


def test_every_shopper_has_two_or_three_different_tastes_and_a_name_of_her_own() -> None:
    themes = [f"theme {n}" for n in range(9) for _ in range(45)]
    made = draw_shoppers(60, themes, np.random.default_rng(1))
    assert len({s.user_id for s in made}) == 60
    assert {len(set(s.tastes)) for s in made} == {2, 3}


def test_tastes_are_of_themes_that_have_enough_to_recommend() -> None:
    themes = [f"large {n}" for n in range(4) for _ in range(40)] + ["small"] * 3 + [""] * 50
    made = draw_shoppers(30, themes, np.random.default_rng(1))
    assert all(taste.startswith("large") for s in made for taste in s.tastes)


def test_two_small_themes_are_enough_to_differ_in_taste() -> None:
    made = draw_shoppers(4, ["a", "b"], np.random.default_rng(1))
    assert all(len(s.tastes) == 1 for s in made)


def test_pictures_without_themes_are_refused_with_advice() -> None:
    with pytest.raises(ValueError, match="sub-folders"):
        draw_shoppers(2, ["", ""], np.random.default_rng(1))


def test_fit_is_the_share_of_the_list_that_is_to_her_taste() -> None:
    she = shopper(tastes=("fruit", "tool"))
    assert she.fit(["fruit-1", "flag-1", "tool-1", "unknown"], THEMES) == 0.5
    assert she.fit([], THEMES) == 0.0


def test_the_shelf_says_how_often_a_random_item_would_fit() -> None:
    some = Shelf(THEMES)
    assert some.share(["fruit"]) == 0.0
    some.put(["fruit-1", "flag-1", "flag-2", "tool-1"])
    assert some.share(["flag", "tool", "flag"]) == 0.75


def test_pauses_have_a_least_length_and_the_mean_of_her_habits() -> None:
    she = shopper(Habits(pause_s=1.2))
    pauses = [she.pause_s() for _ in range(2000)]
    assert min(pauses) >= 0.4
    assert np.mean(pauses) == pytest.approx(1.2, rel=0.1)
