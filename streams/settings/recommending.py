"""Settings of the recommender: what a click means, what is remembered, what a list is."""

from __future__ import annotations

from streams.core.rules import TasteRules
from streams.settings.field import Section, setting
from streams.settings.values import KindWeights, Names

_RULES = TasteRules()


class Taste(Section):
    """Taste and lists"""

    list_length: int = setting(
        _RULES.list_length, "Items of a list. More cost CPU and topic bytes.", ge=1, le=500
    )
    kind_weights: KindWeights = setting(
        dict(_RULES.weights),
        "What each kind of interaction weighs, in clicks; kinds that are not named keep their "
        "default. For dislike and hide it is how strongly they repel. Changing them changes what "
        "later clicks do, not what earlier ones did.",
    )
    interests: int = setting(
        _RULES.interests,
        "Tastes kept apart for each user. Each costs 2 bytes of profile for every dimension of the "
        "model, and one search of the index for every list.",
        ge=1,
        le=64,
    )
    candidates: int = setting(
        _RULES.candidates,
        "Items searched near each interest. More give the list more to choose from, and cost CPU "
        "with every click.",
        ge=1,
        le=1_000,
    )
    recent_items: int = setting(
        _RULES.recent,
        "Items of hers that a profile remembers by id: reasons name them, and a change of model "
        "starts from them. Each costs its id's bytes and a few more.",
        ge=1,
        le=1_000,
    )
    seen_items: int = setting(
        _RULES.seen,
        "Items she touched that stay out of her lists, the oldest forgotten first. 4 bytes each.",
        ge=1,
        le=50_000,
    )
    hidden_items: int = setting(
        _RULES.hidden,
        "The same for items she disliked or hid, remembered apart. 4 bytes each.",
        ge=1,
        le=50_000,
    )
    short_half_life_s: float = setting(
        _RULES.short_half_life_s,
        "After this long a click counts half in what she wants now. Hours suit a shop; shorter "
        "follows a mood and forgets it.",
        ge=1,
        le=31_536_000,
    )
    long_half_life_s: float = setting(
        _RULES.long_half_life_s,
        "After this long a click counts half in what she likes anyway.",
        ge=60,
        le=315_360_000,
    )
    repel_half_life_s: float = setting(
        _RULES.repel_half_life_s,
        "After this long a dislike repels half as strongly.",
        ge=60,
        le=315_360_000,
    )
    largest_click_share: float = setting(
        _RULES.largest_click_share,
        "The most of a list that one click may claim, if she clicked anything else: of its places, "
        "by what their reasons name, and of the shares of interests. Lower is steadier, and slower "
        "to follow.",
        ge=0.01,
        le=0.99,
    )
    exclude_labels: Names = setting(
        (),
        "Items with one of these labels are in no list. Clicks on them count as ever. Compared "
        "exactly, upper and lower case too; a label with a comma in it can't be named here.",
    )
    exclude_groups: Names = setting((), "The same for items of these groups.")
    min_similarity: float = setting(
        _RULES.min_similarity,
        "The least cosine with an item of hers for a recommended one to be said to look like it. "
        "Higher makes reasons plainer and lists shorter of such items.",
        ge=0,
        le=1,
    )
    group_most: int = setting(
        _RULES.group_most,
        "Items of one `group` in a list at most; 0: as many as there are. Lower mixes lists, and "
        "gives places to items that are worth less.",
        ge=0,
        le=500,
    )
    temperature: float = setting(
        _RULES.temperature,
        "0: each place of a list goes to the best item that is left. Above, to one drawn at "
        "random, the better the likelier (1: in proportion to what they are worth); each item's "
        "`propensity` says with which chance, so that other policies can be judged from the lists. "
        "Costs the quality of each list, and some 0.5 ms of CPU.",
        ge=0,
        le=100,
    )
    fresh_share: float = setting(
        _RULES.fresh_share,
        "The share of a list's places for items that hardly anybody has clicked yet and that look "
        "like one of hers, where others' clicks rank the rest. 0: beside items with clicks they "
        "hardly ever rank. More shows them sooner, at the cost of those places. Rounded down to "
        "whole places: a list shorter than 1 / fresh_share items (10 at the default) has none.",
        ge=0,
        le=0.5,
    )
    explore_share: float = setting(
        _RULES.explore_share,
        "The share of a list's places, its last ones, that new items get at random (reason "
        "`exploring`). 0: what nobody has clicked is listed only where its picture or its newness "
        "earns it. More finds out sooner what is liked, at the cost of those places. Rounded down "
        "to whole places: a list shorter than 1 / explore_share items (20 at the default) has "
        "none.",
        ge=0,
        le=0.5,
    )
    unlikeness: float = setting(
        _RULES.unlikeness,
        "What is taken off an item's score for looking like one that is listed above it, where "
        "others' clicks rank: so many logits for a cosine of 1. 0: only near-duplicates are kept "
        "apart. More makes lists more varied, and in the end worse.",
        ge=0,
        le=100,
    )
    near_duplicate_similarity: float = setting(
        _RULES.near_duplicate_similarity,
        "Items whose pictures are this close (cosine) are not listed together. 1 lists all but "
        "the same picture.",
        ge=0,
        le=1,
    )


class Recommending(Section):
    """The recommender"""

    batch_events: int = setting(
        256,
        "Clicks that are worked on together, at most. More cost less CPU for each under load, and "
        "the first one waits for the last.",
        ge=1,
        le=256,  # what the store saves in one round trip
    )
    remembered_searches: int = setting(
        20_000,
        "Interests whose nearest items are remembered: those of the users who click now and then "
        "again soon. A click moves one of a user's interests, so most searches for her next list "
        "are spared. Each takes about 1.2 kB.",
        ge=0,
        le=10_000_000,
    )
    proven_lists: float = setting(
        0.0,
        "The share of the lists whose every reason is proven once more from profile, index and "
        "signals before the list goes out (`lookstream_reasons_proven_total`). Costs a list that "
        "is proven some milliseconds; .01 is enough to see whether all hold.",
        ge=0,
        le=1,
    )
    max_items: int = setting(
        1_000_000,
        "Items beyond this many are left out of the index, loudly. It bounds the memory of every "
        "recommender: about 1.5 KB an item of 256 dimensions.",
        ge=1,
        le=100_000_000,
    )
    snapshot_every_s: float = setting(
        300.0,
        "How often the index, and what the learner has learned, is copied to disk, if it changed. "
        "Costs a write of all of it; what came since is read from Kafka again at the next start.",
        ge=10,
        le=86_400,
    )
    profile_ttl_s: int = setting(
        180 * 86_400,
        "A profile that saw no click for this long is forgotten. A full one takes 6.2 kB of the "
        "store with item ids of 20 bytes, 8.3 with ids of 64 (docs/operations.md, The store).",
        ge=60,
        le=315_360_000,
    )
    popularity_half_life_s: float = setting(
        3 * 86_400.0,
        "After this long a click counts half in what is popular, which is what somebody unknown "
        "is shown. A user counts once for an item that she touches, and once more when she first "
        "likes it, however often she comes back.",
        ge=60,
        le=31_536_000,
    )
    popular_items: int = setting(
        10_000,
        "Items whose popularity is kept; the least popular are forgotten. About 100 bytes of the "
        "store each.",
        ge=100,
        le=1_000_000,
    )
